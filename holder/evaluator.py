"""The evaluator: opens the masked product, compares, returns blinded results.

Source: DESIGN 2.6, steps 3 to 5; crypto.threshold, crypto.comparison.
Learns: one masked number a slot, each within 2^-40 of uniform; one blinded bit a slot. The root
never leaves ``combine`` and is not kept.
Not protected: an evaluator that colludes with the masker opens the sums.
"""

from collections.abc import Sequence

from crypto import comparison, packing, paillier, threshold
from crypto.comparison import EvaluatorState
from crypto.errors import CryptoError, InvalidInput, ShareError
from hedui.v1 import common_pb2 as common
from hedui.v1 import holder_pb2 as pb
from holder import messages as holder_messages
from holder import store
from holder.checks import Context
from holder.session import SEALED_OVERHEAD, Holder, Shape, packing_layout, pad_for, request_digest
from holder.sharing import opened_proof, opened_share, verified_product
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
    masked, digest, previous = verified_product(holder, context, mask)
    shares, headers = _gather(holder, context, sealed, digest, previous)
    shares[holder.share.index] = threshold.share(holder.joint, holder.share, masked)
    _join(holder, context, digest, masked, shares, headers)
    numbers = _unpacked(holder, context, masked, shares)
    return _encrypted_bits(holder, context, request, digest, headers, numbers)


def _gather(
    holder: Holder,
    context: Context,
    sealed: Sequence[common.SealedMessage],
    digest: str,
    previous: str,
) -> tuple[dict[int, int], dict[str, str]]:
    """Shares by index and header digests by name, of all holders of the permit but us."""
    others = [name for name in context.permit.holders if name != holder.name]
    if [message.sender for message in sealed] != others:
        raise Refusal(Reason.MESSAGE_INVALID, "not one share of each holder of the permit")
    shares, headers = {}, {}
    for name, message in zip(others, sealed, strict=True):
        value, header = opened_share(holder, context, message, name, digest, previous)
        shares[holder.member(name).holder_index] = value
        headers[name] = header
    return shares, headers


def _join(
    holder: Holder,
    context: Context,
    digest: str,
    masked: int,
    shares: dict[int, int],
    headers: dict[str, str],
) -> None:
    """The tombstone, before anything is opened; and what naming a cheat would need."""
    permit = context.permit_digest
    width = holder.joint.share_bytes
    evidence = paillier.encode_ciphertext(holder.joint.public, masked)
    for name in sorted(headers):
        index = holder.member(name).holder_index
        evidence += bytes((index,)) + bytes.fromhex(headers[name])
        evidence += shares[index].to_bytes(width, "big")
    sealed = holder.seal(permit, "evidence", evidence)
    join = holder.join(context, "evaluator", digest)

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
    digest: str,
    headers: dict[str, str],
    numbers: list[int],
) -> pb.OpenReply:
    permit, masker = context.permit_digest, holder.member(context.permit.masker)
    shape = Shape.of(context.terms)
    agreed = shape.comparison(permit, masker.name, holder.name)
    state, payload = comparison.evaluator_start(agreed, numbers, rng=holder.rng)
    message = holder.message(
        "bits",
        payload,
        permit=permit,
        to=masker.name,
        ciphertext=digest,
        previous=headers[masker.name],
    )
    sealed = holder_messages.seal(message, recipient=masker, pad_to=pad_for(message))
    kept = holder.seal(permit, "numbers", shape.to_bytes() + state.to_bytes())
    header = holder_messages.digest_of(message)

    def write(tx: Tx) -> None:
        store.add_secret(tx.conn, permit, "numbers", kept)

    return holder.take_step(permit, "bits", request, pb.OpenReply(bits=sealed), header, write)


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
    terms = _opened_terms(holder, participation, sealed)
    results = _results(holder, participation, terms.payload)
    message = holder.message(
        "results",
        holder_messages.encode_bits(results),
        permit=permit,
        to=participation.recipient,
        ciphertext=participation.ciphertext,
        previous=holder_messages.digest_of(terms),
    )
    return _store_results(holder, participation, request, message)


def _store_results(
    holder: Holder, participation: store.Participation, request: str, message: common.HolderMessage
) -> pb.ConcludeReply:
    permit, pad = participation.permit, holder_messages.OUTPUT_PAD
    recipient = holder.recipient(participation)
    reply = pb.ConcludeReply(results=holder_messages.seal(message, recipient=recipient, pad_to=pad))
    header = holder_messages.digest_of(message)

    def write(tx: Tx) -> None:
        store.delete_secret(tx.conn, permit, "numbers")
        store.delete_secret(tx.conn, permit, "evidence")

    return holder.take_step(permit, "results", request, reply, header, write)


def _opened_terms(
    holder: Holder, participation: store.Participation, sealed: common.SealedMessage
) -> common.HolderMessage:
    message = holder.unseal(
        sealed,
        permit=participation.permit,
        step="terms",
        sender=participation.masker,
        pad_to=len(sealed.sealed) - SEALED_OVERHEAD,
    )
    holder_messages.verify(
        message,
        federation=holder.federation,
        permit=participation.permit,
        step="terms",
        sender=participation.masker,
        recipient=holder.name,
        ciphertext=participation.ciphertext,
        previous=holder.sent(participation.permit, "bits").header,
    )
    return message


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
            proof = opened_proof(holder, sent[names[index]], participation, header)
            proofs[index] = (proof, share_context(permit, names[index]))
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
