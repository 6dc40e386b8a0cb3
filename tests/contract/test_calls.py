"""Calls between processes: real sockets, real TLS, real files.

Every way in which a call can fail has its own error with its own sentence, and whatever the
door refuses never reaches a handler.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy import MetaData

from crypto.errors import InvalidInput
from crypto.rng import system_rng
from hedui.v1 import ledger_pb2, node_pb2
from hedui.v1.ledger_pb2_grpc import LedgerServiceStub
from hedui.v1.node_pb2_grpc import (
    NodeAdminServiceServicer,
    NodeAdminServiceStub,
    QueryServiceServicer,
    QueryServiceStub,
    add_NodeAdminServiceServicer_to_server,
    add_QueryServiceServicer_to_server,
)
from model.reasons import Reason
from model.roles import Role
from runtime import errors
from runtime.certificates import create_authority
from runtime.channel import Dialer
from runtime.clock import Clock, SystemClock
from runtime.endpoints import Endpoints, write_endpoints
from runtime.guard import current_caller, ensure_time
from runtime.health import check_health
from runtime.identity import load_person, load_process_identity
from runtime.process import Assembly, Kind, Parts, Service, create_database
from runtime.server import offer
from tests.support.homes import FixedClock, Home, make_home, who

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
    service = Service(node.kind(), home=home.path, name="tax", clock=clock, strict_log=True, **more)
    service.start()
    return Site(home, node, service)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home")


@pytest.fixture
def site(home: Home) -> Iterator[Site]:
    site = start_node(home)
    yield site
    site.close()


def reason_of(error: grpc.RpcError) -> str:
    """The reason that a bare gRPC call was refused with."""
    trailing: Any = error.trailing_metadata()
    return str(dict(trailing)["hedui-reason"])


def bare(channel: Any, method: str, *, timeout_s: float | None) -> Any:
    """Call past the dialer, with bytes and perhaps without a deadline."""
    return channel.unary_unary(f"/hedui.v1.{method}")(b"", timeout=timeout_s)


def refused(site: Site, reason: Reason, **ask: Any) -> errors.Refused:
    with pytest.raises(errors.Refused) as caught:
        site.ask(**ask)
    assert caught.value.reason is reason
    return caught.value


# ------------------------------------------------------------------ the door


def test_a_call_arrives_with_its_caller(site: Site) -> None:
    assert isinstance(site.ask(), node_pb2.AnswerReply)
    assert site.node.callers == ["coordinator"]


def test_another_role_is_refused_and_told_who_may(site: Site) -> None:
    for name in ("registrar", "adam", "olga", "bank"):
        fault = refused(site, Reason.WRONG_ROLE, name=name)
        assert "coordinator may" in str(fault)
    assert site.node.callers == []
    assert site.service.counters.snapshot()["door.refused.wrong_role"] == 4


def test_an_admin_of_another_organisation_is_refused(site: Site) -> None:
    ledger = ledger_pb2.GetCheckpointRequest()
    for name, admitted in {"rosa": True, "adam": True, "bert": False}.items():
        call = site.dialer(name).begin(
            "tax", LedgerServiceStub, "GetCheckpoint", ledger, timeout_s=5
        )
        if admitted:
            assert b"hedui/hexi/tax" in call.result().checkpoint
            continue
        with pytest.raises(errors.Refused) as caught:
            call.result()
        assert caught.value.reason is Reason.WRONG_ORGANISATION


def test_a_call_without_deadline_is_refused(site: Site) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        bare(site.dialer().channel("tax"), "QueryService/Answer", timeout_s=None)
    assert reason_of(caught.value) == Reason.NO_DEADLINE
    refused(site, Reason.MALFORMED, timeout_s=3600)
    assert site.node.callers == []


def test_bytes_that_are_no_message_are_refused_after_the_role(site: Site) -> None:
    def send(name: str) -> str:
        channel: Any = site.dialer(name).channel("tax")
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/hedui.v1.QueryService/Answer")(b"\xff\xff", timeout=5)
        return reason_of(caught.value)

    assert send("coordinator") == Reason.MALFORMED
    assert send("adam") == Reason.WRONG_ROLE
    assert site.node.callers == []


def test_a_certificate_that_ends_on_an_open_channel_is_refused(home: Home) -> None:
    # gRPC itself looks at the certificate in the handshake and never again.
    clock = FixedClock()
    home.certify(who("coordinator"), days=30)
    site = start_node(home, clock=clock)
    try:
        channel = site.dialer().channel("tax")
        bare(channel, "QueryService/Answer", timeout_s=5)
        clock.move(days=31)
        with pytest.raises(grpc.RpcError) as caught:
            bare(channel, "QueryService/Answer", timeout_s=5)
        assert reason_of(caught.value) == Reason.CERTIFICATE_EXPIRED
        assert site.node.callers == ["coordinator"]
    finally:
        site.close()


def test_a_certificate_of_the_authority_that_is_not_pinned_is_refused(home: Home) -> None:
    home.certify(who("coordinator"), pin=False)
    site = start_node(home)
    try:
        refused(site, Reason.UNAUTHENTICATED)
    finally:
        site.close()


def test_a_method_that_nobody_serves_is_counted(site: Site) -> None:
    with pytest.raises(grpc.RpcError, match="Method not found"):
        bare(site.dialer().channel("tax"), "Nothing/Here", timeout_s=5)
    assert site.service.counters.snapshot()["call.unknown_method"] == 1


# ------------------------------------------------------------------ handlers


def raising(error: Exception) -> Handler:
    def handler(_request: Any, _context: Any) -> Any:
        raise error

    return handler


def test_a_handlers_refusal_travels_with_its_reason(site: Site) -> None:
    site.node.answer = raising(errors.Refusal(Reason.TICKET_EXPIRED))
    assert "past its expiry" in str(refused(site, Reason.TICKET_EXPIRED))
    site.node.answer = raising(InvalidInput("column salary of 330102199001011234"))
    assert "330102199001011234" not in str(refused(site, Reason.MALFORMED))


def test_an_unmapped_fault_says_nothing_outside_and_its_place_inside(site: Site) -> None:
    site.node.answer = raising(KeyError("330102199001011234"))
    with pytest.raises(errors.PeerFault, match="failed inside") as caught:
        site.ask()
    log = (site.home.path / "tax" / "log" / "tax.jsonl").read_text()
    assert "330102199001011234" not in log + str(caught.value)
    assert '"error":"KeyError"' in log
    assert "test_calls.py" in log


def test_a_late_handler_can_see_that_nobody_waits(site: Site) -> None:
    disclosed, outcome = [], threading.Event()

    def late(_request: Any, context: Any) -> Any:
        try:
            while context.is_active():
                time.sleep(0.01)
            ensure_time()
            disclosed.append("secret")
        finally:
            outcome.set()
        return node_pb2.AnswerReply()

    site.node.answer = late
    with pytest.raises(errors.DeadlinePassed):
        site.ask(timeout_s=0.3)
    assert outcome.wait(10)
    assert disclosed == []


def test_streams_in_and_out(site: Site) -> None:
    dialer = site.dialer("adam")
    parts = [node_pb2.ImportRequest(csv=b"ab"), node_pb2.ImportRequest(csv=b"c")]
    reply = dialer.call("tax", NodeAdminServiceStub, "ImportResource", parts, timeout_s=5)
    assert reply.rows == 3
    seen = []
    with pytest.raises(errors.Refused) as caught:
        for progress in dialer.stream(
            "tax", NodeAdminServiceStub, "Enrol", node_pb2.EnrolRequest(), timeout_s=5
        ):
            seen.append(progress.done)
    assert seen == [0, 1, 2]
    assert caught.value.reason is Reason.BUDGET_EXHAUSTED


def test_too_many_calls_at_once_are_turned_away(home: Home) -> None:
    settings = (home.path / "tax" / "process.toml").read_text()
    (home.path / "tax" / "process.toml").write_text(
        settings + "\n[server]\nthreads = 1\nmax_concurrent_calls = 1\n"
    )
    site = start_node(home)
    entered, go = threading.Event(), threading.Event()

    def held(_request: Any, _context: Any) -> Any:
        entered.set()
        go.wait(10)
        return node_pb2.AnswerReply()

    site.node.answer = held
    try:
        first = site.dialer().begin(
            "tax", QueryServiceStub, "Answer", node_pb2.AnswerRequest(), timeout_s=10
        )
        assert entered.wait(10)
        with pytest.raises(errors.PeerBusy):
            site.ask()
        go.set()
        first.result()
    finally:
        go.set()
        site.close()


def test_a_stop_lets_the_call_in_hand_end_and_takes_no_other(site: Site) -> None:
    entered, go = threading.Event(), threading.Event()

    def held(_request: Any, _context: Any) -> Any:
        entered.set()
        go.wait(10)
        return node_pb2.AnswerReply()

    site.node.answer = held
    dialer, address = site.dialer(), site.service.address
    request = node_pb2.AnswerRequest()
    pending = dialer.begin("tax", QueryServiceStub, "Answer", request, timeout_s=10)
    assert entered.wait(10)
    stopping = threading.Thread(target=site.service.stop)
    stopping.start()
    while check_health(site.service.health.address, timeout_s=1):
        time.sleep(0.01)
    go.set()
    assert isinstance(pending.result(), node_pb2.AnswerReply)
    stopping.join(20)
    assert not stopping.is_alive()
    host, _, port = address.rpartition(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=2)


def test_a_peer_that_dies_with_a_call_in_hand_is_unreachable(home: Home) -> None:
    with (home.path / "tax" / "process.toml").open("a") as file:
        file.write("\n[server]\nstop_grace_s = 0\n")
    site = start_node(home)
    entered, go = threading.Event(), threading.Event()

    def held(_request: Any, _context: Any) -> Any:
        entered.set()
        go.wait(10)
        return node_pb2.AnswerReply()

    site.node.answer = held
    request = node_pb2.AnswerRequest()
    pending = site.dialer().begin("tax", QueryServiceStub, "Answer", request, timeout_s=10)
    assert entered.wait(10)
    stopping = threading.Thread(target=site.service.stop)
    stopping.start()
    try:
        with pytest.raises(errors.Unreachable):
            pending.result()
    finally:
        go.set()
        stopping.join(20)
        site.close()


def test_many_threads_share_one_dialer(site: Site) -> None:
    dialer, replies = site.dialer(), []

    def ask() -> None:
        request = node_pb2.AnswerRequest()
        replies.append(dialer.call("tax", QueryServiceStub, "Answer", request, timeout_s=20))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(replies) == 12


class Recorder(grpc.ServerInterceptor):
    """What a privacy test hands in: sees parsed requests."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        self.methods.append(details.method)
        return continuation(details)


