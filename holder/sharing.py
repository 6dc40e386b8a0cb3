"""Shares: sent sealed to the evaluator, on a product whose mask was verified, on nothing else.

Source: design.md 2.6.2, 2.6.3; crypto.threshold.
Learns: nothing.
"""

from dataclasses import dataclass

from crypto import knowledge, paillier, threshold
from crypto.errors import CryptoError
from hedui.v1 import common_pb2 as common
from hedui.v1 import holder_pb2 as pb
from holder import store
from holder.checks import Context
from holder.messages import Sent, mask_link, receive
from holder.session import Holder, request_digest
from model.documents.opening import ciphertext_digest
from model.opening import mask_context, share_context
from model.reasons import Reason
from runtime.documents import refuse_proof
from runtime.errors import Refusal
from runtime.storage.writer import Tx


@dataclass(frozen=True)
class Product:
    """C, the product of the answers and the mask."""

    permit: str
    """Digest of the permit under which it is opened."""
    masked: int
    ciphertext: str
    """Digest of C, hex."""

    @classmethod
    def of(cls, holder: Holder, context: Context, mask: int) -> "Product":
        """Multiply the checked answers and a mask."""
        key = holder.joint.public
        masked = paillier.product(key, [*context.answers, mask])
        digest = ciphertext_digest(paillier.encode_ciphertext(key, masked))
        return cls(context.permit_digest, masked, digest)


def send_share(holder: Holder, context: Context, product: Product, previous: str) -> Sent:
    """Our share of C, sealed to the evaluator. ``previous``: digest of the mask's header."""
    value = threshold.share(holder.joint, holder.share, product.masked)
    payload, evaluator = threshold.encode_share(holder.joint, value), context.permit.evaluator
    return holder.send("share", payload, about=product, to=evaluator, previous=previous)


def receive_mask(
    holder: Holder, context: Context, mask: common.HolderMessage
) -> tuple[Product, str]:
    """Recompute C from the answers and the masker's signed, proven mask.

    Returns C and the digest of the mask's header. Raises Refusal.
    """
    product = Product.of(holder, context, _open_mask(holder, context, mask.payload))
    link = mask_link(product.permit, context.permit.masker, product.ciphertext)
    return product, receive(link, mask, federation=holder.federation).digest


def _open_mask(holder: Holder, context: Context, payload: bytes) -> int:
    key = holder.joint.public
    width = key.ciphertext_bytes
    bound = mask_context(context.permit_digest, context.permit.masker, context.permit.kind)
    try:
        ciphertext = paillier.decode_ciphertext(key, payload[:width])
        knowledge.verify_mask(key, ciphertext, payload[width:], context=bound)
    except CryptoError as error:
        raise refuse_proof("the mask", error) from None
    return ciphertext


def share(holder: Holder, context: Context, mask: common.HolderMessage) -> pb.ShareReply:
    """Step 2 for a holder that is neither masker nor evaluator. Once per permit."""
    permit = context.permit_digest
    if holder.name not in context.permit.holders[2:]:
        raise Refusal(Reason.WRONG_HOLDER)
    request = request_digest(mask.header.body)
    found = holder.repeated(permit, "share", request, pb.ShareReply())
    if found is not None:
        return found
    holder.check_not_opened(context)
    product, previous = receive_mask(holder, context, mask)
    sent = send_share(holder, context, product, previous)
    width = holder.joint.public.ciphertext_bytes
    kept = holder.seal(permit, "product", product.masked.to_bytes(width))
    join = holder.join(context, "sharer", product.ciphertext)

    def state(tx: Tx) -> None:
        join(tx)
        store.add_secret(tx.conn, permit, "product", kept)

    reply = pb.ShareReply(share=sent.message)
    return holder.take_step(permit, "share", request, reply, sent.digest, state)


def prove(holder: Holder, permit: str) -> pb.ProveShareReply:
    """Prove the share that we sent; demanded only when shares did not combine."""
    participation = holder.participation(permit)
    previous = holder.sent(permit, "share").header
    found = holder.repeated(permit, "share-proof", permit, pb.ProveShareReply())
    if found is not None:
        return found
    masked = int.from_bytes(holder.kept(permit, "product"), "big")
    bound = share_context(permit, holder.name)
    proof = threshold.prove_share(holder.joint, holder.share, masked, context=bound, rng=holder.rng)
    sent = holder.send(
        "share-proof", proof, about=participation, to=participation.evaluator, previous=previous
    )
    reply = pb.ProveShareReply(proof=sent.message)
    return holder.take_step(permit, "share-proof", permit, reply, sent.digest, lambda tx: None)


def receive_share(
    holder: Holder, product: Product, sealed: common.SealedMessage, sender: str, previous: str
) -> tuple[int, str]:
    """As evaluator: one holder's share, verified, and its header's digest. Raises Refusal."""
    received = holder.receive("share", sealed, about=product, sender=sender, previous=previous)
    try:
        value = threshold.decode_share(holder.joint, received.payload)
    except CryptoError:
        raise Refusal(Reason.SHARE_INVALID, f"{sender} sent no share") from None
    return value, received.digest
