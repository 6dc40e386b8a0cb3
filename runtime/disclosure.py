"""What a re-check's reviewer is shown besides the bits: two reveals, sealed to that person.

Source: design.md 2.6.15. ``bits`` opens the commitment in the coordinator's own
``case.determined``; ``programmes`` opens the manifest's, for the order of slots follows from
policy and programmes.
Learns: the reviewer, the bits of one case and its programmes; no person, no number, no size of
the household.
"""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import DecodeError

from crypto.commit import Reveal
from crypto.errors import CryptoError
from crypto.labels import Label
from crypto.sealing import SealingKey, SealingPublicKey
from hedui.v1 import recheck_pb2
from model.federation import Member
from model.reasons import Reason
from runtime.errors import Refusal
from runtime.transport.wire import reveals_from_wire, reveals_to_wire

PAD: Final = 4096
"""Above what bits and programmes can be together."""


def seal_reveals(bits: Reveal, programmes: Reveal, *, reviewer: Member, permit: str) -> bytes:
    """Seal both to the reviewer's pinned key, bound to the permit (digest, hex)."""
    first, second = reveals_to_wire([bits, programmes])
    message = recheck_pb2.RecheckReveals(bits=first, programmes=second)
    return SealingPublicKey(bytes.fromhex(reviewer.seal_key)).seal(
        message.SerializeToString(deterministic=True),
        label=Label.RECHECK_SEAL,
        aad_parts=_bound_to(permit, reviewer.name),
        pad_to=PAD,
    )


def unseal_reveals(
    sealed: bytes, *, key: SealingKey, reviewer: str, permit: str
) -> tuple[Reveal, Reveal]:
    """The reveals of bits and programmes, not verified yet. Raises Refusal(message_invalid)."""
    try:
        data = key.open(
            sealed, label=Label.RECHECK_SEAL, aad_parts=_bound_to(permit, reviewer), pad_to=PAD
        )
        message = recheck_pb2.RecheckReveals.FromString(data)
    except (CryptoError, DecodeError):
        raise Refusal(Reason.MESSAGE_INVALID, "the reveals cannot be unsealed") from None
    found = reveals_from_wire([message.bits, message.programmes])
    if set(found) != {"bits", "programmes"}:
        raise Refusal(Reason.MESSAGE_INVALID, "the reveals are of other fields")
    return found["bits"], found["programmes"]


def _bound_to(permit: str, reviewer: str) -> Sequence[bytes]:
    return [bytes.fromhex(permit), reviewer.encode()]
