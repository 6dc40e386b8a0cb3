"""The door of every server: each call is authenticated, allowed and bounded before its handler.

Source: design.md 2.1.2, 2.1.3, 5.11, 5.12.
Trusts: gRPC's TLS handshake for the possession of the certificate's key; the federation file.
Learns: the log, which member's role called what, and when.
An open channel outlives a certificate, so the certificate is checked per call, against the
clock and the federation file. The request is parsed after that, not before.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import lru_cache
from threading import local
from typing import Any, Final, TypeAlias

import grpc

from model.access import (
    ACCESS,
    OWN_ORGANISATION_ROLES,
    OWN_ORGANISATION_SERVICES,
    REQUESTER_SERVICES,
)
from model.federation import Federation, Member, Process
from model.reasons import Reason
from model.roles import PROCESS_ROLES, Role
from runtime.clock import Clock
from runtime.counters import Counters
from runtime.errors import CertificateError, Refusal
from runtime.logging import Log, describe
from runtime.site.certificates import Certificate, parse_certificate
from runtime.site.identity import Identity
from runtime.transport.status import REASON_KEY, as_refusal, status_of
from runtime.transport.versions import check_stated

# gRPC gives a call without a deadline some 2^63 ns to live.
_ENDLESS_S: Final = 10_000_000.0
_CACHED_CERTIFICATES: Final = 1024
# The stubs' generic is not one at run time.
_MethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_END: Final = object()

AT_THE_DOOR: Final = "door.refused."
"""Begins the name of the count of calls that failed, for a reason, before their handler ran."""


@dataclass(frozen=True)
class Caller:
    """Who calls: a member of the federation, and the certificate that was shown."""

    member: Member
    certificate_sha256: str

    @property
    def name(self) -> str:
        """The member's name."""
        return self.member.name

    @property
    def role(self) -> Role:
        """The member's role."""
        return self.member.role


@dataclass(frozen=True)
class Call:
    """One call while it is served."""

    caller: Caller
    method: str
    context: grpc.ServicerContext
    noted: dict[str, str] = field(default_factory=dict)
    """What else the log says of it, should it fail: see ``note_call``."""

    def time_left_s(self) -> float:
        """Return the seconds until the caller stops waiting, 0 when it has."""
        return float(self.context.time_remaining() or 0.0) if self.context.is_active() else 0.0


_CALL: ContextVar[Call] = ContextVar("hedui_call")


def current_call() -> Call:
    """Return the call that this thread serves; LookupError outside of a handler."""
    return _CALL.get()


def current_caller() -> Caller:
    """Return the member whose call this thread serves; LookupError outside of a handler."""
    return _CALL.get().caller


def note_call(fields: Mapping[str, str]) -> None:
    """Have the log name these, too, should this thread's call fail; nothing outside of a call."""
    call = _CALL.get(None)
    if call is not None:
        call.noted.update(fields)


def ensure_time(least_s: float = 0.0) -> None:
    """Raise Refusal(DEADLINE) unless more than ``least_s`` seconds are left and someone waits.

    A handler runs to its end after its deadline: call this right before disclosing.
    """
    if current_call().time_left_s() <= least_s:
        raise Refusal(Reason.DEADLINE)


@dataclass(frozen=True, repr=False)
class Host:
    """The process that serves: who it is, whom it knows, and where it notes what happens."""

    member: Process
    """Its entry in the federation file."""
    identity: Identity
    federation: Federation
    clock: Clock
    log: Log
    counters: Counters


