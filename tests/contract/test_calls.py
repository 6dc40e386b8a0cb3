"""Calls between processes: real sockets, real TLS, real files; what becomes of them in handlers.

Tests design.md 5.1, 5.12, 5.16.
"""

import socket
import threading
import time
from typing import Any

import grpc
import pytest

from crypto.errors import InvalidInput
from hedui.v1 import node_pb2
from hedui.v1.node_pb2_grpc import (
    NodeAdminServiceStub,
    QueryServiceStub,
)
from model.reasons import Reason
from runtime import errors
from runtime.transport.guard import ensure_time
from tests.support.calls import Handler, Site, refused, start_node
from tests.support.homes import Home
from tests.support.serving import check_health


def raising(error: Exception) -> Handler:
    def handler(_request: Any, _context: Any) -> Any:
        raise error

    return handler


def test_a_handlers_refusal_travels_with_its_reason(site: Site) -> None:
    site.node.answer = raising(errors.Refusal(Reason.TICKET_EXPIRED))
    assert "has expired" in str(refused(site, Reason.TICKET_EXPIRED))
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
    site = start_node(home, server=[recorder])
    try:
        site.ask()
    finally:
        site.close()
    assert recorder.methods == ["/hedui.v1.QueryService/Answer"]
