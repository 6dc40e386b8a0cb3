"""The evaluator: opens the masked product, compares, returns blinded results.

Source: design.md 2.6.3 to 2.6.5; crypto.threshold, crypto.comparison.
Learns: one masked number a slot, each within 2^-40 of uniform; one blinded bit a slot. The root
never leaves ``combine`` and is not kept.
Not protected: an evaluator that colludes with the masker opens the sums.
"""

from collections.abc import Mapping, Sequence

from crypto import comparison, packing, paillier, threshold
from crypto.comparison import EvaluatorState
from crypto.errors import CryptoError, InvalidInput, ShareError
from hedui.v1 import common_pb2 as common
from hedui.v1 import holder_pb2 as pb
from holder import store
from holder.checks import Context
from holder.messages import encode_bits
from holder.session import Holder, Shape, packing_layout, request_digest
from holder.sharing import Product, receive_mask, receive_share
from model.opening import share_context
from model.reasons import Reason
from runtime.errors import Refusal
from runtime.storage.writer import Tx


def open_product(
    holder: Holder,
    context: Context,
    mask: common.HolderMessage,
    sealed: Sequence[common.SealedMessage],
) -> pb.OpenReply:
    """Step 3: combine t shares, unpack, encrypt the bits to the masker. Once per permit.

    Raises Refusal: wrong_holder, already_opened, message_invalid, share_invalid.
    """
    permit = context.permit_digest
    if context.permit.evaluator != holder.name:
        raise Refusal(Reason.WRONG_HOLDER)
    request = request_digest(mask.header.body)
    found = holder.repeated(permit, "bits", request, pb.OpenReply())
    if found is not None:
        return found
    holder.check_not_opened(context)
    product, previous = receive_mask(holder, context, mask)
    shares = _gather(holder, context, sealed, product, previous)
    _join(holder, context, product, shares)
    values = {holder.member(name).holder_index: value for name, (value, _) in shares.items()}
    values[holder.share.index] = threshold.share(holder.joint, holder.share, product.masked)
    numbers = _unpacked(holder, context, product.masked, values)
    _, follows = shares[context.permit.masker]
    return _encrypted_bits(holder, context, request, product, follows, numbers)


Shares = Mapping[str, tuple[int, str]]
"""By holder: the share, and the digest of its message's header, hex."""


def _gather(
    holder: Holder,
    context: Context,
    sealed: Sequence[common.SealedMessage],
    product: Product,
    previous: str,
) -> Shares:
    """The shares of all holders of the permit but us."""
    others = [name for name in context.permit.holders if name != holder.name]
    if [message.sender for message in sealed] != others:
        raise Refusal(Reason.MESSAGE_INVALID, "not one share of each holder of the permit")
    return {
        name: receive_share(holder, product, message, name, previous)
        for name, message in zip(others, sealed, strict=True)
    }


def _join(holder: Holder, context: Context, product: Product, shares: Shares) -> None:
    """The tombstone, before anything is opened; and what naming a cheat would need."""
    permit, width = product.permit, holder.joint.share_bytes
    evidence = paillier.encode_ciphertext(holder.joint.public, product.masked)
    for name, (value, header) in sorted(shares.items()):
        evidence += bytes((holder.member(name).holder_index,)) + bytes.fromhex(header)
        evidence += value.to_bytes(width, "big")
    sealed = holder.seal(permit, "evidence", evidence)
    join = holder.join(context, "evaluator", product.ciphertext)

    def write(tx: Tx) -> None:
        join(tx)
        if store.secret(tx.conn, permit, "evidence") is None:
            store.add_secret(tx.conn, permit, "evidence", sealed)

    holder.parts.writer.run(write)


def _unpacked(holder: Holder, context: Context, masked: int, shares: dict[int, int]) -> list[int]:
    try:
        opened = threshold.combine(holder.joint, masked, shares)
        layout = packing_layout(context.terms)
        return packing.unpack_masked(holder.joint.public, layout, opened.plaintext)
    except ShareError:
        raise Refusal(Reason.SHARE_INVALID) from None
    except InvalidInput as error:
        raise Refusal(Reason.ANSWER_SET_INVALID, str(error)) from None


