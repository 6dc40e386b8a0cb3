"""The masker: adds the mask, and later answers the comparison. Its secret: one mask a slot.

Source: design.md 2.6.1, 2.6.2, 2.6.4, 2.6.5; crypto.comparison.
Learns: its masks; encrypted bits of masked numbers. Never a value, never a bit.
Not protected: a masker that colludes with the evaluator opens the sums.
"""

from crypto import comparison, knowledge, packing, paillier
from crypto.errors import CryptoError
from hedui.v1 import common_pb2 as common
from hedui.v1 import holder_pb2 as pb
from holder import store
from holder.checks import Context
from holder.messages import digest_of, encode_bits, mask_link, sign_message
from holder.session import Holder, Shape, request_digest
from holder.sharing import Product, send_share
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
    product = Product.of(holder, context, made.ciphertext)
    return _commit(holder, context, request, payload, product, masks_to_bytes(shape, masks))


def _commit(
    holder: Holder, context: Context, request: str, payload: bytes, product: Product, masks: bytes
) -> pb.MaskReply:
    permit, key = context.permit_digest, holder.joint.public
    link = mask_link(permit, holder.name, product.ciphertext)
    message = sign_message(link, payload, key=holder.parts.identity.sign_key)
    header = digest_of(message)
    share = send_share(holder, context, product, header)
    reply = pb.MaskReply(mask=message, share=share.message)
    sealed = holder.seal(permit, "masks", masks)
    kept = holder.seal(permit, "product", paillier.encode_ciphertext(key, product.masked))
    join = holder.join(context, "masker", product.ciphertext)

    def state(tx: Tx) -> None:
        join(tx)
        store.add_secret(tx.conn, permit, "masks", sealed)
        store.add_secret(tx.conn, permit, "product", kept)
        store.add_message(tx.conn, permit, "share", store.Stored(request, share.digest, b""))

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
    previous = holder.sent(permit, "share").header
    bits = holder.receive(
        "bits", sealed, about=participation, sender=participation.evaluator, previous=previous
    )
    shape, masks = masks_from_bytes(holder.kept(permit, "masks"))
    agreed = shape.comparison(permit, holder.name, participation.evaluator)
    try:
        made = comparison.masker_respond(agreed, masks, bits.payload, rng=holder.rng)
    except CryptoError as error:
        raise refuse_proof("the encrypted bits", error) from None
    return _answer(holder, participation, request, bits.digest, made)


def _answer(
    holder: Holder,
    participation: store.Participation,
    request: str,
    bits: str,
    made: comparison.MaskerReply,
) -> pb.CompareReply:
    """Send terms and flips. ``bits``: digest of the header of the encrypted bits."""
    permit, recipient = participation.permit, participation.recipient
    terms = holder.send(
        "terms", made.message, about=participation, to=participation.evaluator, previous=bits
    )
    payload = encode_bits(made.flips)
    flips = holder.send("flips", payload, about=participation, to=recipient, previous=terms.digest)
    reply = pb.CompareReply(terms=terms.message, flips=flips.message)

    def state(tx: Tx) -> None:
        store.delete_secret(tx.conn, permit, "masks")

    return holder.take_step(permit, "terms", request, reply, terms.digest, state)


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
