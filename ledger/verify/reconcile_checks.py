"""All parties' ledgers against one another: what one wrote and another must have written too.

Source: design.md 2.3 to 2.7, 4.10 for what follows what; docs/ledger.md lists the findings.
Trusts: nobody; a finding names the entries that do not fit, not who lied.
Two kinds of check: a contradiction between entries is always a finding. An entry that is
missing is one only if it should have been there for longer than the grace: bundles are taken
while cases run, so what is younger is "open". What a crash may leave behind is no finding: a
case that ended as refused or inconclusive explains answers that were not taken in.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final

from ledger.verify.reconcile_facts import Claim, Fact, Ledger, claims, contradicted, forks
from ledger.verify.reconcile_rechecks import ISSUED, check_rechecks

_Kept = Mapping[str, set[tuple[str, int, bytes]]]
_EMPTY: Final[Mapping[str, Fact]] = {}


@dataclass(frozen=True)
class Finding:
    """What does not fit: kind, whose ledger, index there, a sentence; ``open``: too recent."""

    kind: str
    ledger: str
    index: int
    sentence: str
    open: bool = False


@dataclass(frozen=True)
class Parties:
    """The ledgers at hand, and the moment before which everything must have arrived."""

    ledgers: Sequence[Ledger]
    before: float

    def role(self, role: str) -> Ledger | None:
        """The one ledger of this role, if it is at hand."""
        return next((each for each in self.ledgers if each.member.role == role), None)

    @property
    def coordinators(self) -> list[Ledger]:
        """The ledgers of coordinators: whoever may ask."""
        return [each for each in self.ledgers if each.member.role == "coordinator"]

    def requester(self, fact: Fact | None) -> Ledger | None:
        """The ledger of the coordinator that an entry names, if it is at hand.

        Entries from when a federation had one coordinator name none: then it is the only one.
        """
        name = fact.text("requester") if fact else ""
        found = [each for each in self.coordinators if name in ("", each.member.name)]
        return found[0] if len(found) == 1 else None

    @property
    def nodes(self) -> list[Ledger]:
        """The ledgers of nodes."""
        return [each for each in self.ledgers if each.member.role == "node"]

    def node(self, department: str) -> Ledger | None:
        """The ledger of the node that serves this department."""
        return next((n for n in self.nodes if n.member.department == department), None)

    def missing(self, kind: str, fact: Fact, sentence: str) -> Finding:
        """Something that ``fact`` demands is not there."""
        return Finding(kind, fact.ledger, fact.index, sentence, open=fact.at > self.before)


def check_issued(all_: Parties) -> Iterator[Finding]:
    """Every manifest and ticket that anybody used was issued by the registrar."""
    registrar = all_.role("registrar")
    if registrar is None:
        return
    issued = registrar.first("manifest", "manifest.issued")
    used = ("manifest.received", "query.sent", "query.received", "query.answered")
    told: set[tuple[str, str]] = set()
    for ledger in all_.ledgers:
        for fact in ledger.of(*used):
            finding = _not_issued(all_, fact, issued)
            key = (fact.ledger, fact.text("query") or fact.text("manifest"))
            if finding is not None and key not in told:
                told.add(key)
                yield finding


def _not_issued(all_: Parties, fact: Fact, issued: Mapping[str, Fact]) -> Finding | None:
    manifest, query = fact.text("manifest"), fact.text("query")
    entry = issued.get(manifest)
    if entry is None:
        sentence = f"{fact.event} under manifest {_short(manifest)}, which the registrar's "
        kind = "ticket-not-issued" if query else "manifest-not-issued"
        return all_.missing(kind, fact, f"{sentence}ledger never issued")
    if query and "tickets" in entry.fields and query not in entry.texts("tickets"):
        sentence = f"{fact.event} for query {_short(query)}: a ticket that the registrar's ledger "
        sentence += f"(entry {entry.index}) does not list"
        return Finding("ticket-not-issued", fact.ledger, fact.index, sentence)
    return None


def check_asked(all_: Parties) -> Iterator[Finding]:
    """Every query that a node took in was sent by the coordinator that asked, once."""
    registrar = all_.role("registrar")
    issued = registrar.first("manifest", "manifest.issued") if registrar else _EMPTY
    sent = {each.member.name: each.first("query", "query.sent") for each in all_.coordinators}
    for node in all_.nodes:
        yield from _answered_twice(node)
        answered, received = (node.first("query", f"query.{e}") for e in ("answered", "received"))
        for query, fact in (received | answered).items():
            name = received.get(query, fact).text("requester")
            name = name or issued.get(fact.text("manifest"), fact).text("requester")
            # Entries from when a federation had one coordinator name none.
            theirs = [queries for each, queries in sent.items() if name in ("", each)]
            if theirs and not any(query in queries for queries in theirs):
                verb = fact.event.removeprefix("query.")
                sentence = (
                    f"{verb} query {_short(query)}, which the coordinator's ledger never sent"
                )
                yield all_.missing("answer-without-query", fact, sentence)


def _answered_twice(node: Ledger) -> Iterator[Finding]:
    answered: dict[str, Fact] = {}
    for fact in node.of("query.answered"):
        manifest = fact.text("manifest")
        if manifest in answered:
            sentence = f"a second answer to manifest {_short(manifest)}; the first is entry "
            sentence += f"{answered[manifest].index}"
            yield Finding("answered-twice", fact.ledger, fact.index, sentence)
        answered.setdefault(manifest, fact)


def check_answers(all_: Parties) -> Iterator[Finding]:
    """Every query that was sent came to an end, and both sides tell the same of it."""
    for coordinator in all_.coordinators:
        yield from _answers(all_, coordinator)


def _answers(all_: Parties, coordinator: Ledger) -> Iterator[Finding]:
    ended = coordinator.first("manifest", "case.refused", "case.inconclusive")
    received = coordinator.first("query", "answer.received")
    refused = coordinator.first("query", "answer.refused")
    for query, sent in coordinator.first("query", "query.sent").items():
        node = all_.node(sent.text("department"))
        theirs = node.first("query", "query.answered").get(query) if node else None
        over = query in refused or sent.text("manifest") in ended
        if query in received:
            if node is not None:
                yield from _same_answer(all_, node, received[query], theirs)
        elif theirs is not None and not over:
            sentence = f"answered query {_short(query)}; the coordinator's ledger has no answer"
            yield all_.missing("answer-not-recorded", theirs, sentence)
        elif theirs is None and not over:
            sentence = f"query {_short(query)} to {sent.text('department')} has no answer, no "
            sentence += "refusal, and its case no end"
            yield all_.missing("query-without-answer", sent, sentence)


def _same_answer(all_: Parties, node: Ledger, ours: Fact, theirs: Fact | None) -> Iterator[Finding]:
    query = _short(ours.text("query"))
    if theirs is not None:
        if theirs.text("answer") != ours.text("answer"):
            sentence = f"the answer to query {query} is not the one that {node.member.name} "
            sentence += f"ledgered (entry {theirs.index})"
            yield Finding("answer-differs", ours.ledger, ours.index, sentence)
        return
    sentence = f"an answer to query {query}, which {node.member.name} never ledgered"
    size = ours.fields.get("size")
    if isinstance(size, int) and size <= node.entries:
        yield Finding("answer-not-ledgered", ours.ledger, ours.index, sentence)
    else:
        yield all_.missing("answer-not-ledgered", ours, sentence)


def check_permits(all_: Parties) -> Iterator[Finding]:
    """One permit per manifest, and each came to a determination or a stated end."""
    registrar = all_.role("registrar")
    if registrar is None:
        return
    seen: dict[str, Fact] = {}
    ends = ("case.determined", "case.inconclusive", "case.refused", "opening.failed")
    all_ended = {each.member.name: each.first("manifest", *ends) for each in all_.coordinators}
    for fact in registrar.of("permit.issued"):
        manifest, permit = fact.text("manifest"), _short(fact.text("permit"))
        coordinator = all_.requester(fact)
        ended = all_ended[coordinator.member.name] if coordinator else None
        if manifest in seen:
            sentence = f"a second permit, {permit}, for the manifest of entry "
            yield Finding(
                "second-permit", fact.ledger, fact.index, f"{sentence}{seen[manifest].index}"
            )
        elif ended is not None and manifest not in ended:
            sentence = f"permit {permit} was issued; the coordinator's ledger has no determination"
            yield all_.missing("permit-without-determination", fact, sentence)
        seen.setdefault(manifest, fact)


def check_reveals(all_: Parties) -> Iterator[Finding]:
    """Nobody opened, relayed or determined anything without a permit; holders ledgered it."""
    registrar = all_.role("registrar")
    if registrar is None:
        return
    permits = registrar.first("permit", *ISSUED)
    joins = ("opening.joined", "opening.step")
    events = (*joins, "permit.received", "recheck.received", "opening.relayed")
    for ledger in all_.ledgers:
        for permit, fact in ledger.first("permit", *events, "case.determined").items():
            issued = permits.get(permit)
            holders = issued.texts("holders") if issued else []
            if issued is None:
                kind = "opening-without-permit"
                sentence = f"{fact.event} under permit {_short(permit)}, which the registrar's "
                yield all_.missing(kind, fact, f"{sentence}ledger never issued")
            elif holders and ledger.member.role == "node" and ledger.member.name not in holders:
                sentence = f"{fact.event} under permit {_short(permit)}, which names other holders"
                yield Finding("opening-not-named", fact.ledger, fact.index, sentence)
    yield from _not_joined(all_, permits)


def _not_joined(all_: Parties, permits: Mapping[str, Fact]) -> Iterator[Finding]:
    done = ("case.determined", "recheck.returned")
    determined = [c.first("permit", *done).items() for c in all_.coordinators]
    joined = {n.member.name: n.first("permit", "opening.joined") for n in all_.nodes}
    for permit, fact in chain.from_iterable(determined):
        holders = permits[permit].texts("holders") if permit in permits else []
        for holder in holders:
            if holder in joined and permit not in joined[holder]:
                sentence = f"{fact.event} under permit {_short(permit)}; its holder {holder} "
                sentence += "never ledgered that it took part"
                yield all_.missing("opening-not-ledgered", fact, sentence)


def check_determinations(all_: Parties) -> Iterator[Finding]:
    """A determination rests on an answer of every department that the permit does not skip."""
    registrar = all_.role("registrar")
    if registrar is not None:
        for coordinator in all_.coordinators:
            yield from _determinations(registrar, coordinator)


def _determinations(registrar: Ledger, coordinator: Ledger) -> Iterator[Finding]:
    issued = registrar.first("manifest", "manifest.issued")
    permits = registrar.first("permit", "permit.issued")
    received = coordinator.first("query", "answer.received")
    departments = coordinator.first("query", "query.sent")
    for fact in coordinator.of("case.determined"):
        manifest, permit = issued.get(fact.text("manifest")), permits.get(fact.text("permit"))
        silent = permit.texts("silent") if permit else []
        for query in manifest.texts("tickets") if manifest else []:
            sent = departments.get(query)
            if query not in received and (sent is None or sent.text("department") not in silent):
                sentence = f"determined without an answer to query {_short(query)}"
                kind = "determination-without-answer"
                yield Finding(kind, fact.ledger, fact.index, sentence)


def check_determined_once(all_: Parties) -> Iterator[Finding]:
    """A case opens once: a second determination could be shown where the first would not do."""
    seen: dict[tuple[str, str], Fact] = {}
    for fact in _of_coordinators(all_, "case.determined"):
        before = seen.setdefault((fact.ledger, fact.text("case")), fact)
        if before is not fact:
            sentence = f"case {_short(fact.text('case'))} was determined before, in entry "
            yield Finding("determined-twice", fact.ledger, fact.index, f"{sentence}{before.index}")


def check_silent(all_: Parties) -> Iterator[Finding]:
    """No department was called silent that had answered."""
    registrar = all_.role("registrar")
    for permit in registrar.of("permit.issued") if registrar else []:
        for department in permit.texts("silent"):
            node = all_.node(department)
            answered = node.first("manifest", "query.answered") if node else _EMPTY
            fact = answered.get(permit.text("manifest"))
            # A late answer is ledgered too, and is never opened.
            if fact is not None and fact.at <= permit.at:
                sentence = f"{department} is called silent, but had answered: entry {fact.index} "
                yield Finding(
                    "silent-had-answered", permit.ledger, permit.index, f"{sentence}of its ledger"
                )


def check_authorizations(all_: Parties, grace_s: float) -> Iterator[Finding]:
    """Manifests, renewals, permits and answers only under an authorization in force."""
    registrar = all_.role("registrar")
    if registrar is None:
        return
    given = {fact.index: fact for fact in registrar.of("authorization.given")}
    ended: dict[tuple[object, str], Fact] = {
        (fact.fields.get("given"), fact.text("requester")): fact
        for fact in registrar.of("authorization.ended", "grant.ended")
    }
    issued = registrar.first("manifest", "manifest.issued")
    for fact in registrar.of("manifest.issued"):
        number = fact.fields.get("given")
        if number not in given or given[number].index > fact.index:
            sentence = "a manifest under no authorization that this ledger gave before"
            yield Finding("authorization-missing", fact.ledger, fact.index, sentence)
    for fact in registrar.of("manifest.issued", "ticket.renewed", *ISSUED):
        end = _end(ended, issued.get(fact.text("manifest")))
        if end is not None and end.index < fact.index:
            sentence = f"{fact.event} although its authorization had ended with entry {end.index}"
            yield Finding("authorization-ended", fact.ledger, fact.index, sentence)
    for node in all_.nodes:
        for fact in node.of("query.answered"):
            end = _end(ended, issued.get(fact.text("manifest")))
            if end is not None and fact.at > end.at + grace_s:
                sentence = f"answered {fact.at - end.at:.0f} s after the authorization had ended "
                sentence += f"(entry {end.index} of the registrar)"
                yield Finding("authorization-ended", fact.ledger, fact.index, sentence)


def _end(ended: Mapping[tuple[object, str], Fact], issued: Fact | None) -> Fact | None:
    """What ended a manifest first: its authorization's end, or its requester's own."""
    if issued is None:
        return None
    given = issued.fields.get("given")
    keys = {(given, ""), (given, issued.text("requester"))}
    found = [ended[key] for key in keys if key in ended]
    return min(found, key=lambda fact: fact.index, default=None)


def check_erased(all_: Parties) -> Iterator[Finding]:
    """What was erased had ended, and was erased once."""
    registrar = all_.role("registrar")
    ends: dict[object, Fact] = {}
    for fact in registrar.of("authorization.ended", "authorization.erased") if registrar else []:
        if fact.event == "authorization.ended":
            ends[fact.index] = fact
        elif ends.pop(fact.fields.get("ended"), None) is None:
            sentence = f"erased an authorization that entry {fact.fields.get('ended')} does not "
            sentence += "end, or a second time"
            yield Finding("erased-not-ended", fact.ledger, fact.index, sentence)


def check_cases_erased(all_: Parties) -> Iterator[Finding]:
    """A case that was erased was over, and was erased once."""
    ends = ("case.closed", "case.refused", "case.inconclusive")
    over: set[tuple[str, str]] = set()
    for fact in _of_coordinators(all_, *ends, "case.erased"):
        case = fact.ledger, fact.text("case")
        if fact.event != "case.erased":
            over.add(case)
        elif case in over:
            over.discard(case)
        else:
            sentence = f"erased case {_short(fact.text('case'))}, which was not over, or a second "
            yield Finding("case-erased-not-over", fact.ledger, fact.index, f"{sentence}time")


def _of_coordinators(all_: Parties, *events: str) -> Iterator[Fact]:
    return chain.from_iterable(coordinator.of(*events) for coordinator in all_.coordinators)


def check_requesters(all_: Parties) -> Iterator[Finding]:
    """A manifest served nobody but the coordinator that it names."""
    registrar = all_.role("registrar")
    if registrar is None:
        return
    issued = registrar.first("manifest", "manifest.issued")
    asked = ("manifest.received", "query.sent", "permit.received", "case.determined")
    theirs = [(fact, fact.ledger) for fact in _of_coordinators(all_, *asked)]
    events = ("query.received", "opening.joined")
    others = [each.of(*events) for each in all_.nodes] + [registrar.of(*ISSUED)]
    theirs += [(fact, fact.text("requester")) for fact in chain.from_iterable(others)]
    told: set[tuple[str, str]] = set()
    for fact, requester in theirs:
        manifest = fact.text("manifest")
        named = issued[manifest].text("requester") if manifest in issued else ""
        if named and requester and requester != named and (fact.ledger, manifest) not in told:
            told.add((fact.ledger, manifest))
            sentence = f"{fact.event} of {requester} under manifest {_short(manifest)}, which is "
            yield Finding("wrong-requester", fact.ledger, fact.index, f"{sentence}{named}'s")


def check_repeated(all_: Parties) -> Iterator[Finding]:
    """Re-checks: once, after a determination, by another pair."""
    registrar = all_.role("registrar")
    if registrar is not None:
        for kind, fact, sentence in check_rechecks(registrar, all_.requester, all_.coordinators):
            yield Finding(kind, fact.ledger, fact.index, sentence)


def check_samples(all_: Parties) -> Iterator[Finding]:
    """What was opened to a reviewer had been drawn; nodes opened under the registrar's grants."""
    registrar = all_.role("registrar")
    if registrar is None:
        return
    drawn = registrar.first("sample", "sample.drawn")
    issued = {fact.index: fact for fact in registrar.of("manifest.issued")}
    for fact in registrar.of("sample.opened"):
        entry, sample = fact.fields.get("entry"), drawn.get(fact.text("sample"))
        entries = sample.fields.get("entries") if sample and sample.index < fact.index else None
        about = issued.get(entry) if isinstance(entry, int) else None
        if not isinstance(entries, list) or entry not in entries:
            sentence = f"entry {entry} was opened to a reviewer, and had not been drawn"
            yield Finding("opened-not-drawn", fact.ledger, fact.index, sentence)
        elif about is None or about.text("manifest") != fact.text("manifest"):
            sentence = f"entry {entry} is not about the manifest that was opened"
            yield Finding("opened-not-drawn", fact.ledger, fact.index, sentence)
    yield from _opened_answers(all_, registrar.first("grant", "sample.opened"))


