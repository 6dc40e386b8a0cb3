"""Every answer is verified when it arrives; a bad one is never used.

Source: design.md 2.4.7.
Checked: the node's signature under its pinned key; query, manifest and department; ciphertext
(a unit mod n², fixed width); proof of plaintext knowledge, bound to manifest and department;
the receipt: that exactly this answer stands in the node's ledger, under its signed checkpoint.
Trusts: the federation file. Learns: nothing of a value; the answer is a ciphertext.
"""

from crypto import paillier
from crypto.errors import CryptoError
from crypto.signing import VerifyKey
from hedui.v1 import common_pb2, node_pb2
from ledger import event as ledger_event
from ledger import merkle
from ledger.checkpoint import Checkpoint, origin_of
from ledger.errors import NoteError
from ledger.note import Verifier
from ledger.signer import Receipt, verify_receipt
from model.documents.query import Answer, Ticket
from model.documents.signed import Signed
from model.federation import Federation
from model.reasons import Reason
from runtime.documents import check_ciphertext, open_answer
from runtime.errors import Refusal
from runtime.transport.wire import signed_from_wire


def check_answer(
    reply: node_pb2.AnswerReply, ticket: Ticket, *, federation: Federation, key: paillier.PublicKey
) -> tuple[Answer, Signed, Checkpoint]:
    """Return the answer to this ticket, its exact document, and the head of the node's ledger.

    Raises Refusal with signature_invalid, answer_set_invalid, proof_invalid, ticket_mismatch or
    malformed.
    """
    signed = signed_from_wire(reply.answer)
    answer = open_answer(signed, ticket.department, ticket.manifest, federation)
    if answer.query != ticket.query:
        raise Refusal(Reason.TICKET_MISMATCH, "an answer to another ticket")
    if not set(answer.data_dates) <= set(ticket.resources):
        raise Refusal(Reason.MALFORMED, "an answer dates resources that were not asked for")
    check_ciphertext(answer, ticket.department, ticket.manifest, key)
    head = _check_receipt(reply.receipt, answer, signed.digest, federation)
    return answer, signed, head


def _check_receipt(
    message: common_pb2.LedgerReceipt, answer: Answer, digest: str, federation: Federation
) -> Checkpoint:
    try:
        entry = ledger_event.decode(message.leaf)
        receipt = Receipt(
            message.index,
            merkle.leaf_hash(message.leaf),
            tuple(message.path),
            message.checkpoint,
        )
        head = verify_receipt(receipt, _log_of(answer.department, federation))
    except (CryptoError, NoteError):
        raise Refusal(Reason.PROOF_INVALID, "the ledger receipt does not verify") from None
    said = (entry.event, entry.fields.get("query"), entry.fields.get("manifest"))
    if said != ("query.answered", answer.query, answer.manifest):
        raise Refusal(Reason.PROOF_INVALID, "the ledger receipt is for something else")
    if entry.fields.get("answer") != digest:
        raise Refusal(Reason.PROOF_INVALID, "the ledger receipt is for another answer")
    return head


def _log_of(department: str, federation: Federation) -> Verifier:
    node = federation.department(department)
    if node is None:
        raise Refusal(Reason.ANSWER_SET_INVALID, f"no member serves {department}")
    key = VerifyKey(bytes.fromhex(node.verify_key))
    return Verifier(origin_of(federation.name, node.name), key)