def test_a_test_can_record_what_a_process_receives(home: Home) -> None:
    recorder = Recorder()
    site = start_node(home, server_interceptors=[recorder])
    try:
        site.ask()
    finally:
        site.close()
    assert recorder.methods == ["/hedui.v1.QueryService/Answer"]


# ------------------------------------------------------------------ why nobody answers


def moved(home: Home, name: str, address: str) -> None:
    write_endpoints(home.path, {name: address})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_dead_port_is_unreachable(home: Home) -> None:
    moved(home, "tax", f"127.0.0.1:{free_port()}")
    site = Site(home, Node(), Service(Node().kind(), home=home.path, name="tax"))
    with pytest.raises(errors.Unreachable, match="tax is not running at"):
        site.ask()


def test_a_port_that_is_silent_is_unreachable(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        moved(home, "tax", f"127.0.0.1:{silent.getsockname()[1]}")
        site = Site(home, Node(), Service(Node().kind(), home=home.path, name="tax"))
        with pytest.raises(errors.Unreachable, match="does not answer"):
            site.ask()


class Impostor:
    """A bare gRPC server with the files of a member, whatever these say."""

    def __init__(self, home: Home, member: str, listen: str = "127.0.0.1:0") -> None:
        from concurrent.futures import ThreadPoolExecutor

        tls = home.path / member / "tls"
        self.received: list[str] = []
        self._server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((_Everything(self.received),))
        credentials = grpc.ssl_server_credentials(
            [((tls / "key.pem").read_bytes(), (tls / "cert.pem").read_bytes())],
            root_certificates=home.authority.pem,
            require_client_auth=True,
        )
        self.port = self._server.add_secure_port(listen, credentials)
        self._server.start()

    def __enter__(self) -> "Impostor":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()


class _Everything(grpc.GenericRpcHandler):
    def __init__(self, received: list[str]) -> None:
        self._received = received

    def service(self, handler_call_details: Any) -> Any:
        self._received.append(handler_call_details.method)
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")


def _expired(home: Home) -> None:
    home.certify(who("tax"), start=home.now - timedelta(days=9), days=2)


def _not_begun(home: Home) -> None:
    home.certify(who("tax"), start=home.now + timedelta(days=2))


def _foreign(home: Home) -> None:
    other = create_authority("hexi", days=30, now=home.now, rng=system_rng)
    home.certify(who("tax"), authority=other)


def _misnamed(home: Home) -> None:
    home.certify(who("tax"), certified_as="bank")


def _unpinned(home: Home) -> None:
    home.certify(who("tax"), pin=False)


UNTRUSTED = {
    "its certificate has expired": (_expired, errors.PeerExpired, "tax has expired"),
    "its certificate has not begun": (_not_begun, errors.PeerExpired, "has not begun"),
    "another authority": (_foreign, errors.PeerForeign, "not issued by this federation"),
    "another member's name": (_misnamed, errors.PeerMisnamed, "another member than tax"),
    "not the pinned certificate": (_unpinned, errors.PeerUnpinned, "federation.toml pins"),
}


@pytest.mark.parametrize(("spoil", "error", "words"), UNTRUSTED.values(), ids=UNTRUSTED.keys())
def test_a_server_that_is_not_the_pinned_one_gets_no_call(
    home: Home, spoil: Callable[[Home], None], error: type[errors.CallError], words: str
) -> None:
    spoil(home)
    with Impostor(home, "tax") as impostor:
        moved(home, "tax", f"127.0.0.1:{impostor.port}")
        site = Site(home, Node(), Service(Node().kind(), home=home.path, name="tax"))
        with pytest.raises(error, match=words):
            site.ask()
        assert impostor.received == []


def test_a_server_that_changes_its_certificate_under_a_channel_gets_no_call(home: Home) -> None:
    with Impostor(home, "tax") as first:
        port = first.port
        moved(home, "tax", f"127.0.0.1:{port}")
        site = Site(home, Node(), Service(Node().kind(), home=home.path, name="tax"))
        dialer = site.dialer()
        bare(dialer.channel("tax"), "QueryService/Answer", timeout_s=5)
    # Same authority, same name, same address: only the pinned certificate tells them apart.
    home.certify(who("tax"), pin=False)
    with Impostor(home, "tax", f"127.0.0.1:{port}") as second:
        with pytest.raises(errors.PeerUnpinned):
            dialer.call("tax", QueryServiceStub, "Answer", node_pb2.AnswerRequest(), timeout_s=5)
        assert second.received == []


def test_our_own_expired_certificate_is_named_before_calling(site: Site) -> None:
    clock = FixedClock()
    clock.move(days=400)
    with pytest.raises(errors.OwnCertificateRefused, match="certificate of coordinator ended"):
        site.ask(clock=clock)


def test_our_own_foreign_certificate_is_named(site: Site) -> None:
    other = create_authority("hexi", days=30, now=site.home.now, rng=system_rng)
    site.home.certify(who("coordinator"), authority=other, pin=False)
    with pytest.raises(errors.OwnCertificateRefused, match="another authority"):
        site.ask()


def test_our_own_certificate_that_only_the_peer_finds_expired_is_named(site: Site) -> None:
    # Our clock is wrong, so that it looks valid here.
    site.home.certify(who("coordinator"), start=site.home.now - timedelta(days=9), days=2)
    clock = FixedClock(site.home.now - timedelta(days=8))
    with pytest.raises(errors.OwnCertificateRefused, match="Compare clock"):
        site.ask(clock=clock)


def test_a_restarted_process_is_found_at_its_new_address(site: Site) -> None:
    dialer = site.dialer()
    request = node_pb2.AnswerRequest()
    dialer.call("tax", QueryServiceStub, "Answer", request, timeout_s=5)
    site.service.stop()
    with pytest.raises(errors.Unreachable, match="not running"):
        dialer.call("tax", QueryServiceStub, "Answer", request, timeout_s=5)
    again = start_node(site.home)
    try:
        dialer.call("tax", QueryServiceStub, "Answer", request, timeout_s=5)
    finally:
        again.close()


def test_an_unknown_process_is_a_question_of_spelling(site: Site) -> None:
    with pytest.raises(errors.SettingsError, match='Did you mean "tax"'):
        site.dialer().channel("tac")


def test_many_are_prepared_side_by_side(site: Site) -> None:
    faults = site.dialer().prepare(["tax", "bank", "registrar"])
    assert {name: type(fault) for name, fault in faults.items()} == {
        "bank": errors.Unreachable,
        "registrar": errors.Unreachable,
    }


def test_health_says_whether_it_serves(site: Site) -> None:
    address = site.service.health.address
    assert check_health(address, timeout_s=5)
    site.service.stop()
    assert not check_health(address, timeout_s=1)
