"""What is unusual in the ledgers: not wrong, but worth a question.

    burst               many refusals within minutes
    after-the-end       somebody asked under an authorization that was over
    no-determination    departments answered, and no determination was drawn
    undecided           a determination, and no officer decided for days
    off-hours           people's acts outside office hours
    repeated            one household's authorization queried more than once
    volume              a day with far more cases, or authorizations read, than is usual

What can be seen: commitments to officers differ with every use, so by themselves ledgers do not
say which cases one officer opened. With ``officers`` (reveals that the keeper of the salts
gave, each checked against its commitment) repeated queries and volume are told by officer too.
Households are told apart by ``given``: the number of the authorization's entry, no name.
Trusts: bundles that were verified. A ledger that leaves things out reports less: reconcile first.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, tzinfo
from pathlib import Path
from statistics import median
from typing import Final

from crypto.commit import Reveal, verify_reveal
from crypto.errors import CryptoError
from ledger.verify.reconcile_facts import Fact, Ledger

DAY_S: Final = 86_400.0
_OVER: Final = frozenset(
    {"authorization_revoked", "authorization_ended", "authorization_expired", "ticket_revoked"}
)
_ACTS: Final = (
    "case.opened", "case.decided", "authorization.registered", "authorization.given",
    "authorization.read", "policy.approved", "policy.withdrawn", "budget.proposed",
    "budget.approved", "resource.imported", "sample.drawn",
)  # fmt: skip
_COUNTED: Final = ("case.opened", "authorization.read")
_COUNTED_BY_OFFICER: Final = ("manifest.issued",)
"""The same cases in the registrar's ledger, whose reveals a reviewer's sample brings."""


@dataclass(frozen=True)
class Unusual:
    """One line of the report: ``index`` is the first entry that it is about."""

    kind: str
    ledger: str
    index: int
    at: float
    count: int
    sentence: str


@dataclass(frozen=True)
class Usual:
    """What counts as usual. Hours and days are of ``zone``; Monday is 1."""

    zone: tzinfo
    opens: time = time(8)
    closes: time = time(18)
    days: frozenset[int] = frozenset({1, 2, 3, 4, 5})
    burst: int = 5
    burst_s: float = 600.0
    waiting_s: float = 7 * DAY_S
    factor: float = 3.0
    least: int = 10
    officers: Mapping[str, str] = field(default_factory=dict)
    """Commitment, hex, to the name that it commits to."""

    def local(self, at: float) -> datetime:
        """A time of the ledger in the zone."""
        return datetime.fromtimestamp(at, self.zone)

    def officer(self, fact: Fact) -> str:
        """Who acted, if a reveal was given; empty otherwise."""
        return self.officers.get(fact.text("officer") or fact.text("reader"), "")


def report(ledgers: Sequence[Ledger], usual: Usual) -> list[Unusual]:
    """Everything unusual, by time."""
    found = [row for check in CHECKS for ledger in ledgers for row in check(ledger, usual)]
    newest = max((ledger.last_at for ledger in ledgers), default=0.0)
    found += [row for ledger in ledgers for row in unfinished(ledger, usual, newest)]
    return sorted(found, key=lambda row: (row.at, row.ledger, row.index, row.kind))


def bursts(ledger: Ledger, usual: Usual) -> Iterator[Unusual]:
    """Runs of refusals: ``burst`` or more within ``burst_s``."""
    refusals = ledger.of(*(name for name in ledger.events if name.endswith(".refused")))
    run: list[Fact] = []
    for fact in refusals:
        if len(run) >= usual.burst - 1 and fact.at - run[1 - usual.burst].at > usual.burst_s:
            yield from _burst(run, usual)
            run = [each for each in run if fact.at - each.at <= usual.burst_s][: usual.burst - 1]
        run.append(fact)
        if len(run) < usual.burst:
            run = [each for each in run if fact.at - each.at <= usual.burst_s]
    yield from _burst(run, usual)


def _burst(run: Sequence[Fact], usual: Usual) -> Iterator[Unusual]:
    if len(run) >= usual.burst:
        reasons = Counter(fact.text("reason") for fact in run).most_common()
        said = ", ".join(f"{reason} {count}" for reason, count in reasons)
        minutes = (run[-1].at - run[0].at) / 60
        sentence = f"{len(run)} refusals within {minutes:.0f} minutes: {said}"
        yield _row("burst", run[0], sentence, count=len(run))


def after_the_end(ledger: Ledger, usual: Usual) -> Iterator[Unusual]:
    """Requests under an authorization, or with a ticket, that was over."""
    for fact in ledger.of("manifest.refused", "query.refused", "permit.refused"):
        if fact.text("reason") in _OVER:
            yield _row("after-the-end", fact, f"{fact.event}: {fact.text('reason')}")


def unfinished(ledger: Ledger, usual: Usual, newest: float) -> Iterator[Unusual]:
    """Cases whose departments were asked and that led to nothing, or to no decision."""
    manifests = ledger.first("case", "manifest.received")
    determined = ledger.first("case", "case.determined")
    decided = ledger.first("case", "case.decided")
    ended = ledger.first("case", "case.refused", "case.inconclusive")
    for case, asked in manifests.items():
        if case in determined:
            fact = determined[case]
            if case not in decided and newest - fact.at > usual.waiting_s:
                days = (newest - fact.at) / DAY_S
                yield _row("undecided", fact, f"determined, and undecided for {days:.0f} days")
        elif case in ended:
            sentence = f"asked, and ended without a determination: {ended[case].text('reason')}"
            yield _row("no-determination", asked, sentence)
        elif newest - asked.at > usual.waiting_s:
            days = (newest - asked.at) / DAY_S
            yield _row("no-determination", asked, f"asked, and nothing for {days:.0f} days")


def off_hours(ledger: Ledger, usual: Usual) -> Iterator[Unusual]:
    """People's acts outside office hours, a line a day."""
    by_day: dict[str, list[Fact]] = defaultdict(list)
    for fact in ledger.of(*_ACTS):
        local = usual.local(fact.at)
        if local.isoweekday() in usual.days and usual.opens <= local.time() < usual.closes:
            continue
        by_day[local.strftime("%A %Y-%m-%d")].append(fact)
    for day, facts in by_day.items():
        names = Counter(fact.event for fact in facts).most_common()
        times = f"{usual.local(facts[0].at):%H:%M} to {usual.local(facts[-1].at):%H:%M}"
        said = ", ".join(f"{name} {count}" for name, count in names)
        yield _row("off-hours", facts[0], f"{day}, {times}: {said}", count=len(facts))


