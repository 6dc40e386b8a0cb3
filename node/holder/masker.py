"""The masker: adds the mask, and later answers the comparison. Its secret: one mask a slot.

Source: DESIGN 2.6, steps 1, 2, 4 and 5; crypto.comparison.
Learns: its masks; encrypted bits of masked numbers. Never a value, never a bit.
Not protected: a masker that colludes with the evaluator opens the sums.
"""

from crypto import knowledge, packing, paillier
from hedui.v1 import holder_pb2 as pb
from model.documents.opening import ciphertext_digest
from model.opening import mask_context
from model.policy.compiling import limits
from model.reasons import Reason
from node.holder import store
from node.holder.checks import Context
from node.holder.session import Holder, packing_layout, request_digest
from node.holder.sharing import sealed_share
from runtime import holder_messages
from runtime.errors import Refusal
from runtime.writer import Tx


def mask(holder: Holder, context: Context) -> pb.MaskReply:
    """Step 1: multiply the answers, add the mask, share the opening. Once per permit.

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
    key, layout = holder.joint.public, packing_layout(context.terms)
    masks = packing.draw_masks(layout, rng=holder.rng)
    targets = limits(context.terms.layout, context.terms.inputs)
    plaintext = packing.pack_masks(key, layout, targets, masks)
    made = paillier.encrypt_uniform(key, plaintext, rng=holder.rng)
    bound = mask_context(context.permit_digest, holder.name)
    proof = knowledge.prove_mask(key, made, plaintext, context=bound, rng=holder.rng)
    payload = paillier.encode_ciphertext(key, made.ciphertext) + proof
    masked = paillier.product(key, [*context.answers, made.ciphertext])
    return _commit(holder, context, request, payload, masked, state_bytes(layout, masks))


def _commit(
    holder: Holder, context: Context, request: str, payload: bytes, masked: int, masks: bytes
) -> pb.MaskReply:
    permit = context.permit_digest
    digest = ciphertext_digest(paillier.encode_ciphertext(holder.joint.public, masked))
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
    join = holder.join(context, "masker", digest)

    def state(tx: Tx) -> None:
        join(tx)
        store.add_secret(tx.conn, permit, "masks", sealed)
        store.add_message(tx.conn, permit, "share", store.Stored(request, share_header, b""))

    return holder.take_step(permit, "mask", request, reply, header, state)


def state_bytes(layout: packing.Layout, masks: list[int]) -> bytes:
    """ℓ and the count in two bytes each, then each mask in its fixed width."""
    width = -(-layout.mask_bits // 8)
    head = layout.value_bits.to_bytes(2, "big") + layout.slots.to_bytes(2, "big")
    return head + b"".join(m.to_bytes(width, "big") for m in masks)


def masks_from_bytes(data: bytes) -> tuple[packing.Layout, list[int]]:
    """The inverse of ``state_bytes``."""
    head, body = data[:4], data[4:]
    layout = packing.Layout(int.from_bytes(head[:2], "big"), int.from_bytes(head[2:], "big"))
    width = -(-layout.mask_bits // 8)
    return layout, [
        int.from_bytes(body[i * width : (i + 1) * width], "big") for i in range(layout.slots)
    ]
