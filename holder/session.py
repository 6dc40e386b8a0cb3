"""What every step of a key holder stands on: idempotency, tombstones, sealed state, messages.

Source: design.md 2.6.10, 2.6.13.
A step runs once per permit. A repeat returns the stored message, byte for byte; the same step
with other contents is refused. The message is stored, and the step ledgered, in one transaction
before anything leaves.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from google.protobuf.message import Message

from crypto import packing
from crypto.comparison import Comparison
from crypto.labels import Label, join
from crypto.rng import Rng
from crypto.sealing import AtRestKey, open_at_rest, seal_at_rest
from crypto.threshold import JointKey, KeyShare
from hedui.v1 import common_pb2 as pb
from holder import messages as holder_messages
from holder import store
from holder.checks import Context
from holder.messages import Link
from model.documents.opening import Step
from model.federation import Federation, Process
from model.fields import parse_time
from model.opening import CaseTerms
from model.reasons import Reason
from runtime.documents import PolicyLookup, require_requester
from runtime.errors import Refusal
from runtime.process import Parts
from runtime.storage.writer import Tx

M = TypeVar("M", bound=Message)


class About(Protocol):
    """What all messages of one opening are about."""

    @property
    def permit(self) -> str:
        """Digest of the permit's body, hex."""

    @property
    def ciphertext(self) -> str:
        """Digest of C, the masked product, hex."""


@dataclass(frozen=True, repr=False)
class Holder:
    """A key holder: the process's parts, its share, and where approved policies are found."""

    parts: Parts
    share: KeyShare
    policy_of: PolicyLookup

    @property
    def name(self) -> str:
        """Our process name."""
        return self.parts.name

    @property
    def federation(self) -> Federation:
        """The pinned members."""
        return self.parts.federation

    @property
    def joint(self) -> JointKey:
        """The joint key."""
        return self.federation.joint_key.key

    @property
    def rng(self) -> Rng:
        """Fresh randomness."""
        return self.parts.rng

    def member(self, name: str) -> Process:
        """The process of this name. Raises Refusal."""
        found = self.federation.member(name)
        if not isinstance(found, Process):
            raise Refusal(Reason.MESSAGE_INVALID, "a message for a party that is no process")
        return found

    # --- messages -----------------------------------------------------------------------------

    def send(
        self, step: Step, payload: bytes, *, about: About, to: str, previous: str
    ) -> holder_messages.Sent:
        """Sign one message of ours and seal it to ``to``. Raises Refusal(message_invalid).

        Args:
            about: Which permit and which C.
            to: A member's name.
            previous: Digest of the header before it, hex.
        """
        link = Link(step, self.name, to, about.permit, about.ciphertext, previous)
        key = self.parts.identity.sign_key
        return holder_messages.send(link, payload, key=key, federation=self.federation)

    def receive(
        self, step: Step, sealed: pb.SealedMessage, *, about: About, sender: str, previous: str
    ) -> holder_messages.Received:
        """Open and verify one message to us. Raises Refusal."""
        key = self.parts.identity.seal_key
        if key is None:
            raise Refusal(Reason.NOT_A_HOLDER)
        link = Link(step, sender, self.name, about.permit, about.ciphertext, previous)
        return holder_messages.receive(link, sealed, federation=self.federation, key=key)

    # --- sealed state -------------------------------------------------------------------------

    def seal(self, permit: str, name: str, data: bytes) -> bytes:
        """Seal a secret under the process's key-encryption key."""
        return seal_at_rest(self.kek, data, aad=_place(permit, name), rng=self.rng)

    def kept(self, permit: str, name: str) -> bytes:
        """A secret of this opening. Raises Refusal(step_out_of_order) where there is none."""
        with self.parts.database.read() as conn:
            sealed = store.secret(conn, permit, name)
        if sealed is None:
            raise Refusal(Reason.STEP_OUT_OF_ORDER)
        return open_at_rest(self.kek, sealed, aad=_place(permit, name))

    @property
    def kek(self) -> AtRestKey:
        """The process's key-encryption key."""
        return self.parts.kek

    # --- steps --------------------------------------------------------------------------------

    def check_caller(self, permit: str, caller: str) -> None:
        """Raise Refusal(wrong_requester) where another coordinator relayed this opening."""
        with self.parts.database.read() as conn:
            found = store.participation(conn, permit)
        if found is not None:
            require_requester(found.requester, caller, self.federation)

    def participation(self, permit: str) -> store.Participation:
        """Our tombstone under this permit. Raises Refusal(step_out_of_order or permit_expired)."""
        with self.parts.database.read() as conn:
            found = store.participation(conn, permit)
        if found is None:
            raise Refusal(Reason.STEP_OUT_OF_ORDER)
        if self.parts.clock.now() >= parse_time(found.expires_at):
            raise Refusal(Reason.PERMIT_EXPIRED)
        return found

    def sent(self, permit: str, step: str) -> store.Stored:
        """A message that we have sent. Raises Refusal(step_out_of_order)."""
        with self.parts.database.read() as conn:
            found = store.message(conn, permit, step)
        if found is None:
            raise Refusal(Reason.STEP_OUT_OF_ORDER)
        return found

    def repeated(self, permit: str, step: str, request: str, reply: M) -> M | None:
        """The stored reply of a step that was taken, or None. Raises Refusal for other contents."""
        with self.parts.database.read() as conn:
            found = store.message(conn, permit, step)
        return None if found is None else _stored(found, request, reply)

    def join(self, context: Context, role: str, ciphertext: str) -> Callable[[Tx], None]:
        """Return what writes the tombstone, in the transaction of our first step.

        The returned function raises Refusal(already_opened) where another permit of this
        manifest and kind came first.
        """
        permit = context.permit
        participation = store.Participation(
            permit=context.permit_digest,
            manifest=permit.manifest,
            kind=permit.kind,
            role=role,
            ciphertext=ciphertext,
            masker=permit.masker,
            evaluator=permit.evaluator,
            recipient=context.recipient,
            requester=context.requester,
            expires_at=permit.expires_at,
        )

        def write(tx: Tx) -> None:
            found = store.participation_of(tx.conn, permit.manifest, permit.kind)
            if found is not None and found != participation:
                raise Refusal(Reason.ALREADY_OPENED)
            if found is None:
                store.add_participation(tx.conn, participation, tx.now)
                tx.append(
                    "opening.joined",
                    permit=participation.permit,
                    manifest=participation.manifest,
                    role=role,
                    requester=context.requester,
                )

        return write

    def check_not_opened(self, context: Context) -> None:
        """Raise Refusal(already_opened) before any work is done for a second permit.

        Who took part in the first opening knows under which permit: a re-check of another is
        refused with permit_mismatch.
        """
        manifest = context.permit.manifest
        with self.parts.database.read() as conn:
            found = store.participation_of(conn, manifest, context.permit.kind)
            first = store.participation_of(conn, manifest, "rules") if context.first else None
        if found is not None and found.permit != context.permit_digest:
            raise Refusal(Reason.ALREADY_OPENED)
        if first is not None and first.permit != context.first:
            raise Refusal(Reason.PERMIT_MISMATCH, "the first opening was under another permit")

    def take_step(
        self,
        permit: str,
        step: Step,
        request: str,
        reply: M,
        header: str,
        state: Callable[[Tx], None],
    ) -> M:
        """Store the reply of a step with its state and ledger entry; return what is stored.

        Two calls of one step may run side by side: the first to commit wins, and the other
        returns the winner's message, so that there is one transcript.
        """

        def write(tx: Tx) -> store.Stored:
            found = store.message(tx.conn, permit, step)
            if found is not None:
                return found
            state(tx)
            stored = store.Stored(request, header, reply.SerializeToString(deterministic=True))
            store.add_message(tx.conn, permit, step, stored)
            tx.append("opening.step", permit=permit, step=step, message=header)
            return stored

        return _stored(self.parts.writer.run(write), request, reply)


