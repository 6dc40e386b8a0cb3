"""The checks of one drawn entry, in plain sentences; each raises where it does not hold.

Source: design.md 2.3, 4.13 for what must be so; docs/adr/0019-samples.md for what binds what.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from typing import Final

from crypto import oprf
from ledger.verify.reconcile_facts import Fact
from model.disclosure import DisclosedTicket
from model.documents.authorization import Authorization, AuthorizationCheck
from model.documents.query import Manifest, OfficerRequest, Ticket
from model.fields import parse_time
from model.identifiers import parse as parse_person
from model.pseudonym import oprf_input, pseudonym
from reviewer.papers import Check, NotLookedAt, Papers, Sources, Wrong, hold, judge, signed_by

CLOCK_S: Final = 600.0
"""How far the time in a manifest may lie from its entry's: both are the registrar's clock."""
REQUEST_AGE_S: Final = 3600.0
"""How old an officer's request may be at the most, whatever the registrar's setting."""


def check_entry(papers: Papers) -> Iterator[Check]:
    """Every check of one entry. Where something cannot be parsed, that alone."""
    read = judge(
        "disclosed", "what was disclosed can be read, and the entries are there", papers.parse
    )
    if read.outcome != "holds":
        yield read
        return
    for about, sentence, act in CHECKS:
        yield judge(about, sentence.format(p=papers), partial(act, papers))
    for ticket, proven in papers.tickets:
        about = f"asked: {ticket.department}"
        said = f"{ticket.department} was asked about exactly the letter's members, proved"
        yield judge(about, said, partial(_pseudonyms, papers, ticket, proven))
        said = f"the ledgers of {ticket.department} and of the coordinator have this query"
        yield judge(about, said, partial(_others, papers, ticket))


def check_erased(sources: Sources, entry: int, erased_by: int) -> Check:
    """Whether the registrar's ledger itself says that this entry's authorization was erased."""
    sentence = f"its authorization was erased by entry {erased_by}: nothing of it can be disclosed"
    return judge("erased", sentence, partial(_erased, sources, entry, erased_by))


def _erased(sources: Sources, entry: int, erased_by: int) -> None:
    if erased_by >= sources.registrar.entries:
        raise NotLookedAt("that entry is newer than the registrar's bundle: export it again")
    issued = sources.fact("manifest.issued", entry)
    erased = sources.fact("authorization.erased", erased_by)
    ended = sources.fact("authorization.ended", int(erased.fields["ended"]))
    if "given" not in ended.fields:
        raise NotLookedAt(f"entry {ended.index} does not say which authorization it ended")
    if ended.fields["given"] != issued.fields.get("given"):
        raise Wrong(f"entry {erased_by} erased another authorization")


def _issued_reveals(p: Papers) -> None:
    expected = {
        "authorization": p.letter.number,
        "officer": p.request.officer,
        "sequence": p.manifest.sequence,
        "departments": p.manifest.departments,
        "terms": [ticket.terms_digest for ticket, _ in p.tickets],
        "request": p.disclosure.request.signed.digest,
    }
    hold(f"entry {p.entry}", p.issued.fields, p.disclosure.issued_openings, expected)
    if p.issued.text("manifest") != p.disclosure.manifest.signed.digest:
        raise Wrong("the entry names a different manifest than was disclosed")
    if p.issued.texts("tickets") != [ticket.query for ticket, _ in p.tickets]:
        raise Wrong("the entry names other tickets than were disclosed")


def _given_reveals(p: Papers) -> None:
    expected = {
        "authorization": p.letter.number,
        "roster": [member.person for member in p.letter.members],
        "evidence": p.letter.evidence_sha256,
        "clerk": p.letter.clerk,
        "checker": p.check.checker,
        "letter": p.disclosure.letter.signed.digest,
    }
    hold(f"entry {p.given.index}", p.given.fields, p.disclosure.given_openings, expected)
    if p.given.index >= p.entry:
        raise Wrong("the authorization was put into force after the manifest was issued")


def _manifest(p: Papers) -> None:
    signed_by(p.disclosure.manifest, Manifest, p.sources.federation.registrar)
    expected = {
        "authorization": p.letter.number,
        "roster": [[member.person, member.relation] for member in p.letter.members],
        "officer": p.request.officer,
        "members": len(p.letter.members),
        "reference_date": p.letter.reference_date,
        "region": p.letter.region,
        "programmes": list(p.layout.programmes),
    }
    commitments = p.manifest.commitments.model_dump()
    hold("the manifest", commitments, p.disclosure.manifest_openings, expected)
    if p.manifest.federation != p.sources.federation.digest:
        raise Wrong("the manifest is of another federation file than yours")


def _signatures(p: Papers) -> None:
    signed_by(p.disclosure.letter, Authorization, p.person(p.letter.clerk, "clerk"))
    signed_by(p.disclosure.check, AuthorizationCheck, p.person(p.check.checker, "checker"))
    if p.check.checker == p.letter.clerk:
        raise Wrong("the clerk and the checker are the same person")
    digest = p.disclosure.letter.signed.digest
    if (p.check.authorization, p.check.number) != (digest, p.letter.number):
        raise Wrong("the checker confirmed a different text from the one that the clerk registered")


def _all_signed(p: Papers) -> None:
    missing = [i for i, each in enumerate(p.letter.members, 1) if each.signed == "missing"]
    if missing:
        raise Wrong(f"nobody signed for member {missing[0]}")


def _in_force(p: Papers) -> None:
    issued_at = parse_time(p.manifest.issued_at)
    if abs(issued_at.timestamp() - p.issued.at) > CLOCK_S:
        raise Wrong(f"the manifest says that it was issued at {p.manifest.issued_at}")
    day = datetime.fromtimestamp(p.issued.at, UTC).astimezone(p.sources.zone).date()
    first, last = date.fromisoformat(p.letter.valid_from), date.fromisoformat(p.letter.valid_to)
    if not first <= day <= last:
        raise Wrong(f"issued on {day}; the letter holds from {first} to {last}")
    for ended in p.sources.registrar.of("authorization.ended"):
        if ended.fields.get("given") == p.given.index and ended.index < p.entry:
            raise Wrong(f"the authorization had ended with entry {ended.index}")


def _covers(p: Papers) -> None:
    for programme in p.request.programmes:
        if programme not in p.letter.programmes:
            raise Wrong(f"the letter does not name programme {programme}")
    if p.letter.requesters and p.requester not in p.letter.requesters:
        raise Wrong(f"the letter does not let {p.requester} ask")
    if p.manifest.purpose != p.letter.purpose:
        raise Wrong("the manifest is for another purpose than the letter")
    if p.manifest.level == "totals" and p.letter.level != "totals":
        raise Wrong("the letter grants verdicts, not totals")
    if tuple(p.manifest.departments) != p.layout.departments:
        raise Wrong("the manifest's departments are not those of the policy")
    unnamed = set(p.layout.single_department_rules) - set(p.letter.single_department_rules)
    if unnamed:
        raise Wrong(f"rule {min(unnamed)} shows one department's fact; the letter does not name it")
    _granted(p)


def _granted(p: Papers) -> None:
    granted = {grant.department: set(grant.resources) for grant in p.letter.grants}
    if [ticket.department for ticket, _ in p.tickets] != p.manifest.departments:
        raise Wrong("there is not one ticket for each department of the manifest")
    for ticket, _ in p.tickets:
        beyond = set(ticket.resources) - granted.get(ticket.department, set())
        if beyond:
            raise Wrong(f"the letter does not grant {min(beyond)} of {ticket.department}")


def _evidence(p: Papers) -> None:
    if p.sources.evidence is None:
        raise NotLookedAt("hand in the file, or a folder of them, with --evidence")
    if p.letter.evidence_sha256 not in p.sources.evidence:
        raise Wrong(f"no file handed in has the SHA-256 {p.letter.evidence_sha256}")


def _request(p: Papers) -> None:
    signed_by(p.disclosure.request, OfficerRequest, p.person(p.request.officer, "officer"))
    asked = (p.request.authorization, p.request.policy, p.request.level)
    if asked != (p.letter.number, p.manifest.policy, p.manifest.level):
        raise Wrong("the officer asked for another authorization, policy or level")
    through = p.sources.federation.requester(p.request.requester)
    if through is None or through.name != p.requester:
        raise Wrong("the officer asked through another coordinator than the manifest names")
    age_s = p.issued.at - parse_time(p.request.at).timestamp()
    if not -CLOCK_S <= age_s <= REQUEST_AGE_S + CLOCK_S:
        raise Wrong(f"the officer signed at {p.request.at}, {age_s:.0f} s before it was issued")
    if p.manifest.sequence > 1:
        _again(p)


def _again(p: Papers) -> None:
    counter = p.disclosure.countersigned
    if counter is None or not p.request.again:
        raise Wrong("a further query without a reason or a checker's signature")
    if counter.body != p.disclosure.request.body:
        raise Wrong("the checker signed a different request")
    signed_by(counter, OfficerRequest, p.person(counter.signer, "checker"))
    if counter.signer == p.request.officer:
        raise Wrong("the officer and the checker are the same person")


def _pseudonyms(p: Papers, ticket: Ticket, proven: DisclosedTicket) -> None:
    signed_by(proven.ticket, Ticket, p.sources.federation.registrar)
    if ticket.manifest != p.disclosure.manifest.signed.digest:
        raise Wrong("the ticket is for another manifest")
    process = p.sources.federation.department(ticket.department)
    pinned = process.prf_key(ticket.epoch) if process else None
    if pinned is None:
        raise Wrong(f"the federation file pins no PRF key of epoch {ticket.epoch}")
    public = oprf.PublicKey(oprf.suite(pinned.suite), bytes.fromhex(pinned.public_key))
    inputs = [oprf_input(parse_person(member.person)) for member in p.letter.members]
    evaluated = [bytes.fromhex(element) for element in proven.evaluated]
    outputs = oprf.verify_evaluation(public, inputs, evaluated, bytes.fromhex(proven.proof))
    if sorted(ticket.pseudonyms) != sorted(pseudonym(output).hex() for output in outputs):
        raise Wrong("the ticket's pseudonyms are not those of the letter's members")


def _others(p: Papers, ticket: Ticket) -> None:
    manifest = p.disclosure.manifest.signed.digest
    process = p.sources.federation.department(ticket.department)
    node = p.sources.ledger(process.name if process else "")
    coordinator = p.sources.ledger(p.requester)
    if node is None or coordinator is None:
        raise NotLookedAt("hand in the bundles of both")
    sent = p.sources.about(coordinator, "query.sent", ticket.query)
    received = p.sources.about(node, "query.received", ticket.query)
    if sent is None or received is None:
        raise NotLookedAt("the query was not sent, or has not arrived; `reconcile` says whether")
    _same(sent, manifest=manifest, department=ticket.department)
    officer = p.manifest.commitments.officer
    _same(received, manifest=manifest, officer=officer, policy=p.manifest.policy)


def _same(fact: Fact, **expected: str) -> None:
    for field, value in expected.items():
        if fact.text(field) != value:
            raise Wrong(f"entry {fact.index} of {fact.ledger} has another {field}")


CHECKS: Final[tuple[tuple[str, str, Callable[[Papers], None]], ...]] = (
    ("ledger", "entry {p.entry} commits to this letter, request, manifest and these tickets",
     _issued_reveals),
    ("ledger", "entry {p.given.index} put this letter with these members into force before",
     _given_reveals),
    ("manifest", "the registrar signed it, and it commits to the letter's own members and terms",
     _manifest),
    ("letter", "{p.letter.clerk} registered it, {p.check.checker}, somebody else, confirmed it",
     _signatures),
    ("letter", "every member signed, or a guardian did", _all_signed),
    ("letter", "it was in force when the manifest was issued", _in_force),
    ("letter", "it covers programme, level, departments and resources that were asked", _covers),
    ("letter", "the evidence file has the SHA-256 that the letter names", _evidence),
    ("request", "{p.request.officer} signed for exactly this query", _request),
)  # fmt: skip
