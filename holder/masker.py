"""The masker: adds the mask, and later answers the comparison. Its secret: one mask a slot.

Source: DESIGN 2.6, steps 1, 2, 4 and 5; crypto.comparison.
Learns: its masks; encrypted bits of masked numbers. Never a value, never a bit.
Not protected: a masker that colludes with the evaluator opens the sums.
"""

from crypto import comparison, knowledge, packing, paillier
from crypto.errors import CryptoError
from hedui.v1 import common_pb2 as common
from hedui.v1 import holder_pb2 as pb
from holder import messages as holder_messages
from holder import store
from holder.checks import Context
from holder.session import SEALED_OVERHEAD, Holder, Shape, pad_for, request_digest
from holder.sharing import sealed_share
from model.documents.opening import ciphertext_digest
from model.opening import mask_context
from model.policy.compiling import limits
from model.reasons import Reason
from runtime.documents import refuse_proof
from runtime.errors import Refusal
from runtime.storage.writer import Tx


def mask(holder: Holder, context: Context) -> pb.MaskReply:
    """Step 1: multiply the answers, add the mask, share it. Once per permit.

    Raises Refusal: wrong_holder, already_opened.
    """
    if context.permit.masker != holder.name:
        raise Refusal(Reason.WRONG_HOLDER)
    request = request_digest(context.permit_digest.encode())
    found = holder.repeated(context.permit_digest, "mask", request, pb.MaskReply())
    if found is not None:
        return found
    holder.check_not_opened(context)
    return _mask(holder, context, request)


def _mask(holder: Holder, context: Context, request: str) -> pb.MaskReply:
    key, shape = holder.joint.public, Shape.of(context.terms)
    layout = shape.layout
    masks = packing.draw_masks(layout, rng=holder.rng)
    targets = limits(context.terms.layout, context.terms.inputs)
    plaintext = packing.pack_masks(key, layout, targets, masks)
    made = paillier.encrypt_uniform(key, plaintext, rng=holder.rng)
    bound = mask_context(context.permit_digest, holder.name, context.permit.kind)
    proof = knowledge.prove_mask(key, made, plaintext, context=bound, rng=holder.rng)
    payload = paillier.encode_ciphertext(key, made.ciphertext) + proof
    masked = paillier.product(key, [*context.answers, made.ciphertext])
    return _commit(holder, context, request, payload, masked, masks_to_bytes(shape, masks))


def _commit(
    holder: Holder, context: Context, request: str, payload: bytes, masked: int, masks: bytes
) -> pb.MaskReply:
    permit, key = context.permit_digest, holder.joint.public
    digest = ciphertext_digest(paillier.encode_ciphertext(key, masked))
    message = holder.message(
        "mask",
        payload,
        permit=permit,
        to=holder_messages.ALL_HOLDERS,
        ciphertext=digest,
        previous=permit,
    )
    header = holder_messages.digest_of(message)
    share, share_header = sealed_share(holder, context, masked, digest, header)
    reply = pb.MaskReply(mask=message, share=share)
    sealed = holder.seal(permit, "masks", masks)
    product = holder.seal(permit, "product", paillier.encode_ciphertext(key, masked))
    join = holder.join(context, "masker", digest)

    def state(tx: Tx) -> None:
        join(tx)
        store.add_secret(tx.conn, permit, "masks", sealed)
        store.add_secret(tx.conn, permit, "product", product)
        store.add_message(tx.conn, permit, "share", store.Stored(request, share_header, b""))

    return holder.take_step(permit, "mask", request, reply, header, state)


def compare(holder: Holder, permit: str, sealed: common.SealedMessage) -> pb.CompareReply:
    """Steps 4 and 5: answer the encrypted bits; the masks are deleted with it. Once per permit.

    Raises Refusal: step_out_of_order, message_invalid, proof_invalid.
    """
    participation = holder.participation(permit)
    if participation.masker != holder.name:
        raise Refusal(Reason.WRONG_HOLDER)
    request = request_digest(sealed.sealed)
    found = holder.repeated(permit, "terms", request, pb.CompareReply())
    if found is not None:
        return found
    bits = _opened_bits(holder, participation, sealed)
    shape, masks = masks_from_bytes(holder.kept(permit, "masks"))
    agreed = shape.comparison(permit, holder.name, participation.evaluator)
    try:
        made = comparison.masker_respond(agreed, masks, bits.payload, rng=holder.rng)
    except CryptoError as error:
        raise refuse_proof("the encrypted bits", error) from None
    terms, flips = _answers(holder, participation, bits, made)
    return _store_answers(holder, participation, request, terms, flips)


def _opened_bits(
    holder: Holder, participation: store.Participation, sealed: common.SealedMessage
) -> common.HolderMessage:
    message = holder.unseal(
        sealed,
        permit=participation.permit,
        step="bits",
        sender=participation.evaluator,
        pad_to=len(sealed.sealed) - SEALED_OVERHEAD,
    )
    holder_messages.verify(
        message,
        federation=holder.federation,
        permit=participation.permit,
        step="bits",
        sender=participation.evaluator,
        recipient=holder.name,
        ciphertext=participation.ciphertext,
        previous=holder.sent(participation.permit, "share").header,
    )
    return message


def _answers(
    holder: Holder,
    participation: store.Participation,
    bits: common.HolderMessage,
    made: comparison.MaskerReply,
) -> tuple[common.HolderMessage, common.HolderMessage]:
    terms = holder.message(
        "terms",
        made.message,
        permit=participation.permit,
        to=participation.evaluator,
        ciphertext=participation.ciphertext,
        previous=holder_messages.digest_of(bits),
    )
    flips = holder.message(
        "flips",
        holder_messages.encode_bits(made.flips),
        permit=participation.permit,
        to=participation.recipient,
        ciphertext=participation.ciphertext,
        previous=holder_messages.digest_of(terms),
    )
    return terms, flips


def _store_answers(
    holder: Holder,
    participation: store.Participation,
    request: str,
    terms: common.HolderMessage,
    flips: common.HolderMessage,
) -> pb.CompareReply:
    reply = pb.CompareReply(
        terms=holder_messages.seal(
            terms, recipient=holder.member(participation.evaluator), pad_to=pad_for(terms)
        ),
        flips=holder_messages.seal(
            flips, recipient=holder.recipient(participation), pad_to=holder_messages.OUTPUT_PAD
        ),
    )
    header = holder_messages.digest_of(terms)
    return holder.take_step(
        participation.permit,
        "terms",
        request,
        reply,
        header,
        lambda tx: store.delete_secret(tx.conn, participation.permit, "masks"),
    )


def masks_to_bytes(shape: Shape, masks: list[int]) -> bytes:
    """The shape, then each mask in its fixed width."""
    width = -(-shape.layout.mask_bits // 8)
    return shape.to_bytes() + b"".join(m.to_bytes(width, "big") for m in masks)


def masks_from_bytes(data: bytes) -> tuple[Shape, list[int]]:
    """The inverse of ``masks_to_bytes``."""
    shape, body = Shape.split(data)
    width = -(-shape.layout.mask_bits // 8)
    starts = range(0, width * shape.layout.slots, width)
    return shape, [int.from_bytes(body[at : at + width], "big") for at in starts]
