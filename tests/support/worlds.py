"""Two worlds of one town, played from the first approval to the last case.

The worlds have the same keys, letters, rosters and numbers of people. They differ in who has
a record where, in amounts, and in which department has a NULL row; in some households also in
the outcome, which only the coordinator may learn. Each party in turn runs in the test process
while its cases are verified; what it saw is kept.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from crypto import packing
from desk.client import cases
from hedui.v1 import common_pb2, coordinator_pb2, policy_pb2
from hedui.v1.coordinator_pb2_grpc import CaseServiceStub
from hedui.v1.policy_pb2_grpc import PolicyServiceStub
from holder import messages as holder_messages
from model.documents.desk import Decision
from model.documents.opening import Permit
from model.documents.signed import DocumentError, sign
from model.fields import format_time
from runtime.transport.wire import signed_to_wire
from tests.support.recording import Exchange, Recorder, shape
from tests.support.town import ASKED, Rows, Town

HELD = 60
"""Persons that each department holds, in either world."""
POLLED = ("GetCase", "ListCases")
"""How often the officer's command looks is a matter of its own clock."""


@dataclass(frozen=True)
class Household:
    """Two members; what the departments hold about them, by member."""

    wages: Rows = field(default_factory=dict)
    homes: Rows = field(default_factory=dict)
    interest: Rows = field(default_factory=dict)


# Eight digits in fen, so that no random byte string is taken for one of them.
KINDS: dict[str, dict[str, Household]] = {
    "the bits agree, values and membership differ": {
        "A": Household(wages={1: "-734512.37"}, homes={1: "41.20"}),
        "B": Household(wages={2: "-501234.56"}, interest={1: "398712.99", 2: "-212345.67"}),
    },
    "one NULL row, in another department": {
        "A": Household(wages={1: "", 2: "-345678.91"}),
        "B": Household(interest={2: ""}),
    },
    "the outcome differs, by what the bank holds": {
        "A": Household(wages={1: "-198765.43"}),
        "B": Household(wages={1: "-198765.43"}, interest={2: "923456.78"}),
    },
}
HIDDEN, FLAGGED, OUTCOME = KINDS
FOR_REGISTRAR = {1: HIDDEN, 2: FLAGGED, 3: OUTCOME}
FOR_COORDINATOR = {4: HIDDEN, 5: FLAGGED}
REFUSED, WAITED = 28, 29
"""Households of the coordinator's: the bank's admin has withdrawn the policy; the bank is down."""
FOR_TAX = {6: OUTCOME}
WARM_UP = {7: HIDDEN}
FOR_JURY = {n: (HIDDEN, FLAGGED, OUTCOME)[n % 3] for n in range(8, 28)}
"""As many as it takes until the jury has masked and evaluated."""
HOUSEHOLDS = {
    **FOR_REGISTRAR,
    **FOR_COORDINATOR,
    **dict.fromkeys((REFUSED, WAITED), HIDDEN),
    **FOR_TAX,
    **WARM_UP,
    **FOR_JURY,
}


SERVED = ("ok", "StatusCode.OK")


@dataclass
class Seen:
    """What one party saw of one thing."""

    exchanges: list[Exchange]
    leaves: list[bytes]

    @property
    def roles(self) -> dict[str, str]:
        """Holder to role in this case."""
        for document in documents(self.exchanges):
            try:
                permit = Permit.decode(document.body)
            except DocumentError:
                continue
            return {permit.masker: "masker", permit.evaluator: "evaluator"}
        return {}

    @property
    def transcript(self) -> list[Any]:
        """Comparable. How often a refusal is met again until its cause is mended is the clock's."""
        shapes = [e.shape(self.roles) for e in self.exchanges]
        before = [None, *shapes]
        return [s for s, last in zip(shapes, before, strict=False) if s != last or s[3] in SERVED]

    @property
    def ledger(self) -> list[Any]:
        """Comparable: each leaf's size and shape."""
        return [(len(leaf), shape(leaf, self.roles)) for leaf in self.leaves]


