"""``[[office]]`` of plan and federation file: an office of an organisation, and what it signs with.

Source: design.md 2.1.7.
Offices decide programmes. What one of them publishes as a document (a signed report) is verified
outside of the federation too, by readers that know ECDSA over P-256 and not our canonical JSON:
hence a key of its own, whose private half never lies in a home.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from crypto.errors import InvalidInput
from crypto.p256 import NistP256
from model.fields import Strict, Text


def _check_point(text: str) -> str:
    try:
        if text:
            NistP256().decode_element(bytes.fromhex(text))
    except InvalidInput as error:
        raise ValueError(f"not a compressed point of P-256: {error}") from None
    return text


DocumentKey = Annotated[
    str, StringConstraints(pattern=r"^(0[23][0-9a-f]{64})?$"), AfterValidator(_check_point)
]
"""A public key of ECDSA over P-256: compressed point (SEC 1, 2.3.3), 33 bytes in hex; or empty."""


class Office(Strict):
    """One office. Members belong to it whose organisation and office are these."""

    organisation: Text
    name: Text
    document_key: DocumentKey = ""
    """Verifies what the office signs as a document; empty: it signs none."""


def office_faults(offices: Sequence[Office], members: Iterable[tuple[str, str]]) -> Iterable[str]:
    """Yield what is wrong with a list of offices, in words.

    Args:
        members: Organisation and office of each member.
    """
    inhabited = set(members)
    seen: set[tuple[str, str]] = set()
    keys = [each.document_key for each in offices if each.document_key]
    if len(set(keys)) != len(keys):
        yield "two offices have the same document key"
    for office in offices:
        place = (office.organisation, office.name)
        if place in seen:
            yield f'two tables describe office "{office.name}" of {office.organisation}'
        if place not in inhabited:
            yield f'no member belongs to office "{office.name}" of {office.organisation}'
        seen.add(place)
