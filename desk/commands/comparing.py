"""A reviewer's re-check: permit from the registrar, opening through the coordinator, comparison.

Source: design.md 2.6.15. Trusts: the federation file for everybody's keys. Neither registrar nor
coordinator is believed: permit, holders' messages and reveals are verified here.
Learns: the bits of one case and its programmes, no person.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from coordinator.opening.disclosure import unseal_reveals
from coordinator.opening.transcript import read_bits
from crypto.commit import verify_reveal
from crypto.errors import CryptoError
from crypto.sealing import SealingKey
from desk.client.acting import Acting
from desk.commands.reading import LiveLog, Row, offline_rows, proven_live, proven_offline
from hedui.v1 import common_pb2
from hedui.v1 import recheck_pb2 as pb
from hedui.v1.recheck_pb2_grpc import RecheckPermitServiceStub, RecheckServiceStub
from holder import messages as holder_messages
from ledger import merkle
from ledger.event import Entry, decode
from model.documents.opening import HolderHeader, Permit, RecheckPermit
from model.documents.query import Manifest
from model.documents.signed import DocumentError, Signed
from model.explanations import EXPLANATIONS
from model.federation import Federation
from model.opening import check_recheck, check_split
from model.policy import Layout, PolicyError, compile_policy, parse
from reviewer.bundle import Proven
from runtime.documents import open_signed
from runtime.errors import DeadlinePassed, PeerFault, Refusal, Refused, SettingsError, Unreachable
from runtime.transport.wire import signed_from_wire, signed_to_wire

T = TypeVar("T")
CALL_S: Final = 120.0
_PAUSE_S: Final = 2.0
_LEAST: Final = 8


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


def find_determined(acting: Acting, case: str, bundle: Path | None, keys: Sequence[str]) -> Proven:
    """The proven ``case.determined`` of the case with this beginning. Raises SettingsError.

    Args:
        bundle: Of the coordinator's ledger; without it, the running coordinator is read.
        keys: Keys of logs to trust for a bundle.
    """
    coordinator = acting.federation.coordinator.name
    if len(case) < _LEAST:
        raise SettingsError(f'"{case}": at least {_LEAST} digits of the case\'s id are needed')
    rows = LiveLog(acting, coordinator).poll() if bundle is None else offline_rows(bundle)
    found = [row for row in rows if _determines(row, case)]
    where = str(bundle or coordinator)
    if not found:
        raise SettingsError(f'{where}: no case with the id "{case}" was determined there')
    if len(found) > 1:
        entries = ", ".join(str(row.index) for row in found)
        if len({row.entry.fields["case"] for row in found}) == 1:
            raise SettingsError(f"{where}: the case was determined twice, in entries {entries}")
        raise SettingsError(f'{where}: {len(found)} cases begin with "{case}"; give more digits')
    if bundle is None:
        return proven_live(acting, coordinator, found[0].index)[0]
    return proven_offline(bundle, found[0].index, keys)[0]


def _determines(row: Row, case: str) -> bool:
    number = str(row.entry.fields.get("case", ""))
    return row.entry.event == "case.determined" and number.startswith(case)


def recheck(
    acting: Acting,
    determined: Proven,
    *,
    wait_s: float,
    progress: Callable[[str], None] = lambda _: None,
) -> Recheck:
    """Have the case opened again, and compare. Raises CallError, also for what does not verify.

    Args:
        determined: The coordinator's entry, with its proof.
        wait_s: How long to ask again while somebody cannot be reached.
        progress: Is told, in words, why it is asked again.
    """
    key = acting.identity.seal_key
    if key is None:
        raise SettingsError(f"{acting.identity.name} has no sealing key: nobody can seal to it")
    patience = Patience(time.monotonic() + wait_s, progress)
    papers = patience.ask(lambda: _papers(acting, determined))
    case = str(papers.entry.fields["case"])
    reply = patience.ask(lambda: _relayed(acting, case, papers))
    coordinator = acting.federation.coordinator.name
    slots = _checked(coordinator, lambda: compared(reply, papers, key, acting.federation))
    return Recheck(case, determined.index, papers.permit, slots)


@dataclass(frozen=True)
class Patience:
    """Asks again while asking again may help: steps that were taken are not taken again."""

    end: float
    progress: Callable[[str], None]

    def ask(self, question: Callable[[], T]) -> T:
        """The answer; raises CallError once it is final, or the time is over."""
        while True:
            try:
                return question()
            except (Refused, Unreachable, DeadlinePassed) as error:
                waits = not isinstance(error, Refused) or EXPLANATIONS[error.reason].waits
                if not waits or time.monotonic() + _PAUSE_S >= self.end:
                    raise
                self.progress(f"{error.process}: {error}; asking again")
            time.sleep(_PAUSE_S)


def _checked(process: str, check: Callable[[], T]) -> T:
    """What was verified; anything that does not verify is the process's fault, by name."""
    try:
        return check()
    except Refusal as error:
        fault = error.detail or str(error.reason)
    except (CryptoError, PolicyError, ValueError) as error:
        fault = str(error)
    raise PeerFault(process, f"{process} gave for the re-check what does not verify: {fault}")


# ---------------------------------------------------------------- the permit


def _papers(acting: Acting, determined: Proven) -> RecheckPapers:
    receipt = common_pb2.LedgerReceipt(
        index=determined.index,
        path=list(determined.path),
        checkpoint=determined.note,
        leaf=determined.entry,
    )
    registrar = acting.federation.registrar.name
    request = pb.IssueRecheckRequest(determined=receipt)
    reply = acting.call(
        registrar, RecheckPermitServiceStub, "IssueRecheck", request, timeout_s=CALL_S
    )
    name = acting.identity.name
    return _checked(
        registrar, lambda: check_papers(reply, determined.entry, name, acting.federation)
    )


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
    names, threshold = [h.name for h in federation.holders], federation.joint_key.threshold
    check_split(manifest, permit)
    beside = federation.holders_beside(permit.reviewer)
    check_recheck(manifest, permit, before, first.digest, names, threshold, beside)
    return RecheckPapers(entry, manifest, permit, signed)


# ---------------------------------------------------------------- what comes out


def _relayed(acting: Acting, case: str, papers: RecheckPapers) -> pb.RecheckReply:
    coordinator = acting.federation.coordinator.name
    request = pb.RecheckRequest(permit=signed_to_wire(papers.signed), case_id=case)
    reply: pb.RecheckReply = acting.call(
        coordinator, RecheckServiceStub, "Recheck", request, timeout_s=CALL_S
    )
    return reply


def compared(
    reply: pb.RecheckReply, papers: RecheckPapers, key: SealingKey, federation: Federation
) -> list[Compared]:
    """Both bits of each slot, in order. Raises Refusal or ValueError where anything is unsound.

    Args:
        key: The reviewer's sealing key.
    """
    bits, layout = _opened(reply, papers, key)
    again = read_bits(
        reply.flips,
        reply.results,
        papers.permit,
        _mask_header(reply, papers, federation),
        count=len(layout.slots),
        name=papers.permit.reviewer,
        key=key,
        federation=federation,
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
    return holder_messages.verify(
        reply.mask,
        federation=federation,
        permit=papers.signed.digest,
        step="mask",
        sender=papers.permit.masker,
        recipient=holder_messages.ALL_HOLDERS,
        ciphertext=said,
        previous=papers.signed.digest,
    )


def _rules(layout: Layout, comparison: int) -> tuple[str, ...]:
    """The rules that a comparison serves, by the policy's names."""
    found = layout.rules.items()
    return tuple(n for n, terms in found if any(t.comparison == comparison for t in terms))
