"""What a re-check brought, verified and compared: papers of the registrar, bits of the holders.

Source: design.md 2.6.15. Trusts: the federation file for everybody's keys. Neither registrar nor
coordinator is believed: permit, holders' messages and reveals are verified here.
Learns: the bits of one case and its programmes, no person.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from crypto.commit import verify_reveal
from crypto.sealing import SealingKey
from hedui.v1 import recheck_pb2 as pb
from holder.bits import Outcome, Recipient, read_bits
from holder.messages import mask_link, receive
from ledger import merkle
from ledger.event import Entry, decode
from model.documents.opening import HolderHeader, Permit, RecheckPermit
from model.documents.query import Manifest
from model.documents.signed import DocumentError, Signed
from model.federation import Federation
from model.opening import Holders, check_recheck, check_split
from model.policy import Layout, compile_policy, parse
from reviewer.entries import Row
from runtime.disclosure import unseal_reveals
from runtime.documents import open_signed
from runtime.errors import SettingsError
from runtime.transport.wire import signed_from_wire

LEAST_DIGITS: Final = 8


@dataclass(frozen=True)
class Compared:
    """One slot: the rules that it serves, both bits; ``flag`` for that of unreadable values."""

    rules: tuple[str, ...]
    flag: bool
    determined: int
    rechecked: int

    @property
    def agree(self) -> bool:
        """Whether both say the same."""
        return self.determined == self.rechecked


@dataclass(frozen=True)
class Recheck:
    """What came out."""

    case: str
    entry: int
    permit: RecheckPermit
    slots: list[Compared] = field(default_factory=list)

    @property
    def agree(self) -> bool:
        """Whether every bit is the one that was determined."""
        return all(slot.agree for slot in self.slots)


@dataclass(frozen=True)
class RecheckPapers:
    """Verified: the determination's entry, the manifest, and the permit of the re-check."""

    entry: Entry
    manifest: Manifest
    permit: RecheckPermit
    signed: Signed
    """The permit as it travels."""


def determined_row(rows: Iterable[Row], case: str, where: str) -> Row:
    """The ``case.determined`` of the case with this beginning. Raises SettingsError.

    Args:
        rows: Of the coordinator's ledger.
        case: The case's id, or its first digits, ``LEAST_DIGITS`` or more.
        where: The ledger's name, for messages.
    """
    if len(case) < LEAST_DIGITS:
        raise SettingsError(
            f'"{case}": at least {LEAST_DIGITS} digits of the case\'s id are needed'
        )
    found = [row for row in rows if _determines(row, case)]
    if not found:
        raise SettingsError(f'{where}: no case with the id "{case}" was determined there')
    if len(found) > 1:
        entries = ", ".join(str(row.index) for row in found)
        if len({row.entry.fields["case"] for row in found}) == 1:
            raise SettingsError(f"{where}: the case was determined twice, in entries {entries}")
        raise SettingsError(f'{where}: {len(found)} cases begin with "{case}"; give more digits')
    return found[0]


def _determines(row: Row, case: str) -> bool:
    number = str(row.entry.fields.get("case", ""))
    return row.entry.event == "case.determined" and number.startswith(case)


def check_papers(
    reply: pb.IssueRecheckReply, leaf: bytes, reviewer: str, federation: Federation
) -> RecheckPapers:
    """Verify the registrar's documents against the determination. Raises Refusal, ValueError."""
    entry, registrar = decode(leaf), federation.registrar
    about, first = signed_from_wire(reply.manifest), signed_from_wire(reply.first)
    signed = signed_from_wire(reply.permit)
    manifest = open_signed(about, Manifest, registrar)
    before = open_signed(first, Permit, registrar)
    permit = open_signed(signed, RecheckPermit, registrar)
    said = (entry.fields.get("manifest"), entry.fields.get("permit"))
    if (about.digest, first.digest) != said or permit.manifest != about.digest:
        raise ValueError("a manifest or permit that is not the determination's")
    if (permit.reviewer, permit.determined) != (reviewer, merkle.leaf_hash(leaf).hex()):
        raise ValueError("a permit for another reviewer or of another determination")
    check_split(manifest, permit)
    holders = Holders.of(federation, reviewer=permit.reviewer)
    check_recheck(manifest, permit, before, first.digest, holders)
    return RecheckPapers(entry, manifest, permit, signed)


def compared(
    reply: pb.RecheckReply, papers: RecheckPapers, key: SealingKey, federation: Federation
) -> list[Compared]:
    """Both bits of each slot, in order. Raises Refusal or ValueError where anything is unsound.

    Args:
        key: The reviewer's sealing key.
    """
    bits, layout = _opened(reply, papers, key)
    again = read_bits(
        Outcome(reply.flips, reply.results),
        papers.permit,
        _mask_header(reply, papers, federation),
        count=len(layout.slots),
        to=Recipient(papers.permit.reviewer, key, federation),
    )
    return [
        Compared(_rules(layout, slot.comparison), slot.is_flag, before, now)
        for slot, before, now in zip(layout.slots, bits, again, strict=True)
    ]


def _opened(
    reply: pb.RecheckReply, papers: RecheckPapers, key: SealingKey
) -> tuple[list[int], Layout]:
    """The bits that were determined, by the ledger's commitment; and what each of them means."""
    bits, programmes = unseal_reveals(
        reply.reveals, key=key, reviewer=papers.permit.reviewer, permit=papers.signed.digest
    )
    verify_reveal(bytes.fromhex(str(papers.entry.fields.get("bits", ""))), bits)
    verify_reveal(bytes.fromhex(papers.manifest.commitments.programmes), programmes)
    policy = parse(reply.policy)
    if policy.digest.hex() != papers.manifest.policy or not isinstance(programmes.value, list):
        raise ValueError("a policy that is not the manifest's")
    layout = compile_policy(policy, [str(name) for name in programmes.value])
    found = [int(bit) for bit in str(bits.value)]
    if len(found) != len(layout.slots) or set(found) - {0, 1}:
        raise ValueError("the ledger's commitment is not to one bit a slot")
    return found, layout


def _mask_header(
    reply: pb.RecheckReply, papers: RecheckPapers, federation: Federation
) -> HolderHeader:
    """The masker's signed header: flips and results must be of the C that it names."""
    try:
        said = HolderHeader.decode(reply.mask.header.body).ciphertext
    except DocumentError as error:
        raise ValueError(f"the mask: {error}") from None
    link = mask_link(papers.signed.digest, papers.permit.masker, said)
    return receive(link, reply.mask, federation=federation).header


def _rules(layout: Layout, comparison: int) -> tuple[str, ...]:
    """The rules that a comparison serves, by the policy's names."""
    found = layout.rules.items()
    return tuple(n for n, terms in found if any(t.comparison == comparison for t in terms))
