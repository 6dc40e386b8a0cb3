"""Health, on a second small server with its own pool: a busy process still answers its watchdog.

Source: design.md 5.2.
It speaks the standard grpc.health.v1 protocol without TLS: SERVING or NOT_SERVING, and in the
trailing metadata of ``Check``, a line for each reason, how many calls failed before a handler ran
since the process started. It listens on the loopback address unless process.toml says otherwise.
Learns: whoever can ask, these counts; nothing about who called, or about what.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from runtime.counters import Counters
from runtime.transport.guard import AT_THE_DOOR
from runtime.transport.server import bind

_THREADS: Final = 2
_MAX_CALLS: Final = 16
_MAX_BYTES: Final = 1024


@dataclass(frozen=True)
class Health:
    """What a process says of itself; ``refused`` counts by reason what failed at its door."""

    serving: bool
    refused: Mapping[str, int]


class _Servicer(health.HealthServicer):  # type: ignore[misc]
    """The library's, with our counts behind its answer."""

    def __init__(self, counters: Counters) -> None:
        super().__init__()
        self._counters = counters

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The status; the counts go as trailing metadata, which other clients ignore."""
        counts = self._counters.snapshot().items()
        context.set_trailing_metadata(
            tuple((name, str(count)) for name, count in counts if name.startswith(AT_THE_DOOR))
        )
        return super().Check(request, context)


class HealthServer:
    """Starts as NOT_SERVING. ``address`` is ``host:port``."""

    def __init__(self, listen: str, counters: Counters) -> None:
        """Bind; raises AddressInUse."""
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="hedui-health")
        self._servicer = _Servicer(counters)
        self._server = grpc.server(
            self._pool,
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _MAX_BYTES)],
            maximum_concurrent_rpcs=_MAX_CALLS,
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, self._server)
        self.serving = False
        self.set(serving=False)
        self.address = bind(listen, self._server.add_insecure_port, setting="health_listen")

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def set(self, *, serving: bool) -> None:
        """Change what is answered, for the process as a whole (the empty service name)."""
        status = health_pb2.HealthCheckResponse
        self._servicer.set("", status.SERVING if serving else status.NOT_SERVING)
        self.serving = serving

    def stop(self) -> None:
        """Answer NOT_SERVING to those who watch, then stop."""
        self._servicer.enter_graceful_shutdown()
        self.serving = False
        self._server.stop(1).wait()
        self._pool.shutdown(wait=True, cancel_futures=True)


def read_health(address: str, *, timeout_s: float) -> Health | None:
    """Ask a process's health server; None where nobody answers."""
    with grpc.insecure_channel(address) as channel:
        try:
            reply, call = health_pb2_grpc.HealthStub(channel).Check.with_call(
                health_pb2.HealthCheckRequest(), timeout=timeout_s
            )
        except grpc.RpcError:
            return None
        said = {key: value for key, value in call.trailing_metadata() or ()}
    refused = {
        key.removeprefix(AT_THE_DOOR): int(value)
        for key, value in sorted(said.items())
        if key.startswith(AT_THE_DOOR) and str(value).isdecimal()
    }
    serving = reply.status == health_pb2.HealthCheckResponse.SERVING
    return Health(serving, refused)