class Guard(grpc.ServerInterceptor):
    """Authenticates, allows, bounds, counts, logs, and turns exceptions into statuses."""

    def __init__(
        self,
        host: Host,
        *,
        max_deadline_s: float,
        full: Callable[[], bool] = lambda: False,
        access: Mapping[str, frozenset[Role]] = ACCESS,
    ) -> None:
        """Take what is needed.

        Args:
            host: The process that serves.
            full: Whether gRPC, which does not ask us, turns the next call away.
            access: The roles of each full method.
        """
        self._member = host.member
        self._federation = host.federation
        self._clock = host.clock
        self._log = host.log
        self._counters = host.counters
        self._max_deadline_s = max_deadline_s
        self._full = full
        self._arrived = local()
        self._access = access
        self._parse: Callable[[bytes], Certificate]
        self._parse = lru_cache(maxsize=_CACHED_CERTIFICATES)(parse_certificate)

    def intercept_service(
        self, continuation: Callable[..., Any], handler_call_details: grpc.HandlerCallDetails
    ) -> "_MethodHandler | None":
        """Wrap the method's handler; None, for a method that nobody serves, stays None."""
        handler = continuation(handler_call_details)
        if handler is None:
            # The name is the caller's own text: counted, never logged.
            self._counters.add("call.unknown_method")
            return None
        if self._full():
            # Refused by gRPC as soon as this returns, whoever calls: no handler to say it in.
            self._counters.add(f"{AT_THE_DOOR}{Reason.OVERLOADED}")
        return _rebuild(handler, str(handler_call_details.method), self)

    @contextmanager
    def served(self, method: str, context: grpc.ServicerContext) -> Iterator[Call]:
        """Admit a call, and turn whatever its handler raises into a status."""
        self._arrived.here = True
        started = self._clock.monotonic_s()
        caller = self._admit(method, context)
        call = Call(caller, method, context)
        try:
            yield call
        except Exception as error:
            self._fail(method, caller, context, error, call.noted)
            raise
        self._counters.add("call.served")
        duration_ms = round((self._clock.monotonic_s() - started) * 1000)
        self._log.info("call.served", method=method, duration_ms=duration_ms, **_peer(caller))

    def decode(self, parse: Callable[[bytes], Any] | None, data: Any) -> Any:
        """Parse a request; raises Refusal(MALFORMED)."""
        if parse is None:
            return data
        try:
            return parse(data)
        except Exception:
            self._counters.add(f"{AT_THE_DOOR}{Reason.MALFORMED}")
            raise Refusal(Reason.MALFORMED, "the request is not the expected message") from None

    def watch(self, call: Callable[[], Any]) -> Any:
        """Run what gRPC does for one call, and count it where that never came to us.

        gRPC reads the request before it asks us: what is too large, broken off or too late
        while it waited for a thread ends there.
        """
        self._arrived.here = False
        try:
            return call()
        finally:
            if not self._arrived.here:
                self._counters.add(f"{AT_THE_DOOR}{Reason.UNREAD}")

    def _admit(self, method: str, context: grpc.ServicerContext) -> Caller:
        caller: Caller | None = None
        try:
            certificate = self._shown(context)
            caller = self._known(certificate)
            # First: to a caller of another file, "not a member" would tell the wrong mistake.
            check_stated(context.invocation_metadata() or (), self._federation)
            admitted = self._authenticate(certificate, caller)
            self._allow(method, admitted)
            self._check_deadline(context)
        except Exception as error:
            reason = error.reason if isinstance(error, Refusal) else Reason.INTERNAL
            self._counters.add(f"{AT_THE_DOOR}{reason}")
            self._fail(method, caller, context, error)
            raise
        return admitted

    def _shown(self, context: grpc.ServicerContext) -> Certificate:
        # Typed as str -> bytes by the stubs; really str -> list of bytes.
        shown: Any = context.auth_context().get("x509_pem_cert")
        if not shown:
            raise Refusal(Reason.UNAUTHENTICATED, "the call carries no certificate")
        try:
            return self._parse(shown[0])
        except CertificateError as error:
            raise Refusal(Reason.UNAUTHENTICATED, str(error)) from None

    def _known(self, certificate: Certificate) -> Caller | None:
        member = self._federation.by_certificate(certificate.sha256)
        if member is None or not _same(certificate, member, self._federation.name):
            return None
        return Caller(member, certificate.sha256)

    def _authenticate(self, certificate: Certificate, caller: Caller | None) -> Caller:
        if caller is None:
            raise Refusal(Reason.UNAUTHENTICATED)
        try:
            certificate.check_validity(self._clock.now())
        except CertificateError as error:
            raise Refusal(Reason.CERTIFICATE_EXPIRED, str(error)) from None
        return caller

    def _allow(self, method: str, caller: Caller) -> None:
        roles = self._access.get(method, frozenset())
        if caller.role not in roles:
            wanted = ", ".join(sorted(roles)) or "nobody"
            raise Refusal(
                Reason.WRONG_ROLE, f"role {caller.role} may not make this call; {wanted} may"
            )
        own = caller.role in OWN_ORGANISATION_ROLES or _service(method) in OWN_ORGANISATION_SERVICES
        if own and caller.member.organisation != self._member.organisation:
            raise Refusal(Reason.WRONG_ORGANISATION)
        through = self._federation.acts_through(caller.member.organisation)
        asks = _service(method) in REQUESTER_SERVICES and self._member.role is Role.COORDINATOR
        if asks and self._member not in through:
            raise Refusal(Reason.WRONG_ORGANISATION, "persons of this organisation act elsewhere")

    def _check_deadline(self, context: grpc.ServicerContext) -> None:
        left = context.time_remaining()
        if left is None or left > _ENDLESS_S:
            raise Refusal(Reason.NO_DEADLINE)
        if left > self._max_deadline_s:
            raise Refusal(
                Reason.MALFORMED, f"a deadline beyond {self._max_deadline_s:.0f} s is not taken"
            )

    def _fail(
        self,
        method: str,
        caller: Caller | None,
        context: grpc.ServicerContext,
        error: Exception,
        noted: Mapping[str, str] | None = None,
    ) -> None:
        refusal = as_refusal(error) or Refusal(Reason.INTERNAL, "internal error")
        self._counters.add(f"call.refused.{refusal.reason}")
        fields = {"method": method, "reason": str(refusal.reason), **_peer(caller), **(noted or {})}
        if refusal.reason is Reason.INTERNAL:
            self._log.fault("call.failed", error, **fields)
        else:
            more = {} if refusal is error else describe(error)
            self._log.info("call.refused", **fields, **more)
        context.set_trailing_metadata(((REASON_KEY, str(refusal.reason)),))
        context.abort(status_of(refusal.reason), refusal.detail)


