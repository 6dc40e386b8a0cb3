"""Why nobody answers: every way has its own error with its own sentence.

Tests design.md 2.1.3, 5.10.
"""

import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest

from crypto.rng import system_rng
from hedui.v1 import node_pb2
from hedui.v1.node_pb2_grpc import (
    QueryServiceStub,
)
from runtime import errors
from runtime.process import Service
from runtime.site.certificates import create_authority
from runtime.site.endpoints import write_endpoints
from tests.support.calls import Node, Site, bare, start_node
from tests.support.homes import FixedClock, Home, who
from tests.support.serving import check_health


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
        bare(site, "QueryService/Answer", channel=dialer.channel("tax"))
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
