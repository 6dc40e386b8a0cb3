"""The relay of an opening: mask, shares, comparison, results; each step once.

Source: design.md 2.6.12, 2.6.13 and holder.proto. Every reply is stored, with a ledger entry,
before the next call; a repeat of a call brings the holder's stored message. It is the same for
either kind of permit; of a re-check, flips and results are sealed to its reviewer.
Learns: which holders take part; of what they say, the mask.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from coordinator.case.issued import Issued
from coordinator.case.journal import Journal
from coordinator.case.state import Setback, setbacks
from coordinator.opening import context
from coordinator.opening.context import AnswerSet
from coordinator.opening.transcript import check_mask
from coordinator.settings import CoordinatorSettings
from crypto import paillier
from hedui.v1 import common_pb2, holder_pb2
from hedui.v1.holder_pb2_grpc import HolderServiceStub
from holder.messages import check_address, digest_of
from model.documents.opening import HolderHeader, OpeningPermit
from model.documents.signed import Signed
from model.federation import Federation
from model.fields import parse_time
from model.reasons import Reason
from runtime.clock import Clock
from runtime.errors import Refusal
from runtime.transport.channel import Dialer


@dataclass(frozen=True)
class Run:
    """One opening under its permit."""

    case_id: str
    issued: Issued
    answers: AnswerSet
    permit: OpeningPermit
    signed: Signed
    recipient: str
    """Who alone can read what comes out."""
    first: Signed | None = None
    """Of a re-check: the permit that it repeats."""

    @property
    def context(self) -> holder_pb2.OpeningContext:
        """What holders are shown."""
        return context.context_message(self.issued, self.signed, self.answers, self.first)


@dataclass(frozen=True)
class Output:
    """What comes out: the verified mask, and both halves of each bit, sealed to the recipient."""

    mask: common_pb2.HolderMessage
    flips: common_pb2.SealedMessage
    results: common_pb2.SealedMessage

    @property
    def header(self) -> HolderHeader:
        """The header of the mask: it names permit and C."""
        return HolderHeader.decode(self.mask.header.body)


Stored = Mapping[str, bytes]
"""What is stored of one opening, by step: read once, when the relay takes it up."""


class OpeningFailed(Setback):
    """An opening that failed for good under its permit. ``cause`` stands in the ledger."""

    def __init__(self, cause: Reason, *, permit: str, who: str) -> None:
        super().__init__(_CASE_REASON.get(cause, cause), waits=False, who=who)
        self.cause = cause
        self.permit = permit


class Relay:
    """Takes an opening from its permit to what comes out."""

    def __init__(
        self,
        *,
        journal: Journal,
        dialer: Dialer,
        federation: Federation,
        key: paillier.PublicKey,
        settings: CoordinatorSettings,
        clock: Clock,
    ) -> None:
        self._journal: Final = journal
        self._dialer: Final = dialer
        self._federation: Final = federation
        self._key: Final = key
        self._settings: Final = settings
        self._clock: Final = clock

    def run(self, run: Run) -> Output:
        """Take every step that is not stored yet.

        Raises OpeningFailed, naming the holder; or Setback: somebody cannot be reached and the
        permit lasts.
        """
        try:
            return self._steps(run)
        except Setback as fault:
            raise self.judged(run, fault) from None

    # ------------------------------------------------------------------ steps

    def _steps(self, run: Run) -> Output:
        there = self._journal.steps(run.case_id, run.permit.kind)
        mask, share = self._mask(run, there)
        shares = [share] + [self._share(run, there, mask, h) for h in run.permit.holders[2:]]
        bits = self._bits(run, there, mask, shares)
        terms, flips = self._compare(run, there, bits)
        return Output(mask, flips, self._conclude(run, there, terms))

    def _mask(
        self, run: Run, there: Stored
    ) -> tuple[common_pb2.HolderMessage, common_pb2.SealedMessage]:
        masker = run.permit.masker
        share = f"share:{masker}"
        if "mask" in there:
            return common_pb2.HolderMessage.FromString(there["mask"]), _sealed(there[share])
        reply = self._call(masker, "Mask", holder_pb2.MaskRequest(context=run.context))
        try:
            check_mask(
                reply,
                run.permit,
                run.signed.digest,
                run.answers.messages,
                federation=self._federation,
                key=self._key,
            )
        except Refusal as bad:
            raise Setback(bad.reason, waits=False, who=masker) from None
        self._keep(run, {"mask": reply.mask, share: reply.share})
        return reply.mask, reply.share

    def _share(
        self, run: Run, there: Stored, mask: common_pb2.HolderMessage, holder: str
    ) -> common_pb2.SealedMessage:
        name = f"share:{holder}"
        if name in there:
            return _sealed(there[name])
        request = holder_pb2.ShareRequest(context=run.context, mask=mask)
        reply = self._call(holder, "Share", request)
        return self._keep_sealed(run, name, reply.share, holder, run.permit.evaluator)

    def _bits(
        self,
        run: Run,
        there: Stored,
        mask: common_pb2.HolderMessage,
        shares: Sequence[common_pb2.SealedMessage],
    ) -> common_pb2.SealedMessage:
        if "bits" in there:
            return _sealed(there["bits"])
        evaluator = run.permit.evaluator
        request = holder_pb2.OpenRequest(context=run.context, mask=mask, shares=shares)
        reply = self._call(evaluator, "Open", request)
        return self._keep_sealed(run, "bits", reply.bits, evaluator, run.permit.masker)

    def _compare(
        self, run: Run, there: Stored, bits: common_pb2.SealedMessage
    ) -> tuple[common_pb2.SealedMessage, common_pb2.SealedMessage]:
        if "terms" in there:
            return _sealed(there["terms"]), _sealed(there["flips"])
        masker, permit = run.permit.masker, bytes.fromhex(run.signed.digest)
        request = holder_pb2.CompareRequest(permit=permit, bits=bits)
        reply = self._call(masker, "Compare", request)
        _check_address(reply.flips, masker, run.recipient)
        _check_address(reply.terms, masker, run.permit.evaluator)
        self._keep(run, {"terms": reply.terms, "flips": reply.flips})
        return reply.terms, reply.flips

    def _conclude(
        self, run: Run, there: Stored, terms: common_pb2.SealedMessage
    ) -> common_pb2.SealedMessage:
        if "results" in there:
            return _sealed(there["results"])
        evaluator, permit = run.permit.evaluator, bytes.fromhex(run.signed.digest)
        request = holder_pb2.ConcludeRequest(permit=permit, terms=terms)
        reply = self._call(evaluator, "Conclude", request)
        return self._keep_sealed(run, "results", reply.results, evaluator, run.recipient)

    # ------------------------------------------------------------------ helpers

    def _call(self, holder: str, method: str, request: Any) -> Any:
        timeout_s = self._settings.holder_timeout_s
        with setbacks(holder):
            return self._dialer.call(
                holder, HolderServiceStub, method, request, timeout_s=timeout_s
            )

    def _keep(self, run: Run, messages: dict[str, Any]) -> None:
        rows = [
            (name, message.SerializeToString(deterministic=True), _digest(message))
            for name, message in messages.items()
        ]
        self._journal.step(
            run.case_id,
            rows,
            kind=run.permit.kind,
            permit=run.signed.digest,
            manifest=run.issued.digest,
        )

    def _keep_sealed(
        self,
        run: Run,
        name: str,
        message: common_pb2.SealedMessage,
        sender: str,
        recipient: str,
    ) -> common_pb2.SealedMessage:
        _check_address(message, sender, recipient)
        self._keep(run, {name: message})
        return message

    # ------------------------------------------------------------------ failure

    def judged(self, run: Run, fault: Setback) -> Setback:
        """What a setback under a permit means: waiting ends with the permit; a cheat is named."""
        permit = run.signed.digest
        if fault.waits and not self._lasts(run):
            return OpeningFailed(Reason.HOLDER_FAILED, permit=permit, who=fault.who)
        if fault.waits:
            return fault
        if fault.reason is Reason.SHARE_INVALID:
            return OpeningFailed(fault.reason, permit=permit, who=self._cheat(run))
        return OpeningFailed(fault.reason, permit=permit, who=fault.who)

    def _lasts(self, run: Run) -> bool:
        return self._clock.now() < parse_time(run.permit.expires_at)

    def _cheat(self, run: Run) -> str:
        """Ask for share proofs, and the evaluator for the name; "" where it cannot be told."""
        permit = bytes.fromhex(run.signed.digest)
        others = [h for h in run.permit.holders if h != run.permit.evaluator]
        proofs = []
        for holder in others:
            try:
                request = holder_pb2.ProveShareRequest(permit=permit)
                proofs.append(self._call(holder, "ProveShare", request).proof)
            except Setback as fault:
                # Who cannot be reached is asked again; who refuses to prove is the one.
                if fault.waits and self._lasts(run):
                    raise
                return holder
        question = holder_pb2.NameCheatRequest(permit=permit, proofs=proofs)
        reply = self._call(run.permit.evaluator, "NameCheat", question)
        return str(reply.holder) if reply.holder in others else ""


_CASE_REASON: Final = {
    Reason.SHARE_INVALID: Reason.HOLDER_FAILED,
    Reason.PERMIT_EXPIRED: Reason.HOLDER_FAILED,
    Reason.MESSAGE_INVALID: Reason.HOLDER_FAILED,
    Reason.UNAUTHENTICATED: Reason.HOLDER_FAILED,
    Reason.CERTIFICATE_EXPIRED: Reason.HOLDER_FAILED,
}
"""Faults of one holder, as the officer reads them; the ledger keeps fault and name."""


def _check_address(message: common_pb2.SealedMessage, sender: str, recipient: str) -> None:
    try:
        check_address(message, sender=sender, recipient=recipient)
    except Refusal as bad:
        raise Setback(bad.reason, waits=False, who=sender) from None


def _sealed(stored: bytes) -> common_pb2.SealedMessage:
    return common_pb2.SealedMessage.FromString(stored)


def _digest(message: common_pb2.HolderMessage | common_pb2.SealedMessage) -> str:
    if isinstance(message, common_pb2.HolderMessage):
        return digest_of(message)
    return hashlib.sha256(message.sealed).hexdigest()
