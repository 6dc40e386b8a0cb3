"""A server of a process: mutual TLS, bounded, synchronous.

Source: design.md 2.1.2, 5.1, 5.8.
Trusts: the federation's authority for who may connect at all; the guard for the rest.
"""

import errno
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, Final

import grpc

from model.access import ACCESS
from model.roles import Role
from runtime.errors import AddressInUse
from runtime.site.settings import ServerSettings
from runtime.transport.guard import Guard, Host

AddService = Callable[[grpc.Server], None]
"""Registers one servicer with a server; ``offer`` makes one."""

_MAX_METADATA_BYTES: Final = 16_384


class CallPool(ThreadPoolExecutor):
    """The threads of the calls; knows how many calls gRPC has handed it and not seen end.

    gRPC refuses above ``maximum_concurrent_rpcs`` and tells nobody; it counts the same futures.
    """

    def __init__(self, threads: int, *, max_calls: int) -> None:
        super().__init__(threads, thread_name_prefix="hedui-call")
        self.watch: Callable[[Callable[[], Any]], Any] = lambda call: call()
        """Runs each call."""
        self._max_calls = max_calls
        self._in_hand = 0
        self._count_lock = Lock()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Count a call until its future is done."""
        future = super().submit(lambda: self.watch(lambda: fn(*args, **kwargs)))
        self._count(1)
        future.add_done_callback(lambda _future: self._count(-1))
        return future

    @property
    def full(self) -> bool:
        """Whether the next call is one too many."""
        return self._in_hand >= self._max_calls

    def _count(self, change: int) -> None:
        with self._count_lock:
            self._in_hand += change


class Server:
    """A bound server. ``address`` is ``host:port`` with the port that it really has."""

    def __init__(
        self, server: grpc.Server, address: str, pool: ThreadPoolExecutor, grace_s: float
    ) -> None:
        self._server = server
        self._pool = pool
        self._grace_s = grace_s
        self.address = address

    def start(self) -> None:
        """Begin to serve."""
        self._server.start()

    def stop(self) -> None:
        """Take no more calls, let those in hand end within the grace, then cut them off."""
        self._server.stop(self._grace_s).wait()
        self._pool.shutdown(wait=True, cancel_futures=True)


def offer(register: Callable[..., Any], servicer: object) -> AddService:
    """``offer(add_QueryServiceServicer_to_server, servicer)``, for generated, untyped code."""
    return lambda server: register(servicer, server)


def build_server(
    services: Sequence[AddService],
    host: Host,
    *,
    listen: str,
    settings: ServerSettings,
    extra_interceptors: Sequence[grpc.ServerInterceptor] = (),
    access: Mapping[str, frozenset[Role]] = ACCESS,
) -> Server:
    """Build and bind a process's server; raises AddressInUse.

    Args:
        services: What it offers.
        host: The process that serves.
        listen: ``host:port``; port 0 for a free one.
        extra_interceptors: Inside the guard, so they see parsed requests of admitted calls, and
            refusals as exceptions. For tests that record what a party receives and replies.
        access: Roles per full method; anything that is not in it is refused.
    """
    pool = CallPool(settings.threads, max_calls=settings.max_concurrent_calls)
    guard = Guard(
        host,
        max_deadline_s=settings.max_deadline_s,
        full=lambda: pool.full,
        access=access,
    )
    pool.watch = guard.watch
    server = grpc.server(
        pool,
        interceptors=[guard, *extra_interceptors],
        options=_options(settings),
        maximum_concurrent_rpcs=settings.max_concurrent_calls,
    )
    for add in services:
        add(server)
    credentials = grpc.ssl_server_credentials(
        [(host.identity.tls_key_pem, host.identity.certificate.pem)],
        root_certificates=host.federation.ca_certificate.encode("ascii"),
        require_client_auth=True,
    )
    address = bind(listen, lambda at: server.add_secure_port(at, credentials), setting="listen")
    return Server(server, address, pool, settings.stop_grace_s)


def _options(settings: ServerSettings) -> list[tuple[str, int]]:
    return [
        # Otherwise two servers bind one port, and each gets some of the calls.
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.max_metadata_size", _MAX_METADATA_BYTES),
        # Above the bound of calls, so that a surplus is refused and not left waiting unseen.
        ("grpc.max_concurrent_streams", 4 * settings.max_concurrent_calls),
    ]


def bind(listen: str, add_port: Callable[[str], int], *, setting: str) -> str:
    """Bind through ``add_port`` and return the real ``host:port``; raises AddressInUse."""
    _try_to_bind(listen, setting)
    try:
        port = add_port(listen)
    except RuntimeError:
        port = 0
    if not port:
        raise AddressInUse(f"{listen} cannot be bound. Change {setting} in process.toml")
    return f"{listen.rpartition(':')[0]}:{port}"


def _try_to_bind(listen: str, setting: str) -> None:
    """Ask the system why an address cannot be bound; gRPC only says that it cannot."""
    host, _, port = listen.rpartition(":")
    try:
        found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(found[0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[4])
    except (OSError, OverflowError) as error:
        raise AddressInUse(_explain(listen, setting, error)) from None


def _explain(listen: str, setting: str, error: OSError | OverflowError) -> str:
    mend = f"Change {setting} in process.toml"
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"{listen} is in use by another process. Stop that one, or {mend.lower()}"
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        return f"{listen} may not be bound by this user (ports below 1024 need root). {mend}"
    if isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL:
        return f"{listen} is not an address of this machine. {mend}"
    return f"{listen} cannot be bound: {error}. {mend}"
