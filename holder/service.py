"""HolderService: thin handlers. Every refusal is ledgered with its reason before it is told.

Source: design.md 1.4, 2.4.9.
"""

from collections.abc import Callable
from typing import TypeVar, get_args

import grpc
from google.protobuf.message import Message

from hedui.v1 import holder_pb2 as pb
from hedui.v1 import holder_pb2_grpc
from holder import evaluator, masker, sharing, store
from holder.checks import Context, Shown, check_context
from holder.session import Holder
from model.documents.opening import Acceptance, HolderRole, Kind
from model.documents.signed import sign
from model.limits import DIGEST_BYTES
from model.reasons import Reason
from runtime.documents import open_manifest
from runtime.errors import Refusal
from runtime.transport.guard import current_caller, ensure_time
from runtime.transport.server import AddService, offer
from runtime.transport.wire import reveals_from_wire, signed_from_wire, signed_to_wire

R = TypeVar("R", bound=Message)


class HolderService(holder_pb2_grpc.HolderServiceServicer):
    """The key-holder role of one process."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder

    def offered(self) -> AddService:
        """What registers this service with a server."""
        return offer(holder_pb2_grpc.add_HolderServiceServicer_to_server, self)

    def Accept(self, request: pb.AcceptRequest, context: grpc.ServicerContext) -> pb.AcceptReply:
        """Sign that this holder will take part in the opening of one manifest."""
        return self._answer(lambda about: self._accept(request))

    def Mask(self, request: pb.MaskRequest, context: grpc.ServicerContext) -> pb.MaskReply:
        """Step 1."""
        return self._opening(request.context, lambda c: masker.mask(self._holder, c))

    def Share(self, request: pb.ShareRequest, context: grpc.ServicerContext) -> pb.ShareReply:
        """Step 2, for t > 2."""
        return self._opening(
            request.context, lambda c: sharing.share(self._holder, c, request.mask)
        )

    def Open(self, request: pb.OpenRequest, context: grpc.ServicerContext) -> pb.OpenReply:
        """Step 3."""
        return self._opening(
            request.context,
            lambda c: evaluator.open_product(self._holder, c, request.mask, request.shares),
        )

    def Compare(self, request: pb.CompareRequest, context: grpc.ServicerContext) -> pb.CompareReply:
        """Step 4."""
        return self._step(request.permit, lambda p: masker.compare(self._holder, p, request.bits))

    def Conclude(
        self, request: pb.ConcludeRequest, context: grpc.ServicerContext
    ) -> pb.ConcludeReply:
        """Step 5."""
        return self._step(
            request.permit, lambda p: evaluator.conclude(self._holder, p, request.terms)
        )

    def ProveShare(
        self, request: pb.ProveShareRequest, context: grpc.ServicerContext
    ) -> pb.ProveShareReply:
        """After share_invalid."""
        return self._step(request.permit, lambda p: sharing.prove(self._holder, p))

    def NameCheat(
        self, request: pb.NameCheatRequest, context: grpc.ServicerContext
    ) -> pb.NameCheatReply:
        """After share_invalid, at the evaluator."""
        return self._step(
            request.permit, lambda p: evaluator.name_cheat(self._holder, p, request.proofs)
        )

    def _accept(self, request: pb.AcceptRequest) -> pb.AcceptReply:
        holder, parts = self._holder, self._holder.parts
        signed = signed_from_wire(request.manifest)
        manifest = open_manifest(signed, parts.federation, parts.clock.now())
        kind = _kind(request.kind)
        holder.policy_of(manifest.policy)
        with parts.database.read() as conn:
            if store.participation_of(conn, signed.digest, kind) is not None:
                raise Refusal(Reason.ALREADY_OPENED)
        acceptance = Acceptance(
            holder=holder.name,
            role=_role(request.role),
            manifest=signed.digest,
            kind=kind,
            answers=_digest(request.answers),
        )
        parts.writer.run(
            lambda tx: tx.append("opening.accepted", manifest=signed.digest, role=request.role)
        )
        document = sign(acceptance, parts.identity.sign_key, holder.name)
        return pb.AcceptReply(acceptance=signed_to_wire(document))

    def _opening(self, message: pb.OpeningContext, step: Callable[[Context], R]) -> R:
        def checked(about: dict[str, str]) -> R:
            about["requester"] = current_caller().name
            about["permit"] = signed_from_wire(message.permit).digest
            return step(self._checked(message))

        return self._answer(checked)

    def _step(self, permit: bytes, step: Callable[[str], R]) -> R:
        """A later step, of whoever relayed the first."""

        def known(about: dict[str, str]) -> R:
            about["requester"] = current_caller().name
            about["permit"] = _digest(permit)
            self._holder.check_caller(about["permit"], about["requester"])
            return step(about["permit"])

        return self._answer(known)

    def _checked(self, message: pb.OpeningContext) -> Context:
        parts = self._holder.parts
        shown = Shown(
            manifest=signed_from_wire(message.manifest),
            permit=signed_from_wire(message.permit),
            first=signed_from_wire(message.first) if message.HasField("first") else None,
            reveals=reveals_from_wire(message.reveals),
            answers=[signed_from_wire(a) for a in message.answers],
        )
        return check_context(
            shown,
            policy_of=self._holder.policy_of,
            federation=parts.federation,
            now=parts.clock.now(),
            caller=current_caller().name,
        )

    def _answer(self, step: Callable[[dict[str, str]], R]) -> R:
        """Run a step, which notes its permit; disclose only while someone waits."""
        about: dict[str, str] = {}
        with self._holder.parts.refusals.ledgered("opening.refused", clear=about):
            reply = step(about)
        ensure_time()
        return reply


def _role(text: str) -> HolderRole:
    roles: dict[str, HolderRole] = {role: role for role in get_args(HolderRole)}
    if text in roles:
        return roles[text]
    raise Refusal(Reason.MALFORMED, "no such role of a holder")


def _kind(text: str) -> Kind:
    kinds: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
    if text in kinds:
        return kinds[text]
    raise Refusal(Reason.MALFORMED, "no such kind of opening")


def _digest(data: bytes) -> str:
    if len(data) != DIGEST_BYTES:
        raise Refusal(Reason.MALFORMED, f"a digest has {DIGEST_BYTES} bytes")
    return data.hex()
