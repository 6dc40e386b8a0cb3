"""What the coordinator verifies of the masker's message.

Source: design.md 2.6.12. The mask is public: the coordinator recomputes C from the answers and the
mask that was signed.
"""

from collections.abc import Sequence

from crypto import knowledge, paillier
from crypto.errors import CryptoError
from hedui.v1 import common_pb2, holder_pb2
from holder.messages import check_address, mask_link, receive
from model.documents.opening import HolderHeader, OpeningPermit, ciphertext_digest
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
    ciphertext = _masked_digest(reply.mask.payload, permit, permit_digest, answers, key)
    link = mask_link(permit_digest, permit.masker, ciphertext)
    received = receive(link, reply.mask, federation=federation)
    check_address(reply.share, sender=permit.masker, recipient=permit.evaluator)
    return received.header


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