@dataclass
class World:
    """One world, once it is over."""

    town: Town
    rows: dict[str, Rows]
    seen: dict[tuple[str, int], Seen] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)
    ledgers: dict[str, list[bytes]] = field(default_factory=dict)
    outcomes: dict[int, list[str]] = field(default_factory=dict)
    received: dict[str, bytes] = field(default_factory=dict)
    unsealed: list[bytes] = field(default_factory=list)
    """Messages inside the seals that the jury opened."""
    opened: list[list[int]] = field(default_factory=list)
    """Slots that the jury unpacked as evaluator."""

    @property
    def amounts(self) -> dict[str, list[int]]:
        """By resource, in fen; NULL rows and fillers apart."""
        return {
            resource: [int(a.replace(".", "")) for a in rows.values() if len(a) > 8]
            for resource, rows in self.rows.items()
        }

    def pseudonyms(self, department: str) -> list[bytes]:
        """All that a department has in its index."""
        path = self.town.home / department / "data" / f"{department}.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
            return [row[0] for row in copy.execute("SELECT pseudonym FROM pseudonym")]


def documents(exchanges: list[Exchange]) -> Iterator[common_pb2.SignedDocument]:
    """Every signed document in there."""
    for exchange in exchanges:
        for message in exchange.messages:
            yield from _documents(message)


def _documents(message: Any) -> Iterator[common_pb2.SignedDocument]:
    if isinstance(message, common_pb2.SignedDocument):
        yield message
        return
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None and not isinstance(value, dict):
            parts = value if not hasattr(value, "ListFields") else [value]
            for part in parts:
                if hasattr(part, "ListFields"):
                    yield from _documents(part)


def rows_of(name: str) -> dict[str, Rows]:
    """All rows of a world; fillers make both worlds hold equally many people."""
    rows: dict[str, Rows] = {"tax.wages": {}, "tax.homes": {500: "1.00"}, "bank.interest": {}}
    for number, kind in HOUSEHOLDS.items():
        for resource, held in vars(KINDS[kind][name]).items():
            found = next(rows[r] for r in rows if r.endswith(resource))
            found |= {10 * number + member: amount for member, amount in held.items()}
    for resources in (("tax.wages", "tax.homes"), ("bank.interest",)):
        here = {p for r in resources for p in rows[r]}
        for filler in range(500, 500 + HELD - len(here) + (500 in here)):
            here.add(filler)
            rows[resources[0]][filler] = "1.00"
        assert len(here) == HELD
    return rows


