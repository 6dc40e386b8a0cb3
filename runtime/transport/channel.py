"""Calls to other processes: pinned, bounded in time, with errors that say what to do.

Source: design.md 2.1.3, 5.1, 5.13.
Trusts: the federation file for the peer's certificate.
A peer is probed once before its channel is opened, and its very certificate then is the only
root that the channel takes. Calls are never hedged and never repeated here: a second query is
a second disclosure, and only whoever holds the stored id may repeat one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from types import TracebackType
from typing import Any, Final

import grpc

from model.federation import Federation, Process
from model.limits import MAX_MESSAGE_BYTES
from model.mistakes import did_you_mean
from model.reasons import Reason
from runtime.clock import Clock
from runtime.errors import (
    CallError,
    CertificateError,
    DeadlinePassed,
    PeerBusy,
    PeerExpired,
    PeerFault,
    Refused,
    RuntimeFault,
    SettingsError,
    Unreachable,
)
from runtime.site.certificates import Certificate, host_name
from runtime.site.endpoints import Endpoints
from runtime.site.identity import Identity
from runtime.transport.probe import check_own, probe
from runtime.transport.status import REASON_KEY
from runtime.transport.versions import stated_by

StubFactory = Callable[[grpc.Channel], Any]
"""A generated stub: ``QueryServiceStub``."""

_CONNECT_TIMEOUT_S: Final = 5.0
_PREPARING: Final = 8
_RETIRED: Final = 8

_OPTIONS: Final[list[tuple[str, int]]] = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # gRPC would repeat some calls by itself.
    ("grpc.enable_retries", 0),
    # A peer that was restarted is to be found within seconds, not minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Proxies of the environment have no place between processes.
    ("grpc.enable_http_proxy", 0),
]


@dataclass(frozen=True)
class _Link:
    address: str
    certificate: Certificate
    channel: grpc.Channel


class Pending:
    """A call under way. ``result`` waits; every fault is raised there, not before."""

    def __init__(self, dialer: "Dialer", peer: str, future: Any, fault: Exception | None) -> None:
        self._dialer = dialer
        self._future = future
        self._fault = fault
        self.process = peer

    def result(self) -> Any:
        """Return the reply; raises CallError (see ``Dialer.call``)."""
        if self._fault is not None:
            raise self._fault
        try:
            return self._future.result()
        except grpc.RpcError as error:
            raise self._dialer.explain(self.process, error) from None
        except grpc.FutureCancelledError:
            raise PeerFault(self.process, f"the call to {self.process} was cancelled") from None

    def cancel(self) -> None:
        """Stop waiting. The peer's handler may run to its end all the same."""
        if self._future is not None:
            self._future.cancel()


