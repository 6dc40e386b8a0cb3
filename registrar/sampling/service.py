"""SampleService: a reviewer draws, then opens. Thin; what is refused is ledgered."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from crypto.errors import CryptoError
from crypto.jcs import MAX_SAFE_INTEGER
from hedui.v1 import registrar_pb2 as pb
from hedui.v1 import registrar_pb2_grpc
from model.reasons import Reason
from registrar.office import Office
from registrar.sampling.disclosure import disclose_drawn
from registrar.sampling.drawing import draw
from registrar.sampling.naming import disclose_officers
from runtime.errors import Refusal
from runtime.transport.guard import current_caller, ensure_time

_ID_DIGITS: Final = 32

T = TypeVar("T")


class SampleService(registrar_pb2_grpc.SampleServiceServicer):
    """The reviewer's door."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def DrawSample(self, request: pb.DrawSampleRequest, context: Any) -> pb.DrawSampleReply:
        """Note what was drawn."""
        caller, wanted = current_caller(), list(request.entries)

        def act() -> pb.DrawSampleReply:
            _check_range(*wanted, request.of)
            made = draw(self._office, wanted, request.of, caller, named=request.named)
            rows = [pb.DrawnEntry(entry=e.entry, erased_by=e.erased_by) for e in made.entries]
            return pb.DrawSampleReply(sample=made.sample, entries=rows, expires_at=made.expires_at)

        return self._guarded(act)

    def DiscloseSample(
        self, request: pb.DiscloseSampleRequest, context: Any
    ) -> pb.DiscloseSampleReply:
        """One drawn entry, sealed to the caller."""
        caller, sample, entry = current_caller(), request.sample, request.entry
        known = {"sample": sample} if _is_id(sample) else {}

        def act() -> bytes:
            _check_range(entry)
            if not known:
                raise Refusal(Reason.MALFORMED, f"sample: {_ID_DIGITS} digits, hex")
            return disclose_drawn(self._office, sample, entry, caller)

        sealed = self._guarded(act, **known)
        ensure_time()
        return pb.DiscloseSampleReply(sealed=sealed)

    def DiscloseOfficers(
        self, request: pb.DiscloseOfficersRequest, context: Any
    ) -> pb.DiscloseOfficersReply:
        """Who asked for each manifest of a page, sealed to the caller."""
        caller, first = current_caller(), request.first

        def act() -> tuple[int, bytes]:
            _check_range(first)
            return disclose_officers(self._office, first, caller)

        stop, sealed = self._guarded(act)
        ensure_time()
        return pb.DiscloseOfficersReply(next=stop, sealed=sealed)

    def _guarded(self, act: Callable[[], T], **clear: str) -> T:
        """Act; a refusal is ledgered with the reviewer as a commitment."""
        who = {"reviewer": current_caller().name}
        with self._office.parts.refusals.ledgered("sample.refused", committed=who, clear=clear):
            return _mapped(act)


def _mapped(act: Callable[[], T]) -> T:
    try:
        return act()
    except CryptoError:
        raise Refusal(Reason.DATABASE_FAULT, "what is stored of this entry does not open") from None


def _is_id(text: str) -> bool:
    return len(text) == _ID_DIGITS and set(text) <= set("0123456789abcdef")


def _check_range(*numbers: int) -> None:
    if any(number > MAX_SAFE_INTEGER for number in numbers):
        raise Refusal(Reason.MALFORMED, "there are never that many entries")
