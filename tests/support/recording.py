"""Everything that one party receives and sends, and what of it is the same in two worlds.

A ``Recorder`` is an interceptor on both sides of a party that runs in the test process. ``shape``
keeps a message literally but for what is random or a time: that becomes its kind and length. So
two transcripts are equal only where methods, order, fields, sizes, plain values and error codes
are.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import grpc

from runtime.errors import Refusal
from runtime.transport.guard import current_caller
from runtime.transport.status import REASON_KEY

_RANDOM = re.compile(
    r"[0-9a-f]{32,}"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    r"|(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*[A-Z])[A-Za-z0-9+/]{40,}={0,2}"
    r"|127\.0\.0\.1:\d+"
)
_PARTIES = frozenset({"sender", "recipient", "holder", "holders", "skipped"})
Roles = Mapping[str, str]
"""Holder to its role in this case: the order of holders is drawn by lot in every case."""


@dataclass
class Exchange:
    """One call: as the observed party saw it."""

    direction: str
    peer: str
    method: str
    request: Any
    reply: Any = None
    status: str = "pending"
    trailing: tuple[str, ...] = ()

    @property
    def messages(self) -> list[Any]:
        """The messages that travelled."""
        return [m for m in (self.request, self.reply) if m is not None]

    def shape(self, roles: Roles) -> tuple[Any, ...]:
        """Comparable, and readable where a comparison fails."""
        peer = roles.get(self.peer, self.peer) if "Holder" in self.method else self.peer
        says = [json.dumps(shape(m, roles), ensure_ascii=False) for m in self.messages]
        sizes = [m.ByteSize() for m in self.messages]
        return self.direction, peer, self.method, self.status, self.trailing, sizes, says


@dataclass
class Recorder(grpc.ServerInterceptor, grpc.UnaryUnaryClientInterceptor):
    """Hand the same object in as ``server`` and ``client`` of ``Instruments``."""

    exchanges: list[Exchange] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, exchange: Exchange) -> Exchange:
        """In the order of requests."""
        with self._lock:
            self.exchanges.append(exchange)
        return exchange

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Record a call that the party serves."""
        handler, method = continuation(handler_call_details), handler_call_details.method
        if handler is None or handler.unary_unary is None:
            self.streams.append(method)
            return handler

        def serve(request: Any, context: Any) -> Any:
            exchange = self.add(Exchange("in", current_caller().name, method, request))
            try:
                exchange.reply = handler.unary_unary(request, context)
            except Refusal as refusal:
                exchange.status = f"{refusal.reason}: {refusal.detail}"
                raise
            exchange.status = "ok"
            return exchange.reply

        return grpc.unary_unary_rpc_method_handler(
            serve, handler.request_deserializer, handler.response_serializer
        )

    def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """Record a call that the party makes."""
        exchange = self.add(Exchange("out", "", client_call_details.method, request))
        call = continuation(client_call_details, request)
        call.add_done_callback(lambda done: _note(exchange, done))
        return call

    def since(self, start: int, *, without: Sequence[str] = ()) -> list[Exchange]:
        """What came after so many exchanges, but for methods that end in one of these."""
        with self._lock:
            found = self.exchanges[start:]
        return [e for e in found if not e.method.endswith(tuple(without) or ("/none",))]


def _note(exchange: Exchange, done: Any) -> None:
    trailing = tuple(done.trailing_metadata() or ())
    exchange.trailing = tuple(f"{key}={value}" for key, value in trailing if key == REASON_KEY)
    exchange.status = str(done.code())
    if done.code() is grpc.StatusCode.OK:
        exchange.reply = done.result()


def shape(value: Any, roles: Roles, key: str = "") -> Any:
    """The value itself, but kind and length of whatever is random; see the module."""
    if hasattr(value, "ListFields"):
        return _message(value, roles)
    if isinstance(value, bytes):
        return _bytes(value, roles)
    if isinstance(value, str):
        masked = _RANDOM.sub(lambda found: f"<{len(found[0])}>", value)
        head, colon, party = masked.rpartition(":") if key == "step" else ("", "", masked)
        known = key in _PARTIES or head == "share"
        return f"{head}{colon}{roles.get(party, party)}" if known else masked
    if isinstance(value, Mapping):
        return {str(k): shape(v, roles, str(k)) for k, v in value.items()}
    if isinstance(value, Sequence) or hasattr(value, "__iter__"):
        return [shape(each, roles, key) for each in value]
    return value


def _message(message: Any, roles: Roles) -> dict[str, Any]:
    found = {f.name: shape(value, roles, f.name) for f, value in message.ListFields()}
    body = found.get("body")
    if isinstance(body, dict) and {"step", "holder"} & body.keys():
        found["signer"] = roles.get(found["signer"], found["signer"])
    return found


def _bytes(data: bytes, roles: Roles) -> Any:
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError:
        return f"<{len(data)} bytes>"
    if text.startswith(("{", "[")):
        return shape(json.loads(text), roles)
    return shape(text, roles) if text.isprintable() or "\n" in text else f"<{len(data)} bytes>"


def log_shapes(lines: Sequence[str], roles: Roles) -> list[str]:
    """Log lines without their times, sorted: threads may write them in any order."""
    return sorted(json.dumps(_line(json.loads(line), roles)) for line in lines)


def _line(line: dict[str, Any], roles: Roles) -> Any:
    kept = {k: "<ms>" if k == "duration_ms" else v for k, v in line.items()}
    return shape(kept, roles)
