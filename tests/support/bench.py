"""A federation in the test process, its replies bendable, and what an officer does with it."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from typer.testing import CliRunner
from typer.testing import Result as Ended

from coordinator.process import witness_exchange
from desk.client import cases
from desk.client.cases import Question
from desk.client.ledgers import export
from desk.commands.main import build
from hedui.v1 import coordinator_pb2 as pb
from ledger.verify.reconcile import Result, reconcile
from model.policy import policy_digest
from runtime.witness.exchange import WitnessExchange
from tests.support.county import POLICY, PROCESSES, County

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
        self.county.start(name, server=[self.bends[name]])

    def straight(self) -> None:
        """Take every bend back."""
        for bend in self.bends.values():
            bend.after.clear()
            bend.calls.clear()


def hedui(bench: Bench, *arguments: str, person: str = "olga") -> Ended:
    """Run ``hedui`` as a person."""
    head = ["--home", str(bench.county.home), "--person", person]
    return CliRunner().invoke(build(), [*head, *arguments], catch_exceptions=True)


def printed(result: Ended) -> Any:
    """The JSON on standard output."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return json.loads(result.stdout)


def exported(bench: Bench, folder: Path) -> list[Path]:
    """A bundle of every process."""
    folder.mkdir(exist_ok=True)
    names = [name for name, _, _, _ in PROCESSES]
    with bench.county.acting("rosa") as acting:
        for name in names:
            export(acting, name, folder / name, extra={})
    return [folder / name for name in names]


def reconciled(bench: Bench, paths: list[Path], grace_s: float = 0) -> Result:
    """As the reviewer does; nothing may be missing even for a moment."""
    federation = (bench.county.home / "federation.toml").read_bytes()
    return reconcile(paths, federation, grace_s=grace_s)


def rounds(bench: Bench) -> WitnessExchange:
    """The coordinator's own, by hand: the settings of tests keep the clock out of it."""
    exchange = witness_exchange(bench.county.services["coordinator"].parts)
    assert exchange is not None
    return exchange