def _encrypted_bits(
    holder: Holder,
    context: Context,
    request: str,
    product: Product,
    follows: str,
    numbers: list[int],
) -> pb.OpenReply:
    """Send the bits. ``follows``: digest of the header of the masker's share."""
    permit, masker = context.permit_digest, context.permit.masker
    shape = Shape.of(context.terms)
    agreed = shape.comparison(permit, masker, holder.name)
    state, payload = comparison.evaluator_start(agreed, numbers, rng=holder.rng)
    sent = holder.send("bits", payload, about=product, to=masker, previous=follows)
    kept = holder.seal(permit, "numbers", shape.to_bytes() + state.to_bytes())

    def write(tx: Tx) -> None:
        store.add_secret(tx.conn, permit, "numbers", kept)

    reply = pb.OpenReply(bits=sent.message)
    return holder.take_step(permit, "bits", request, reply, sent.digest, write)


def conclude(holder: Holder, permit: str, sealed: common.SealedMessage) -> pb.ConcludeReply:
    """Step 5: the δ-blinded results, sealed to whom the permit's kind names. Once per permit.

    Raises Refusal: step_out_of_order, message_invalid.
    """
    participation = holder.participation(permit)
    if participation.evaluator != holder.name:
        raise Refusal(Reason.WRONG_HOLDER)
    request = request_digest(sealed.sealed)
    found = holder.repeated(permit, "results", request, pb.ConcludeReply())
    if found is not None:
        return found
    bits = holder.sent(permit, "bits").header
    terms = holder.receive(
        "terms", sealed, about=participation, sender=participation.masker, previous=bits
    )
    payload = encode_bits(_results(holder, participation, terms.payload))
    sent = holder.send(
        "results", payload, about=participation, to=participation.recipient, previous=terms.digest
    )

    def write(tx: Tx) -> None:
        store.delete_secret(tx.conn, permit, "numbers")
        store.delete_secret(tx.conn, permit, "evidence")

    reply = pb.ConcludeReply(results=sent.message)
    return holder.take_step(permit, "results", request, reply, sent.digest, write)


def _results(holder: Holder, participation: store.Participation, terms: bytes) -> list[int]:
    kept = holder.kept(participation.permit, "numbers")
    shape, state_bytes = Shape.split(kept)
    agreed = shape.comparison(participation.permit, participation.masker, holder.name)
    try:
        state = EvaluatorState.from_bytes(state_bytes, agreed)
        return comparison.evaluator_finish(agreed, state, terms)
    except CryptoError as error:
        raise Refusal(Reason.MESSAGE_INVALID, f"the terms: {error}") from None


def name_cheat(
    holder: Holder, permit: str, sealed: Sequence[common.SealedMessage]
) -> pb.NameCheatReply:
    """After share_invalid: the first holder whose share has no valid proof; empty if all have."""
    participation = holder.participation(permit)
    if participation.evaluator != holder.name:
        raise Refusal(Reason.WRONG_HOLDER)
    masked, rows = _evidence(holder, permit)
    shares = {index: value for index, (_, value) in rows.items()}
    names = {h.holder_index: h.name for h in holder.federation.holders}
    sent = {message.sender: message for message in sealed}
    proofs = {}
    for index, (header, _) in rows.items():
        if names[index] in sent:
            name = names[index]
            proof = holder.receive(
                "share-proof", sent[name], about=participation, sender=name, previous=header
            )
            proofs[index] = (proof.payload, share_context(permit, name))
    guilty = threshold.blame(holder.joint, masked, shares, proofs)
    return pb.NameCheatReply(holder=names[guilty[0]] if guilty else "")


def _evidence(holder: Holder, permit: str) -> tuple[int, dict[int, tuple[str, int]]]:
    """The product, and by index: digest of the share's header, share."""
    data, key = holder.kept(permit, "evidence"), holder.joint.public
    masked, rest = data[: key.ciphertext_bytes], data[key.ciphertext_bytes :]
    width = 33 + holder.joint.share_bytes
    rows = [rest[at : at + width] for at in range(0, len(rest), width)]
    return int.from_bytes(masked, "big"), {
        row[0]: (row[1:33].hex(), int.from_bytes(row[33:], "big")) for row in rows
    }