def request_digest(*parts: bytes) -> str:
    """Digest of what a step was asked with, hex; equal for a repeat."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big") + part)
    return hasher.hexdigest()


def packing_layout(terms: CaseTerms) -> packing.Layout:
    """Slots and widths of a plaintext, from the policy's layout."""
    return packing.Layout(terms.layout.ell, len(terms.layout.slots))


@dataclass(frozen=True)
class Shape:
    """What masker and evaluator agree on beforehand, and keep between their steps."""

    layout: packing.Layout
    bit_proofs: bool

    @classmethod
    def of(cls, terms: CaseTerms) -> "Shape":
        """From the approved policy."""
        return cls(packing_layout(terms), terms.layout.policy.file.policy.bit_proofs)

    def comparison(self, permit: str, masker: str, evaluator: str) -> Comparison:
        """The comparison under one permit."""
        bound = (b"comparison", bytes.fromhex(permit), masker.encode(), evaluator.encode())
        return Comparison(self.layout, join(Label.PERMIT, bound), self.bit_proofs)

    def to_bytes(self) -> bytes:
        """ℓ and the number of slots in two bytes each, then 1 with bit proofs and 0 without."""
        layout = self.layout
        sizes = layout.value_bits.to_bytes(2, "big") + layout.slots.to_bytes(2, "big")
        return sizes + bytes((self.bit_proofs,))

    @classmethod
    def split(cls, data: bytes) -> tuple["Shape", bytes]:
        """The inverse of ``to_bytes`` for the head of ``data``, and the rest of it."""
        sizes = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        return cls(packing.Layout(*sizes), bool(data[4])), data[5:]


def _stored(found: store.Stored, request: str, reply: M) -> M:
    if found.request != request:
        raise Refusal(Reason.ALREADY_OPENED, "this step was taken with other contents")
    fresh = type(reply)()
    fresh.ParseFromString(found.reply)
    return fresh


def _place(permit: str, name: str) -> tuple[bytes, ...]:
    return (b"holder", bytes.fromhex(permit), name.encode())
