"""Behind ``hedui ledger sample``: draw, fetch, open, check."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from crypto.errors import CryptoError
from crypto.rng import Rng, shuffled, system_rng
from crypto.sealing import SealingKey
from desk.client.acting import Acting
from desk.command import Options
from desk.commands.reconciling import read_ledgers, trusted_federation
from desk.commands.reporting import zone_named
from hedui.v1 import node_pb2, node_pb2_grpc, registrar_pb2, registrar_pb2_grpc
from model.disclosure import (
    AnswerDisclosure,
    EntryDisclosure,
    Granted,
    answer_parts,
    open_answer_of,
    open_granted,
    sample_parts,
)
from model.documents.query import Ticket
from model.documents.sampling import SampleGrant
from model.documents.signed import DocumentError, Signed
from model.federation import Federation
from reviewer.answers import check_answer, contributions
from reviewer.checks import check_entry, check_erased
from reviewer.papers import Check, Papers, Sources, Wrong, judge
from runtime.documents import open_signed
from runtime.errors import CallError, PeerFault, Refusal, SettingsError
from runtime.transport.wire import signed_to_wire


@dataclass(frozen=True)
class Sampled:
    """One drawn entry: what was opened of it, or the entry that erased it.

    Attributes:
        sample: The sample's id.
        entry: Index in the registrar's ledger.
        granted: Grant and opened entry; None where it was erased.
        erased_by: The erasing entry; None where it was opened.
        answers: What departments opened, by query id.
        silent: By query id, why a department opened nothing.
    """

    sample: str
    entry: int
    granted: Granted | None
    erased_by: int | None = None
    answers: dict[str, AnswerDisclosure] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)


def read_sources(
    chosen: Options,
    bundles: list[Path],
    federation: Path | None,
    *,
    evidence: Path | None,
    zone: str,
) -> Sources:
    """Verify the bundles and read what a sample is held against.

    A bundle that does not hold ends the command. Raises SettingsError for evidence that is not
    there.
    """
    data = trusted_federation(chosen, bundles, federation)
    ledgers = read_ledgers(bundles, data)
    return Sources(Federation.parse(data), ledgers, zone_named(zone), _hashes(evidence))


def _hashes(evidence: Path | None) -> frozenset[str] | None:
    if evidence is None:
        return None
    files = [evidence] if evidence.is_file() else sorted(evidence.rglob("*"))
    found = set()
    for path in files:
        if path.is_file():
            with path.open("rb") as file:
                found.add(hashlib.file_digest(file, "sha256").hexdigest())
    if not found:
        raise SettingsError(f"--evidence {evidence}: no such file, or no file in that folder")
    return frozenset(found)


def fetch(
    acting: Acting, sources: Sources, count: int, named: list[int], *, answers: bool
) -> list[Sampled]:
    """Draw, and have everything opened, values with ``answers``.

    Raises CallError, also where the registrar noted other entries than were drawn; SettingsError.
    """
    issued = [fact.index for fact in sources.registrar.of("manifest.issued")]
    wanted = named or draw_by_lot(issued, count, rng=system_rng)
    request = registrar_pb2.DrawSampleRequest(entries=wanted, of=len(issued), named=bool(named))
    reply = _registrar(acting, "DrawSample", request)
    if [row.entry for row in reply.entries] != wanted:
        # Else the registrar would have a say in what is looked at.
        name = acting.federation.registrar.name
        raise PeerFault(name, f"{name} noted other entries than were drawn")
    found = []
    for row in reply.entries:
        if row.HasField("erased_by"):
            found.append(Sampled(reply.sample, row.entry, None, row.erased_by))
        else:
            found.append(_open(acting, reply.sample, row.entry, answers=answers))
    return found


def draw_by_lot(issued: Sequence[int], count: int, *, rng: Rng) -> list[int]:
    """``count`` different entries, each set equally likely, ascending. Raises SettingsError."""
    if count > len(issued):
        sentence = f"{count} entries were to be drawn; the registrar's bundle has {len(issued)}"
        raise SettingsError(f"{sentence} manifest.issued entries. Draw fewer with --count")
    return sorted(shuffled(issued, rng=rng)[:count])


def _registrar(acting: Acting, method: str, request: Any) -> Any:
    name = acting.federation.registrar.name
    return acting.call(name, registrar_pb2_grpc.SampleServiceStub, method, request)


def _open(acting: Acting, sample: str, entry: int, *, answers: bool) -> Sampled:
    request = registrar_pb2.DiscloseSampleRequest(sample=sample, entry=entry)
    reply = _registrar(acting, "DiscloseSample", request)
    key, reviewer = seal_key(acting), acting.member.name
    try:
        granted = open_granted(reply.sealed, key, sample_parts(sample, entry, reviewer))
        grant = check_granted(granted, acting.federation, sample, entry, reviewer)
        found = Sampled(sample, entry, granted)
        _ask_departments(acting, found, grant, values=answers)
    except (DocumentError, Refusal) as error:
        registrar = acting.federation.registrar.name
        raise PeerFault(registrar, f"{registrar}, entry {entry}: {error}") from None
    return found


def check_granted(
    granted: Granted, federation: Federation, sample: str, entry: int, reviewer: str
) -> SampleGrant:
    """Return the grant if it is the registrar's and names exactly this. Raises Refusal.

    Whatever was opened with it, the registrar signed that it opened this.
    """
    grant = open_signed(granted.grant.signed, SampleGrant, federation.registrar)
    if (grant.sample, grant.entry, grant.reviewer) != (sample, entry, reviewer):
        raise DocumentError("the grant is for another sample, entry or reviewer")
    if grant.opened != granted.digest:
        raise DocumentError("the grant is for something else than was opened")
    return grant


def _ask_departments(acting: Acting, found: Sampled, grant: SampleGrant, *, values: bool) -> None:
    """Ask each department; one that opens nothing is noted with its reason."""
    for ticket in tickets_of(found):
        if ticket.query not in grant.queries:
            raise DocumentError("a ticket that the grant does not name")
        process = acting.federation.department(ticket.department)
        try:
            name = process.name if process else ticket.department
            opened = _open_answer(acting, name, found, ticket.query, values=values)
            found.answers[ticket.query] = opened
        except (CallError, DocumentError) as error:
            found.silent[ticket.query] = str(error)


def _open_answer(
    acting: Acting, process: str, found: Sampled, query: str, *, values: bool
) -> AnswerDisclosure:
    grant = _grant(found)
    message = signed_to_wire(grant)
    request = node_pb2.DiscloseAnswerRequest(grant=message, query=query, values=values)
    reply = acting.call(process, node_pb2_grpc.AnswerAuditServiceStub, "DiscloseAnswer", request)
    parts = answer_parts(grant.digest, query, acting.member.name)
    opened = open_answer_of(reply.sealed, seal_key(acting), parts)
    if values and not opened.plaintext:
        raise DocumentError(f"{process} was asked for its values, and shows none")
    return opened


def _grant(found: Sampled) -> Signed:
    if found.granted is None:
        raise DocumentError("nothing was granted for an erased entry")
    return found.granted.grant.signed


def tickets_of(found: Sampled) -> list[Ticket]:
    """The tickets of an opened entry. Raises DocumentError."""
    if found.granted is None:
        return []
    opened = EntryDisclosure.decode(found.granted.opened.encode())
    return [Ticket.decode(each.ticket.signed.body) for each in opened.tickets]


def seal_key(acting: Acting) -> SealingKey:
    """The acting reviewer's. Raises SettingsError."""
    if acting.identity.seal_key is None:
        raise SettingsError(
            f"{acting.member.name} has no sealing key: `hedui person init` makes it"
        )
    return acting.identity.seal_key