class Script:
    """Plays one world from the first approval to the last case."""

    def __init__(self, name: str, town: Town) -> None:
        self.town = town
        self.world = World(town, rows_of(name))
        self.numbers: dict[int, str] = {}
        self.granted = "granted" if name == "A" else "refused"

    def play(self) -> World:
        """The whole world."""
        with self.watch("registrar") as recorder:
            self.town.begin("coordinator", "tax", "bank", "jury")
            self.note("registrar", 0, recorder, self.prepare)
            for number in FOR_REGISTRAR:
                self.case("registrar", number, recorder)
            self.note("registrar", 100, recorder, lambda: self.decide(recorder))
        self.town.begin("registrar")
        with self.watch("coordinator") as recorder:
            for number in FOR_COORDINATOR:
                self.case("coordinator", number, recorder)
            self.note("coordinator", REFUSED, recorder, self.refuse)
            self.note("coordinator", WAITED, recorder, self.wait)
        self.town.begin("coordinator")
        with self.watch("tax") as recorder:
            for number in FOR_TAX:
                self.case("tax", number, recorder)
        for name in ("registrar", "coordinator", "tax", "bank", "jury"):
            self.world.ledgers[name] = self.town.leaves(name)
        self.town.begin("tax")
        with self.watch("jury") as recorder, self.looking_inside():
            self.holder(recorder)
        self.town.end()
        return self.world

    @contextmanager
    def watch(self, name: str) -> Iterator[Recorder]:
        """One party in this process; afterwards its log and all that it received."""
        log = self.town.home / name / "log" / f"{name}.jsonl"
        before = len(self.town.log_lines(name)) if log.exists() else 0
        with self.town.observed(name) as recorder:
            yield recorder
        self.world.logs[name] = self.town.log_lines(name)[before:]
        self.world.received[name] = b"\0".join(
            message.SerializeToString() for e in recorder.exchanges for message in e.messages
        )

    @contextmanager
    def looking_inside(self) -> Iterator[None]:
        """Keep what the holder in this process unseals and opens."""
        unseal, unpack = holder_messages._unseal, packing.unpack_masked

        def unsealed(*args: Any, **kwargs: Any) -> Any:
            message = unseal(*args, **kwargs)
            self.world.unsealed.append(message.SerializeToString())
            return message

        def unpacked(*args: Any) -> list[int]:
            self.world.opened.append(unpack(*args))
            return self.world.opened[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(holder_messages, "_unseal", unsealed)
            patch.setattr(packing, "unpack_masked", unpacked)
            yield

    def note(self, name: str, key: int, recorder: Recorder, act: Callable[[], object]) -> None:
        """Keep what came meanwhile."""
        start, leaves = len(recorder.exchanges), len(self.town.leaves(name))
        act()
        self.world.seen[name, key] = Seen(
            recorder.since(start, without=POLLED), self.town.leaves(name)[leaves:]
        )

    def case(self, name: str, number: int, recorder: Recorder) -> None:
        """Verify one household."""
        self.note(name, number, recorder, lambda: self.verify(number))

    def verify(self, number: int) -> coordinator_pb2.Case:
        """One case, determined."""
        case = self.town.verify(self.numbers[number])
        assert case.state == "determined", (case.state, case.reason)
        (programme,) = case.programmes
        self.world.outcomes[number] = [rule.outcome for rule in programme.rules]
        self.last = case
        return case

    def refuse(self) -> None:
        """One department says no for a while, whoever is asked about."""
        digest = bytes.fromhex(ASKED.policy)
        with self.town.acting("bert") as acting:
            request = policy_pb2.WithdrawPolicyRequest(digest=digest)
            acting.call("bank", PolicyServiceStub, "WithdrawPolicy", request)
        self.stuck(REFUSED, "policy_unknown")
        self.town.approve("bert", "bank")
        self.verify(REFUSED)

    def wait(self) -> None:
        """One department is down: the case waits, and goes on where it was."""
        self.town.run.stop("bank")
        self.stuck(WAITED, "unreachable")
        self.town.begin("bank")
        self.verify(WAITED)

    def stuck(self, number: int, reason: str) -> None:
        """Open a case and see it wait for this reason."""
        with self.town.acting("olga") as acting:
            (case,) = cases.open_cases(acting, [self.numbers[number]], ASKED)
            end = time.monotonic() + 40
            while case.reason != reason:
                assert time.monotonic() < end, (case.state, case.reason)
                time.sleep(0.05)
                case = cases.get_case(acting, case.case_id)

    def prepare(self) -> None:
        """Approvals, records, enrolment, letters."""
        self.town.prepare()
        for resource, rows in self.world.rows.items():
            self.town.load(resource.partition(".")[0], resource, rows)
        for department in ("tax", "bank"):
            self.town.enrol(department)
        for number in HOUSEHOLDS:
            self.numbers[number] = self.town.authorize(10 * number + 1, 10 * number + 2)

    def decide(self, recorder: Recorder) -> None:
        """The officer decides, in each world otherwise; the registrar hears that it ended."""
        decision = Decision(
            case=self.last.case_id,
            programme="low-income",
            decision=self.granted,  # type: ignore[arg-type]
            reason="as determined",
            officer="olga",
            at=format_time(self.town.clock.now()),
        )
        with self.town.acting("olga") as acting:
            signed = signed_to_wire(sign(decision, acting.identity.sign_key, "olga"))
            request = coordinator_pb2.DecideCaseRequest(decision=signed)
            acting.call("coordinator", CaseServiceStub, "DecideCase", request)
        end = time.monotonic() + 20
        while not any(
            e.method.endswith("CloseApplication") and e.status != "pending"
            for e in recorder.exchanges
        ):
            assert time.monotonic() < end, "the registrar was not told"
            time.sleep(0.05)

    def holder(self, recorder: Recorder) -> None:
        """Cases until the jury has masked and evaluated. The first one finds new addresses."""
        self.case("jury", next(iter(WARM_UP)), recorder)
        done: set[str] = set()
        for number in FOR_JURY:
            self.case("jury", number, recorder)
            done.add(self.world.seen["jury", number].roles["jury"])
            if len(done) == 2:
                return
