"""How a person becomes a pseudonym: the OPRF's input bytes and what is kept of its output.

Source: RFC 9497 for the function itself (crypto.oprf); design.md 2.2.2.
Registrar and nodes must agree bit for bit, or nobody is ever matched; so both call these two.
"""

from typing import Final

from crypto.labels import Label, join
from model.identifiers import Identifier

PSEUDONYM_BYTES: Final = 32


def oprf_input(person: Identifier) -> bytes:
    """Return the bytes that are blinded, or evaluated directly: label and ``type:value``."""
    return join(Label.PERSON, [person.encode()])


def pseudonym(output: bytes) -> bytes:
    """Return the pseudonym, 32 bytes: the first half of F (64 bytes with ristretto255-SHA512).

    Raises ValueError for an output that is too short to be one.
    """
    if len(output) < PSEUDONYM_BYTES:
        raise ValueError(f"an OPRF output has at least {PSEUDONYM_BYTES} bytes")
    return output[:PSEUDONYM_BYTES]
