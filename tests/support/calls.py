"""A running node whose handlers a test sets, and ways to call it: real sockets, TLS and files."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from sqlalchemy import MetaData

from hedui.v1 import node_pb2
from hedui.v1.node_pb2_grpc import (
    NodeAdminServiceServicer,
    QueryServiceServicer,
    QueryServiceStub,
    add_NodeAdminServiceServicer_to_server,
    add_QueryServiceServicer_to_server,
)
from model.reasons import Reason
from model.roles import Role
from runtime import errors
from runtime.clock import Clock, SystemClock
from runtime.process import Assembly, Instruments, Kind, Parts, Service, create_database
from runtime.site.endpoints import Endpoints
from runtime.site.identity import load_person, load_process_identity
from runtime.transport.channel import Dialer
from runtime.transport.guard import current_caller
from runtime.transport.server import offer
from runtime.transport.versions import stated_by
from tests.support.homes import Home

Handler = Callable[[Any, Any], Any]


@dataclass
class Node(QueryServiceServicer, NodeAdminServiceServicer):
    """A node whose handlers a test sets; it notes who called."""

    answer: Handler = lambda _request, _context: node_pb2.AnswerReply()
    callers: list[str] = field(default_factory=list)

    def Answer(self, request: Any, context: Any) -> Any:
        self.callers.append(current_caller().name)
        return self.answer(request, context)

    def ImportResource(self, request: Any, context: Any) -> Any:
        return node_pb2.ImportReply(rows=sum(len(part.csv) for part in request))

    def Enrol(self, request: Any, context: Any) -> Any:
        for done in range(3):
            yield node_pb2.EnrolProgress(done=done)
        raise errors.Refusal(Reason.BUDGET_EXHAUSTED)

    def assembly(self, _parts: Parts) -> Assembly:
        return Assembly(
            [
                offer(add_QueryServiceServicer_to_server, self),
                offer(add_NodeAdminServiceServicer_to_server, self),
            ]
        )

    def kind(self) -> Kind:
        return Kind(Role.NODE, MetaData(), self.assembly)


@dataclass
class Site:
    """A federation's home with a running node ``tax``, and ways to call it."""

    home: Home
    node: Node
    service: Service
    dialers: list[Dialer] = field(default_factory=list)

    def dialer(self, name: str = "coordinator", clock: Clock | None = None) -> Dialer:
        path = self.home.path
        identity = (
            load_process_identity(path / name)
            if (path / name).exists()
            else load_person(path, name)[1]
        )
        dialer = Dialer(
            federation=self.home.federation(),
            identity=identity,
            endpoints=Endpoints(path),
            clock=clock or SystemClock(),
            connect_timeout_s=2,
        )
        self.dialers.append(dialer)
        return dialer

    def ask(
        self, name: str = "coordinator", timeout_s: float = 5, clock: Clock | None = None
    ) -> Any:
        request = node_pb2.AnswerRequest()
        return self.dialer(name, clock).call(
            "tax", QueryServiceStub, "Answer", request, timeout_s=timeout_s
        )

    def close(self) -> None:
        for dialer in self.dialers:
            dialer.close()
        self.service.stop()


def start_node(home: Home, *, clock: Clock | None = None, **more: Any) -> Site:
    node = Node()
    if not (home.path / "tax" / "data").exists():
        create_database(home.path / "tax", node.kind(), federation="hexi", clock=SystemClock())
    inside = Instruments(strict_log=True, **more)
    service = Service(node.kind(), home=home.path, name="tax", clock=clock, instruments=inside)
    service.start()
    return Site(home, node, service)


def reason_of(error: grpc.RpcError) -> str:
    """The reason that a bare gRPC call was refused with."""
    trailing: Any = error.trailing_metadata()
    return str(dict(trailing)["hedui-reason"])


def bare(
    site: Site,
    method: str,
    *,
    timeout_s: float | None = 5,
    channel: Any = None,
    body: bytes = b"",
    name: str = "coordinator",
    metadata: tuple[tuple[str, str], ...] | None = None,
) -> Any:
    """Call past the dialer, with bytes, perhaps without a deadline or with other metadata."""
    stated = stated_by(site.home.federation()) if metadata is None else metadata
    channel = channel or site.dialer(name).channel("tax")
    call: Any = channel.unary_unary(f"/hedui.v1.{method}")
    return call(body, timeout=timeout_s, metadata=stated)


def refused(site: Site, reason: Reason, **ask: Any) -> errors.Refused:
    with pytest.raises(errors.Refused) as caught:
        site.ask(**ask)
    assert caught.value.reason is reason
    return caught.value