class Dialer:
    """Opens channels to the processes of the federation, and keeps them."""

    def __init__(
        self,
        *,
        federation: Federation,
        identity: Identity,
        endpoints: Endpoints,
        clock: Clock,
        extra_interceptors: Sequence[Any] = (),
        connect_timeout_s: float = _CONNECT_TIMEOUT_S,
    ) -> None:
        """``extra_interceptors``: gRPC client interceptors, for tests that record messages."""
        self._federation = federation
        self._identity = identity
        self._endpoints = endpoints
        self._clock = clock
        self._stated = stated_by(federation)
        self._extra = tuple(extra_interceptors)
        self._connect_timeout_s = connect_timeout_s
        self._links: dict[str, _Link] = {}
        self._retired: list[_Link] = []
        self._lock = Lock()

    def __enter__(self) -> "Dialer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def call(
        self, process: str, stub: StubFactory, method: str, request: Any, *, timeout_s: float
    ) -> Any:
        """Call and wait: ``dialer.call("tax", QueryServiceStub, "Answer", request, timeout_s=30)``.

        ``request`` is a message, or an iterable of messages where the method takes a stream.
        Raises CallError: Refused with the peer's reason, Unreachable, PeerUntrusted,
        OwnCertificateRefused, DeadlinePassed, PeerBusy or PeerFault; SettingsError where the
        peer has no address.
        """
        return self.begin(process, stub, method, request, timeout_s=timeout_s).result()

    def begin(
        self, process: str, stub: StubFactory, method: str, request: Any, *, timeout_s: float
    ) -> Pending:
        """Begin a call and return at once, to ask many; ``prepare`` opens their channels."""
        try:
            call = getattr(stub(self.channel(process)), method)
            message = request if _is_message(request) else iter(request)
            future = call.future(message, timeout=timeout_s, metadata=self._stated)
            return Pending(self, process, future, None)
        except RuntimeFault as fault:
            return Pending(self, process, None, fault)

    def stream(
        self, process: str, stub: StubFactory, method: str, request: Any, *, timeout_s: float
    ) -> Iterator[Any]:
        """Call a method that replies with a stream; yields its messages, raises as ``call``."""
        call = getattr(stub(self.channel(process)), method)
        message = request if _is_message(request) else iter(request)
        replies = call(message, timeout=timeout_s, metadata=self._stated)
        try:
            yield from replies
        except grpc.RpcError as error:
            raise self.explain(process, error) from None
        finally:
            replies.cancel()

    def channel(self, process: str) -> grpc.Channel:
        """Return the pinned channel to a process, opened on first use; raises CallError."""
        peer = self.peer(process)
        check_own(process, self._identity, self._clock)
        address = self._endpoints.address(process)
        link = self._links.get(process)
        if link is None or link.address != address:
            link = self._keep(process, self._open(peer, address), instead_of=link)
        _check_peer(link.certificate, process, self._clock)
        return link.channel

    def prepare(self, processes: Iterable[str]) -> dict[str, CallError | SettingsError]:
        """Open channels to many side by side; return what went wrong, by process."""
        names = list(dict.fromkeys(processes))
        with ThreadPoolExecutor(max_workers=min(_PREPARING, max(1, len(names)))) as pool:
            faults = pool.map(self._attempt, names)
            return {name: fault for name, fault in zip(names, faults, strict=True) if fault}

    def probe(self, process: str) -> Certificate:
        """Shake hands with a process and return its certificate; raises CallError."""
        return self._probe(self.peer(process), self._endpoints.address(process))

    def peer(self, process: str) -> Process:
        """Return the process's entry in the federation file; raises SettingsError."""
        member = self._federation.member(process)
        if not isinstance(member, Process):
            known = [each.name for each in self._federation.process]
            raise SettingsError(
                f'federation.toml has no process "{process}"' + did_you_mean(process, known)
            )
        return member

    def close(self) -> None:
        """Close every channel; calls under way are cancelled."""
        with self._lock:
            links = [*self._links.values(), *self._retired]
            self._links, self._retired = {}, []
        for link in links:
            link.channel.close()

    def explain(self, process: str, error: grpc.RpcError) -> CallError:
        """Return the typed error for one of gRPC's."""
        refused = _refused(process, error)
        if refused is not None:
            return refused
        code, details = _code(error)
        # CANCELLED, when it was not us: the peer stopped with the call in hand.
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            return self._why_unavailable(process)
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlinePassed(process, f"{process} did not answer in time")
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" not in details:
            return PeerBusy(process, f"{process} has more calls than it takes; try again later")
        return PeerFault(process, _fault_sentence(process, code))

    def _attempt(self, process: str) -> CallError | SettingsError | None:
        try:
            self.channel(process)
        except (CallError, SettingsError) as fault:
            return fault
        return None

    def _why_unavailable(self, process: str) -> CallError:
        old = self._links.get(process)
        try:
            peer, address = self.peer(process), self._endpoints.address(process)
            certificate = self._probe(peer, address)
        except CallError as fault:
            return fault
        except SettingsError as fault:
            return Unreachable(process, str(fault))
        # It answers again: a new channel does not wait for the old one's next attempt.
        self._keep(process, self._secure(address, certificate), instead_of=old)
        return Unreachable(process, f"{process} broke off the connection, and answers again now")

    def _open(self, peer: Process, address: str) -> _Link:
        return self._secure(address, self._probe(peer, address))

    def _probe(self, peer: Process, address: str) -> Certificate:
        return probe(
            peer,
            address,
            identity=self._identity,
            federation=self._federation,
            clock=self._clock,
            timeout_s=self._connect_timeout_s,
        )

    def _secure(self, address: str, certificate: Certificate) -> _Link:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=certificate.pem,
            private_key=self._identity.tls_key_pem,
            certificate_chain=self._identity.certificate.pem,
        )
        name = host_name(certificate.subject.name)
        options = [*_OPTIONS, ("grpc.ssl_target_name_override", name)]
        channel = grpc.secure_channel(address, credentials, options=options)
        return _Link(address, certificate, grpc.intercept_channel(channel, *self._extra))

    def _keep(self, process: str, link: _Link, *, instead_of: _Link | None) -> _Link:
        """Put a new link in the place of an old one, unless another thread was quicker."""
        with self._lock:
            current = self._links.get(process)
            if current is not None and current is not instead_of:
                superfluous: _Link | None = link
                link = current
            else:
                self._links[process] = link
                superfluous = self._retire(instead_of)
        if superfluous is not None:
            superfluous.channel.close()
        return link

    def _retire(self, link: _Link | None) -> _Link | None:
        """Keep a replaced link for the calls under way on it; return one that may be closed."""
        if link is not None:
            self._retired.append(link)
        return self._retired.pop(0) if len(self._retired) > _RETIRED else None


def _is_message(request: Any) -> bool:
    return hasattr(request, "SerializeToString") or isinstance(request, bytes)


def _check_peer(certificate: Certificate, process: str, clock: Clock) -> None:
    try:
        certificate.check_validity(clock.now())
    except CertificateError as error:
        raise PeerExpired(
            process,
            f"{error}. Its administrator has a new one issued, and the federation file is signed "
            "again",
        ) from None


def _code(error: grpc.RpcError) -> tuple[grpc.StatusCode, str]:
    if isinstance(error, grpc.Call):
        return error.code(), error.details() or ""
    return grpc.StatusCode.UNKNOWN, ""


def _refused(process: str, error: grpc.RpcError) -> CallError | None:
    code = _reason_code(error)
    if code is None:
        return None
    details = _code(error)[1]
    try:
        reason = Reason(code)
    except ValueError:
        return PeerFault(
            process, f"{process} refused with a code that this version does not know: update one"
        )
    if reason is Reason.INTERNAL:
        return PeerFault(process, _fault_sentence(process, grpc.StatusCode.INTERNAL))
    return Refused(process, reason, details)


def _reason_code(error: grpc.RpcError) -> str | None:
    trailing: Any = error.trailing_metadata() if isinstance(error, grpc.Call) else ()
    for key, value in trailing or ():
        if key == REASON_KEY:
            return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return None


def _fault_sentence(process: str, code: grpc.StatusCode) -> str:
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return f"{process} does not offer this call: is it the right process, and up to date?"
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return f"a message to or from {process} is larger than {MAX_MESSAGE_BYTES} bytes"
    return f"{process} failed inside ({code.name.lower()}); its administrator looks at its log"