def _opened_answers(all_: Parties, grants: Mapping[str, Fact]) -> Iterator[Finding]:
    kind = "answer-opened-without-grant"
    for node in all_.nodes:
        for fact in node.of("answer.opened"):
            grant = grants.get(fact.text("grant"))
            sentence = f"opened the answer to query {_short(fact.text('query'))} to a reviewer "
            if grant is None:
                sentence += "under a grant that the registrar's ledger does not hold"
                yield all_.missing(kind, fact, sentence)
            elif grant.text("manifest") != fact.text("manifest"):
                sentence += f"under the grant of entry {grant.index}, which is for another manifest"
                yield Finding(kind, fact.ledger, fact.index, sentence)


def check_heads(all_: Parties) -> Iterator[Finding]:
    """Every head that somebody wrote down of another's log lies in the bundle shown here."""
    heads = claims(all_.ledgers)
    kept = {ledger.member.name: ledger.kept for ledger in all_.ledgers}
    for ledger in all_.ledgers:
        for claim in forks(ledger):
            sentence = f"{claim.origin} showed two logs"
            yield _forked(claim, sentence, kept)
        mine = [claim for claim in heads if claim.origin == ledger.origin]
        within = [claim for claim in mine if 0 < claim.size <= ledger.entries]
        for claim in contradicted(ledger, within):
            sentence = f"the bundle of {ledger.member.name} has another history than the one seen"
            yield _forked(claim, f"{sentence} at {claim.size} entries", kept)
        for claim in mine:
            if claim.size > ledger.entries:
                sentence = f"saw {claim.size} entries of {claim.origin}; its bundle ends before "
                yield all_.missing("shorter", claim.by, f"{sentence}entry {ledger.entries}")
    yield from _quarrels(all_, heads, kept)