def check(sources: Sources, found: Sampled) -> dict[str, Any]:
    """One entry's result: its checks, a summary of its letter, departments' contributions."""
    result: dict[str, Any] = {"entry": found.entry, "sample": found.sample, "contributions": []}
    if found.granted is None:
        erased = check_erased(sources, found.entry, int(found.erased_by or 0))
        return result | {"checks": [asdict(erased)]}
    granted, said = found.granted, "the registrar signed that it opened exactly this to you"
    papers = Papers(sources, found.entry, EntryDisclosure.decode(granted.opened.encode()))
    checks = [judge("opened", said, lambda: _granted(granted, sources, found))]
    entry_checks = list(check_entry(papers))
    checks += entry_checks
    # Only what could be parsed has more to be looked at.
    if len(entry_checks) > 1:
        result["letter"] = _summary(papers)
        for ticket, _ in papers.tickets:
            checks += _answer_checks(papers, ticket, found, result["contributions"])
    return result | {"checks": [asdict(each) for each in checks]}


def _granted(granted: Granted, sources: Sources, found: Sampled) -> None:
    try:
        reviewer = SampleGrant.decode(granted.grant.signed.body).reviewer
        check_granted(granted, sources.federation, found.sample, found.entry, reviewer)
    except Refusal as refusal:
        raise Wrong(refusal.detail) from None


def _answer_checks(
    papers: Papers, ticket: Ticket, found: Sampled, values: list[dict[str, Any]]
) -> list[Check]:
    about = f"answer: {ticket.department}"
    opened = found.answers.get(ticket.query)
    if opened is None:
        said = "the department shows which ticket it answered"
        why = found.silent.get(ticket.query, "it opened nothing that was kept")
        return [Check(about, said, "not looked at", why)]
    checks = list(check_answer(papers, ticket, opened))
    try:
        values += [asdict(each) for each in contributions(papers, ticket, opened)]
    except CryptoError as error:
        checks.append(Check(about, "its values can be told apart", "FAILS", str(error)))
    return checks


def _summary(papers: Papers) -> list[str]:
    letter = papers.letter
    lines = [
        f"letter {letter.number} for {', '.join(letter.programmes)}, {letter.valid_from} to "
        f"{letter.valid_to}, evidence {letter.evidence_file}",
        f"asked by {papers.request.officer} at {papers.request.at}, query "
        f"{papers.manifest.sequence} of this letter",
    ]
    for member in letter.members:
        by = f" {member.guardian}" if member.guardian else ""
        lines.append(f"{member.relation}: {member.person}, signed: {member.signed}{by}")
    if papers.request.again:
        lines.append(f"asked again because: {papers.request.again}")
    return lines
