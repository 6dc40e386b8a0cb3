"""Shares: sent sealed to the evaluator, on a product whose mask was verified, on nothing else.

Source: DESIGN 2.6, steps 2 and 3; crypto.threshold.
Learns: nothing.
"""

from crypto import knowledge, paillier, threshold
from crypto.errors import CryptoError
from hedui.v1 import common_pb2 as common
from hedui.v1 import holder_pb2 as pb
from holder import messages as holder_messages
from holder import store
from holder.checks import Context
from holder.session import Holder, request_digest
from model.documents.opening import ciphertext_digest
from model.opening import mask_context, share_context
from model.reasons import Reason
from runtime.documents import refuse_proof
from runtime.errors import Refusal
from runtime.storage.writer import Tx

SHARE_PAD = 4096
"""``pad_to`` of a sealed share or share proof: above the width of 8192-bit keys."""


def sealed_share(
    holder: Holder, context: Context, masked: int, digest: str, previous: str
) -> tuple[common.SealedMessage, str]:
    """Our share of the masked product, sealed to the evaluator; and its header's digest."""
    value = threshold.share(holder.joint, holder.share, masked)
    evaluator = holder.member(context.permit.evaluator)
    message = holder.message(
        "share",
        threshold.encode_share(holder.joint, value),
        permit=context.permit_digest,
        to=evaluator.name,
        ciphertext=digest,
        previous=previous,
    )
    sealed = holder_messages.seal(message, recipient=evaluator, pad_to=SHARE_PAD)
    return sealed, holder_messages.digest_of(message)


def verified_product(
    holder: Holder, context: Context, mask: common.HolderMessage
) -> tuple[int, str, str]:
    """Recompute C from the answers and the masker's signed, proven mask.

    Returns C, its digest, and the digest of the mask's header. Raises Refusal.
    """
    key = holder.joint.public
    ciphertext = _open_mask(holder, context, mask.payload)
    masked = paillier.product(key, [*context.answers, ciphertext])
    digest = ciphertext_digest(paillier.encode_ciphertext(key, masked))
    holder_messages.verify(
        mask,
        federation=holder.federation,
        permit=context.permit_digest,
        step="mask",
        sender=context.permit.masker,
        recipient=holder_messages.ALL_HOLDERS,
        ciphertext=digest,
        previous=context.permit_digest,
    )
    return masked, digest, holder_messages.digest_of(mask)


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
    masked, digest, previous = verified_product(holder, context, mask)
    sealed, header = sealed_share(holder, context, masked, digest, previous)
    kept = holder.seal(permit, "product", masked.to_bytes(holder.joint.public.ciphertext_bytes))
    join = holder.join(context, "sharer", digest)

    def state(tx: Tx) -> None:
        join(tx)
        store.add_secret(tx.conn, permit, "product", kept)

    return holder.take_step(permit, "share", request, pb.ShareReply(share=sealed), header, state)


def prove(holder: Holder, permit: str) -> pb.ProveShareReply:
    """Prove the share that we sent; demanded only when shares did not combine."""
    participation = holder.participation(permit)
    sent = holder.sent(permit, "share")
    found = holder.repeated(permit, "share-proof", permit, pb.ProveShareReply())
    if found is not None:
        return found
    masked = int.from_bytes(holder.kept(permit, "product"), "big")
    bound = share_context(permit, holder.name)
    proof = threshold.prove_share(holder.joint, holder.share, masked, context=bound, rng=holder.rng)
    message = holder.message(
        "share-proof",
        proof,
        permit=permit,
        to=participation.evaluator,
        ciphertext=participation.ciphertext,
        previous=sent.header,
    )
    sealed = holder_messages.seal(
        message, recipient=holder.member(participation.evaluator), pad_to=SHARE_PAD
    )
    reply = pb.ProveShareReply(proof=sealed)
    header = holder_messages.digest_of(message)
    return holder.take_step(permit, "share-proof", permit, reply, header, lambda tx: None)


def opened_share(
    holder: Holder,
    context: Context,
    sealed: common.SealedMessage,
    sender: str,
    digest: str,
    previous: str,
) -> tuple[int, str]:
    """As evaluator: one holder's share, verified, and its header's digest. Raises Refusal."""
    message = holder.unseal(
        sealed, permit=context.permit_digest, step="share", sender=sender, pad_to=SHARE_PAD
    )
    holder_messages.verify(
        message,
        federation=holder.federation,
        permit=context.permit_digest,
        step="share",
        sender=sender,
        recipient=holder.name,
        ciphertext=digest,
        previous=previous,
    )
    try:
        value = threshold.decode_share(holder.joint, message.payload)
    except CryptoError:
        raise Refusal(Reason.SHARE_INVALID, f"{sender} sent no share") from None
    return value, holder_messages.digest_of(message)


def opened_proof(
    holder: Holder, sealed: common.SealedMessage, participation: store.Participation, previous: str
) -> bytes:
    """As evaluator: the payload of one holder's share proof. Raises Refusal."""
    message = holder.unseal(
        sealed,
        permit=participation.permit,
        step="share-proof",
        sender=sealed.sender,
        pad_to=SHARE_PAD,
    )
    holder_messages.verify(
        message,
        federation=holder.federation,
        permit=participation.permit,
        step="share-proof",
        sender=sealed.sender,
        recipient=holder.name,
        ciphertext=participation.ciphertext,
        previous=previous,
    )
    return message.payload