def _quarrels(all_: Parties, heads: Sequence[Claim], kept: _Kept) -> Iterator[Finding]:
    """Logs whose bundle is not here: what others saw of them must agree."""
    here = {ledger.origin for ledger in all_.ledgers}
    for before, claim in pairwise(heads):
        same = (before.origin, before.size) == (claim.origin, claim.size)
        if same and before.root != claim.root and claim.origin not in here:
            sentence = f"{claim.origin} had another head at {claim.size} entries for "
            sentence += f"{before.by.ledger} (entry {before.by.index})"
            yield _forked(claim, sentence, kept)


def _forked(claim: Claim, sentence: str, kept: _Kept) -> Finding:
    """A fork, and whether the other log's signature proves it or one party says so."""
    signed = (claim.origin, claim.size, claim.root) in kept.get(claim.by.ledger, set())
    proof = "its signed checkpoint lies in the bundle's extra/" if signed else "its word alone"
    return Finding("forked", claim.by.ledger, claim.by.index, f"{sentence}; {proof}")


CHECKS: Final[tuple[Callable[[Parties], Iterator[Finding]], ...]] = (
    check_issued,
    check_asked,
    check_answers,
    check_permits,
    check_reveals,
    check_determinations,
    check_determined_once,
    check_silent,
    check_erased,
    check_cases_erased,
    check_repeated,
    check_requesters,
    check_samples,
    check_heads,
)


def check_all(all_: Parties, *, grace_s: float) -> list[Finding]:
    """Every finding, by ledger and index."""
    found = {finding for check in CHECKS for finding in check(all_)}
    found |= set(check_authorizations(all_, grace_s))
    return sorted(found, key=lambda f: (f.ledger, f.index, f.kind, f.sentence))


def _short(digest: str) -> str:
    return digest[:16]
