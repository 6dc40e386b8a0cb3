"""What the coordinator verifies of the holders' messages, and how bits are read.

Source: design.md 2.6.5, 2.6.12. The mask is public: the coordinator recomputes C from the
answers and the mask that was signed. Flips and results are sealed to it, of a re-check to the
reviewer; both must be signed by the pinned holders, for this permit and this C, and must follow
the same message before them.
Learns: their recipient, the bits, flips XOR results; neither alone says anything.
"""

from collections.abc import Sequence

from crypto import knowledge, paillier
from crypto.comparison import reveal
from crypto.errors import CryptoError
from crypto.sealing import SealingKey
from hedui.v1 import common_pb2, holder_pb2
from holder import messages as holder_messages
from holder.messages import ALL_HOLDERS, OUTPUT_PAD, decode_bits
from model.documents.opening import HolderHeader, OpeningPermit, Step, ciphertext_digest
from model.documents.query import Answer
from model.documents.signed import DocumentError
from model.federation import Federation
from model.opening import mask_context
from model.reasons import Reason
from runtime.errors import Refusal


def check_mask(
    reply: holder_pb2.MaskReply,
    permit: OpeningPermit,
    permit_digest: str,
    answers: Sequence[common_pb2.SignedDocument],
    *,
    federation: Federation,
    key: paillier.PublicKey,
) -> HolderHeader:
    """Verify mask and proof against the answers. Raises Refusal."""
    header = holder_messages.verify(
        reply.mask,
        federation=federation,
        permit=permit_digest,
        step="mask",
        sender=permit.masker,
        recipient=ALL_HOLDERS,
        ciphertext=_masked_digest(reply.mask.payload, permit, permit_digest, answers, key),
        previous=permit_digest,
    )
    holder_messages.check_address(reply.share, sender=permit.masker, recipient=permit.evaluator)
    return header


def _masked_digest(
    payload: bytes,
    permit: OpeningPermit,
    permit_digest: str,
    answers: Sequence[common_pb2.SignedDocument],
    key: paillier.PublicKey,
) -> str:
    """Digest of C, the product of all answers and the mask; the mask's proof is verified."""
    width = key.ciphertext_bytes
    try:
        mask = paillier.decode_ciphertext(key, payload[:width])
        bound = mask_context(permit_digest, permit.masker, permit.kind)
        knowledge.verify_mask(key, mask, payload[width:], context=bound)
        factors = [mask]
        for message in answers:
            answer = Answer.decode(message.body)
            factors.append(paillier.decode_ciphertext(key, bytes.fromhex(answer.ciphertext)))
    except (CryptoError, DocumentError):
        raise Refusal(Reason.PROOF_INVALID, "a mask that does not verify") from None
    masked = paillier.product(key, factors)
    return ciphertext_digest(paillier.encode_ciphertext(key, masked))


def read_bits(
    flips: common_pb2.SealedMessage,
    results: common_pb2.SealedMessage,
    permit: OpeningPermit,
    mask: HolderHeader,
    *,
    count: int,
    name: str,
    key: SealingKey,
    federation: Federation,
) -> list[int]:
    """Return the ``count`` opened bits in slot order. Raises Refusal(message_invalid).

    Args:
        flips, results: Sealed to us by masker and evaluator. Of a re-check, "we" are a reviewer.
        mask: The verified header of the mask: it names permit and C.
        count: Slots of the layout.
        name: Our own name.
    """
    masked = _received("flips", flips, permit.masker, mask, name, key, federation)
    blinded = _received("results", results, permit.evaluator, mask, name, key, federation)
    if masked[0].previous != blinded[0].previous:
        raise Refusal(Reason.MESSAGE_INVALID, "flips and results follow different messages")
    return reveal(decode_bits(blinded[1], count), decode_bits(masked[1], count))


def _received(
    step: Step,
    sealed: common_pb2.SealedMessage,
    sender: str,
    mask: HolderHeader,
    name: str,
    key: SealingKey,
    federation: Federation,
) -> tuple[HolderHeader, bytes]:
    """Open and verify a message that is sealed to us; its header and payload."""
    message = holder_messages.unseal(
        sealed,
        key=key,
        permit=mask.permit,
        step=step,
        sender=sender,
        recipient=name,
        pad_to=OUTPUT_PAD,
    )
    header = holder_messages.verify(
        message,
        federation=federation,
        permit=mask.permit,
        step=step,
        sender=sender,
        recipient=name,
        ciphertext=mask.ciphertext,
        previous=None,
    )
    return header, message.payload
