"""A federation in the test process, its replies bendable, and what an officer does with it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from desk.client import cases
from desk.client.cases import Question
from hedui.v1 import coordinator_pb2 as pb
from model.policy import policy_digest
from tests.support.county import POLICY, PROCESSES, County, make_county, serve_county

ASKED = Question(policy_digest(POLICY).hex(), ("low-income",), "")


@dataclass
class Bend(grpc.ServerInterceptor):
    """Changes, or loses, replies of one service after its handler has done its work."""

    after: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wrap unary methods."""
        handler = continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        method = handler_call_details.method.rpartition("/")[2]

        def serve(request: Any, context: Any) -> Any:
            self.calls[method] += 1
            reply = handler.unary_unary(request, context)
            return self.after.get(method, lambda same: same)(reply)

        return grpc.unary_unary_rpc_method_handler(
            serve, handler.request_deserializer, handler.response_serializer
        )


def one_waits(case: pb.Case) -> bool:
    """Whether a department is known not to answer, and every other has: nothing is under way."""
    waiting = [d for d in case.departments if d.state != "answered"]
    return bool(waiting) and all(d.reason for d in waiting)


@dataclass
class Bench:
    """The federation and its bends, by process."""

    county: County
    bends: dict[str, Bend]
    next_person: int = 100

    def households(self, count: int) -> list[str]:
        """Letters in force of so many people whom no department knows."""
        first, self.next_person = self.next_person, self.next_person + count
        return [self.county.authorize(first + i) for i in range(count)]

    def household(self) -> str:
        """One of them."""
        return self.households(1)[0]

    def open(self, *numbers: str, officer: str = "olga", asked: Question = ASKED) -> list[pb.Case]:
        """Open cases; they run by themselves."""
        with self.county.acting(officer) as acting:
            return cases.open_cases(acting, numbers, asked)

    def follow(
        self,
        begun: Sequence[pb.Case],
        *,
        until: Callable[[pb.Case], bool] = lambda case: case.state not in cases.RUNNING,
        wait_s: float = 40,
    ) -> list[pb.Case]:
        """The cases once each is as wanted; fails where one is not in time."""
        import time

        end, found = time.monotonic() + wait_s, list(begun)
        with self.county.acting("olga") as acting:
            while not all(map(until, found)):
                assert time.monotonic() < end, [(c.state, c.reason) for c in found]
                time.sleep(0.05)
                found = [cases.get_case(acting, case.case_id) for case in found]
        return found

    def verify(self, *numbers: str, asked: Question = ASKED) -> list[pb.Case]:
        """Open and follow to the end."""
        return self.follow(self.open(*numbers, asked=asked))

    def start(self, name: str) -> None:
        """Start a process that was stopped, with its bend."""
        self.county.start(name, server_interceptors=[self.bends[name]])

    def straight(self) -> None:
        """Take every bend back."""
        for bend in self.bends.values():
            bend.after.clear()
            bend.calls.clear()


def _serve(home: Path) -> Iterator[Bench]:
    county = make_county(home)
    bends = {name: Bend() for name, _, _, _ in PROCESSES}
    options = {name: {"server_interceptors": [bend]} for name, bend in bends.items()}
    try:
        serve_county(county, **options)
        yield Bench(county, bends)
    finally:
        county.stop()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A federation with two departments and three holders, of which two open."""
    yield from _serve(tmp_path_factory.mktemp("county") / "home")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Bench]:
    """One of a test's own, for what would show in its ledgers for ever."""
    yield from _serve(tmp_path / "own")


@pytest.fixture
def bench(served: Bench) -> Iterator[Bench]:
    """The same: straight before and after, everything running, the clock at the present."""
    served.straight()
    yield served
    served.straight()
    for name, _, _, _ in PROCESSES:
        if name not in served.county.services:
            served.start(name)
    served.county.clock.ahead = timedelta()
