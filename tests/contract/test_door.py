"""What the door refuses, with its own reason, never reaches a handler, and is counted.

Tests design.md 2.1.2, 2.1.3, 3.5, 5.1, 5.11.
"""

import threading
import time
from typing import Any

import grpc
import pytest

from hedui.v1 import ledger_pb2, node_pb2
from hedui.v1.ledger_pb2_grpc import LedgerServiceStub
from hedui.v1.node_pb2_grpc import (
    QueryServiceStub,
)
from ledger import log
from ledger.event import decode
from model.reasons import Reason
from runtime import errors
from runtime.transport.door import DoorRecord
from runtime.transport.guard import AT_THE_DOOR
from runtime.transport.health import read_health
from tests.support.calls import Site, bare, reason_of, refused, start_node
from tests.support.homes import FixedClock, Home, who


def test_a_call_arrives_with_its_caller(site: Site) -> None:
    assert isinstance(site.ask(), node_pb2.AnswerReply)
    assert site.node.callers == ["coordinator"]


def test_another_role_is_refused_and_told_who_may(site: Site) -> None:
    for name in ("registrar", "adam", "olga", "bank"):
        fault = refused(site, Reason.WRONG_ROLE, name=name)
        assert "coordinator may" in str(fault)
    assert site.node.callers == []
    assert site.service.counters.snapshot()["door.refused.wrong_role"] == 4
    # Whoever watches health sees it, beside the standard answer.
    found = read_health(site.service.health.address, timeout_s=5)
    assert found is not None and found.serving
    assert found.refused["wrong_role"] == 4


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
        bare(site, "QueryService/Answer", timeout_s=None)
    assert reason_of(caught.value) == Reason.NO_DEADLINE
    refused(site, Reason.MALFORMED, timeout_s=3600)
    assert site.node.callers == []


def test_bytes_that_are_no_message_are_refused_after_the_role(site: Site) -> None:
    def send(name: str) -> str:
        with pytest.raises(grpc.RpcError) as caught:
            bare(site, "QueryService/Answer", body=b"\xff\xff", name=name)
        return reason_of(caught.value)

    assert send("coordinator") == Reason.MALFORMED
    assert send("adam") == Reason.WRONG_ROLE
    assert site.node.callers == []
    counted = site.service.counters.snapshot()
    assert (counted[f"{AT_THE_DOOR}malformed"], counted[f"{AT_THE_DOOR}wrong_role"]) == (1, 1)


def test_a_message_that_is_too_large_is_counted_though_grpc_refuses_it_by_itself(
    home: Home,
) -> None:
    with (home.path / "tax" / "process.toml").open("a") as file:
        file.write("\n[server]\nmax_message_bytes = 65536\n")
    site = start_node(home)
    unread = f"{AT_THE_DOOR}{Reason.UNREAD}"
    try:
        for _ in range(3):
            with pytest.raises(grpc.RpcError, match="larger than max"):
                bare(site, "QueryService/Answer", body=bytes(70_000), timeout_s=10)
        end = time.monotonic() + 10
        while site.service.counters.snapshot().get(unread) != 3:
            assert time.monotonic() < end, site.service.counters.snapshot()
            time.sleep(0.01)
        # One that arrives is none of them.
        site.ask()
    finally:
        site.close()
    assert site.service.counters.snapshot()[unread] == 3
    assert site.node.callers == ["coordinator"]


def test_a_certificate_that_ends_on_an_open_channel_is_refused(home: Home) -> None:
    # gRPC itself looks at the certificate in the handshake and never again.
    clock = FixedClock()
    home.certify(who("coordinator"), days=30)
    site = start_node(home, clock=clock)
    try:
        channel = site.dialer().channel("tax")
        bare(site, "QueryService/Answer", channel=channel)
        clock.move(days=31)
        with pytest.raises(grpc.RpcError) as caught:
            bare(site, "QueryService/Answer", channel=channel)
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
        bare(site, "Nothing/Here")
    assert site.service.counters.snapshot()["call.unknown_method"] == 1


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
        for _ in range(12):
            with pytest.raises(errors.PeerBusy):
                site.ask()
        # gRPC refused them by itself; they are counted at the door all the same.
        counted = site.service.counters.snapshot()
        assert counted[f"{AT_THE_DOOR}{Reason.OVERLOADED}"] == 12
        go.set()
        first.result()
        DoorRecord(counters=site.service.counters, writer=site.service.parts.writer).record()
        with site.service.parts.database.read() as conn:
            last = decode(log.leaf(conn, log.size(conn) - 1))
        assert (last.event, last.fields) == ("call.refused", {"reason": "overloaded", "count": 12})
    finally:
        go.set()
        site.close()
