"""How the bits of an opening are read: by the coordinator, of a re-check by its reviewer.

Source: design.md 2.6.5, 2.6.12. Flips and results are sealed to one recipient; both must be
signed by the pinned holders, for this permit and this C, and must follow the same message before
them.
Learns: their recipient, the bits, flips XOR results; neither alone says anything.
"""

from dataclasses import dataclass

from crypto.comparison import reveal
from crypto.sealing import SealingKey
from hedui.v1 import common_pb2
from holder.messages import Link, Received, decode_bits, receive
from model.documents.opening import HolderHeader, OpeningPermit, Step
from model.federation import Federation
from model.reasons import Reason
from runtime.errors import Refusal


@dataclass(frozen=True)
class Recipient:
    """To whom flips and results are sealed: name and sealing key; who is who."""

    name: str
    key: SealingKey
    federation: Federation


@dataclass(frozen=True)
class Outcome:
    """What masker and evaluator sealed to the recipient."""

    flips: common_pb2.SealedMessage
    results: common_pb2.SealedMessage


def read_bits(
    outcome: Outcome, permit: OpeningPermit, mask: HolderHeader, *, count: int, to: Recipient
) -> list[int]:
    """Return the ``count`` opened bits in slot order. Raises Refusal(message_invalid).

    Args:
        mask: The verified header of the mask: it names permit and C.
        count: Slots of the layout.
        to: We.
    """
    masked = _received("flips", outcome.flips, permit.masker, mask, to)
    blinded = _received("results", outcome.results, permit.evaluator, mask, to)
    if masked.header.previous != blinded.header.previous:
        raise Refusal(Reason.MESSAGE_INVALID, "flips and results follow different messages")
    return reveal(decode_bits(blinded.payload, count), decode_bits(masked.payload, count))


def _received(
    step: Step, sealed: common_pb2.SealedMessage, sender: str, mask: HolderHeader, to: Recipient
) -> Received:
    link = Link(step, sender, to.name, mask.permit, mask.ciphertext, previous=None)
    return receive(link, sealed, federation=to.federation, key=to.key)
