"""The access table covers the wire exactly, and the door keeps to it: every RPC, every role.

Tests design.md 2.1.2, 2.3.2, 1.2.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import grpc
import pytest

from model.access import ACCESS, OWN_ORGANISATION_SERVICES
from model.roles import PROCESS_ROLES, Role
from runtime.clock import SystemClock
from runtime.counters import Counters
from runtime.logging import Log
from runtime.site.certificates import host_name
from runtime.site.identity import Identity, load_person, load_process_identity
from runtime.site.settings import ServerSettings
from runtime.transport.guard import Host
from runtime.transport.server import Server, build_server
from runtime.transport.versions import stated_by
from tests.support.homes import MEMBERS, Home, Who, make_home
from tests.support.logs import MemorySink

PROTO = Path(__file__).resolve().parents[2] / "proto"


def methods() -> dict[str, Any]:
    """Every RPC of the generated descriptors, by full method name."""
    found = {}
    for path in sorted((PROTO / "python" / "hedui" / "v1").glob("*_pb2.py")):
        module = import_module(f"hedui.v1.{path.stem}")
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                found[f"/{service.full_name}/{method.name}"] = method
    return found


METHODS = methods()

# Everybody works for the process's organisation here: roles alone decide.
SERVER = "tax"
PEOPLE = tuple(
    Who(f"person-{role}", role, "Tax Service") for role in sorted(set(Role) - PROCESS_ROLES)
)


def test_the_table_names_every_rpc_and_nothing_else() -> None:
    assert len(METHODS) > 20
    assert set(ACCESS) == set(METHODS)


def test_every_rpc_is_open_to_somebody() -> None:
    assert [method for method, roles in ACCESS.items() if not roles] == []


def test_the_coordinator_can_neither_authorize_nor_administer() -> None:
    mine = {method.split("/")[1] for method, roles in ACCESS.items() if Role.COORDINATOR in roles}
    forbidden = {"AuthorizationService", "BudgetService", "EnrolmentService", "PolicyService"}
    assert mine.isdisjoint(f"hedui.v1.{name}" for name in forbidden | OWN_ORGANISATION_SERVICES)


class _Everything(grpc.GenericRpcHandler):
    """Serves every method of the wire; says so by replying."""

    def service(self, handler_call_details: Any) -> Any:
        method = METHODS.get(handler_call_details.method)
        if method is None:
            return None
        if method.server_streaming and method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(lambda _r, _c: iter([b""]))
        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(lambda _r, _c: iter([b""]))
        if method.client_streaming:
            return grpc.stream_unary_rpc_method_handler(lambda _r, _c: b"")
        return grpc.unary_unary_rpc_method_handler(lambda _r, _c: b"")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    processes = [each for each in MEMBERS if each.role in PROCESS_ROLES]
    return make_home(tmp_path_factory.mktemp("access") / "home", [*processes, *PEOPLE])


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[Server]:
    federation = home.federation()
    member = next(each for each in federation.process if each.name == SERVER)
    log = Log(MemorySink(), process=SERVER, clock=SystemClock(), strict=True)
    server = build_server(
        [lambda bare: bare.add_generic_rpc_handlers((_Everything(),))],
        Host(
            member,
            load_process_identity(home.path / SERVER),
            federation,
            SystemClock(),
            log,
            Counters(),
        ),
        listen="127.0.0.1:0",
        settings=ServerSettings(),
    )
    server.start()
    yield server
    server.stop()


def _identity(home: Home, role: Role) -> Identity:
    if role in PROCESS_ROLES:
        name = {"registrar": "registrar", "coordinator": "coordinator", "node": "tax"}[role]
        return load_process_identity(home.path / name)
    return load_person(home.path, f"person-{role}")[1]


def _call(channel: Any, method: str, metadata: Any) -> str:
    """Return "served", or the reason of the refusal."""
    kind = METHODS[method]
    side = ("stream" if kind.client_streaming else "unary") + "_"
    side += "stream" if kind.server_streaming else "unary"
    request = iter([b""]) if kind.client_streaming else b""
    try:
        reply = getattr(channel, side)(method)(request, timeout=20, metadata=metadata)
        if kind.server_streaming:
            list(reply)
    except grpc.RpcError as error:
        trailing: Any = error.trailing_metadata()
        return str(dict(trailing)["hedui-reason"])
    return "served"


@pytest.mark.parametrize("role", sorted(Role))
def test_every_rpc_with_this_role(home: Home, server: Server, role: Role) -> None:
    stated = stated_by(home.federation())
    with _channel(home, server, role) as channel:
        for method in METHODS:
            expected = "served" if role in ACCESS[method] else "wrong_role"
            assert (method, _call(channel, method, stated)) == (method, expected)


def test_every_rpc_asks_for_wire_and_federation_file(home: Home, server: Server) -> None:
    with _channel(home, server, Role.COORDINATOR) as channel:
        for method in METHODS:
            assert (method, _call(channel, method, ())) == (method, "wire_version")


def _channel(home: Home, server: Server, role: Role) -> grpc.Channel:
    identity = _identity(home, role)
    credentials = grpc.ssl_channel_credentials(
        home.authority.pem, identity.tls_key_pem, identity.certificate.pem
    )
    options = [("grpc.ssl_target_name_override", host_name(SERVER))]
    return grpc.secure_channel(server.address, credentials, options=options)
