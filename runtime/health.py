"""Health, on a second small server with its own pool: a busy process still answers its watchdog.

It speaks the standard grpc.health.v1 protocol without TLS, and says SERVING or NOT_SERVING and
nothing else. It listens on the loopback address unless process.toml says otherwise.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from runtime.server import bind

_THREADS: Final = 2
_MAX_CALLS: Final = 16
_MAX_BYTES: Final = 1024


class HealthServer:
    """Starts as NOT_SERVING. ``address`` is ``host:port``."""

    def __init__(self, listen: str) -> None:
        """Bind; raises AddressInUse."""
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="hedui-health")
        self._servicer = health.HealthServicer()
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


def check_health(address: str, *, timeout_s: float) -> bool:
    """Ask a process's health server; False too where nobody answers."""
    with grpc.insecure_channel(address) as channel:
        try:
            reply = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=timeout_s
            )
        except grpc.RpcError:
            return False
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)