def _peer(caller: Caller | None) -> dict[str, str]:
    if caller is None:
        return {}
    if caller.role in PROCESS_ROLES:
        return {"peer": caller.name, "peer_role": str(caller.role)}
    # A person acts in the ledger, as a commitment; the log knows the role.
    return {"peer_role": str(caller.role)}


def _service(method: str) -> str:
    return method.rpartition("/")[0].rpartition(".")[2]


def _same(certificate: Certificate, member: Member, federation: str) -> bool:
    subject = certificate.subject
    return (subject.federation, subject.name, subject.role) == (
        federation,
        member.name,
        member.role,
    ) and (subject.organisation, subject.office) == (member.organisation, member.office)


def _rebuild(handler: "_MethodHandler", method: str, guard: Guard) -> "_MethodHandler":
    """Return a handler of the same kind that passes the guard and parses afterwards."""
    incoming, outgoing = bool(handler.request_streaming), bool(handler.response_streaming)
    parse = handler.request_deserializer
    if outgoing:
        behaviour = handler.stream_stream if incoming else handler.unary_stream
        wrapped: Any = _streaming(behaviour, _decoder(guard, parse, incoming), method, guard)
    else:
        behaviour = handler.stream_unary if incoming else handler.unary_unary
        wrapped = _unary(behaviour, _decoder(guard, parse, incoming), method, guard)
    build: Callable[..., _MethodHandler] = _BUILDERS[incoming, outgoing]
    return build(wrapped, None, handler.response_serializer)


_BUILDERS: Final[dict[tuple[bool, bool], Any]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def _decoder(guard: Guard, parse: Any, streaming: bool) -> Callable[[Any], Any]:
    if streaming:
        return lambda requests: (guard.decode(parse, request) for request in requests)
    return lambda request: guard.decode(parse, request)


def _unary(behaviour: Any, decode: Callable[[Any], Any], method: str, guard: Guard) -> Any:
    def serve(request: Any, context: grpc.ServicerContext) -> Any:
        with guard.served(method, context) as call:
            # A context of its own: the thread serves somebody else next.
            scope = copy_context()
            scope.run(_CALL.set, call)
            return scope.run(behaviour, decode(request), context)

    return serve


def _streaming(behaviour: Any, decode: Callable[[Any], Any], method: str, guard: Guard) -> Any:
    def serve(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with guard.served(method, context) as call:
            scope = copy_context()
            scope.run(_CALL.set, call)
            replies = iter(scope.run(behaviour, decode(request), context))
            while (reply := scope.run(next, replies, _END)) is not _END:
                yield reply

    return serve