def repeated(ledger: Ledger, usual: Usual) -> Iterator[Unusual]:
    """Authorizations under which more than one manifest was issued."""
    by_letter: dict[object, list[Fact]] = defaultdict(list)
    for fact in ledger.of("manifest.issued"):
        if isinstance(number := fact.fields.get("given"), int):
            by_letter[number].append(fact)
    for number, facts in by_letter.items():
        if len(facts) > 1:
            days = (facts[-1].at - facts[0].at) / DAY_S
            sentence = f"the authorization of entry {number} was queried {len(facts)} times within "
            sentence += f"{days:.0f} days: entries {', '.join(str(f.index) for f in facts)}"
            officers = Counter(name for f in facts if (name := usual.officer(f))).most_common()
            sentence += "".join(f"; by {name} {count}" for name, count in officers)
            yield _row("repeated", facts[0], sentence, count=len(facts))


def volume(ledger: Ledger, usual: Usual) -> Iterator[Unusual]:
    """Days far above the median of the other days, in all and by officer where known."""
    for event in (*_COUNTED, *_COUNTED_BY_OFFICER):
        by_who: dict[str, list[Fact]] = defaultdict(list)
        for fact in ledger.of(event):
            if event in _COUNTED:
                by_who[""].append(fact)
            if name := usual.officer(fact):
                by_who[name].append(fact)
        for name, facts in by_who.items():
            yield from _peaks(event, name, facts, usual)


def _peaks(event: str, name: str, facts: Sequence[Fact], usual: Usual) -> Iterator[Unusual]:
    days: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        days[usual.local(fact.at).date().isoformat()].append(fact)
    for day, those in days.items():
        others = [len(rows) for other, rows in days.items() if other != day]
        if others and len(those) >= max(usual.least, usual.factor * median(others)):
            who = f" by {name}" if name else ""
            sentence = (
                f"{len(those)} times {event}{who} on {day}; on another day {median(others):g}"
            )
            yield _row("volume", those[0], sentence, count=len(those))


def _row(kind: str, fact: Fact, sentence: str, *, count: int = 1) -> Unusual:
    return Unusual(kind, fact.ledger, fact.index, fact.at, count, sentence)


CHECKS: Final[tuple[Callable[[Ledger, Usual], Iterator[Unusual]], ...]] = (
    bursts, after_the_end, off_hours, repeated, volume,
)  # fmt: skip


def read_reveals(path: Path) -> dict[str, str]:
    """Commitment to name, from lines of JSON: commitment, field, value, salt (hex).

    Raises ValueError naming the line that is malformed or whose reveal does not hold.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            reveal = Reveal(row["field"], row["value"], bytes.fromhex(row["salt"]))
            verify_reveal(bytes.fromhex(row["commitment"]), reveal)
        except (ValueError, KeyError, TypeError, AttributeError, CryptoError):
            raise ValueError(f"{path}, line {number}: not the reveal of its commitment") from None
        found[str(row["commitment"])] = str(row["value"])
    return found
