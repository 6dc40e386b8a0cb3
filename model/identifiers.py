"""Typed identifiers of persons: ``type:value``, checked and brought to one spelling.

Source: design.md 2.2.7; GB 11643-1999 (resident number; check digit ISO 7064 MOD 11-2).
Matching is exact, so that two spellings of one number must become one text here, and nothing
may be guessed: a wrong number is refused, not repaired.
Learns: messages and repr() show a masked form only, never the whole number.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

MAX_TEXT = 64
EARLIEST_BIRTH = 1880
LATEST_BIRTH = 2199

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_FULL_WIDTH = {0xFF10 + i: 0x30 + i for i in range(10)}
_FULL_WIDTH |= {0xFF21 + i: 0x41 + i for i in range(26)}
_FULL_WIDTH |= {0xFF41 + i: 0x61 + i for i in range(26)}
_PROVINCES = frozenset(
    {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46}
    | {50, 51, 52, 53, 54, 61, 62, 63, 64, 65}
)


class IdentifierError(ValueError):
    """An identifier that is refused. The message masks the number and may be shown."""


class IdentifierType(StrEnum):
    """The closed list of types."""

    RESIDENT = "resident"
    """Resident identity number 居民身份号码, 18 digits."""
    PERMIT_HONG_KONG = "permit-hk"
    """Residence permit 港澳台居民居住证, 810000."""
    PERMIT_MACAO = "permit-mo"
    """Residence permit, 820000."""
    PERMIT_TAIWAN = "permit-tw"
    """Residence permit, 830000."""
    TRAVEL_HONG_KONG_MACAO = "travel-hk-mo"
    """Mainland travel permit 港澳居民来往内地通行证: H or M and 8 digits."""
    TRAVEL_TAIWAN = "travel-tw"
    """Mainland travel permit 台湾居民来往大陆通行证: 8 digits."""
    PASSPORT = "passport"
    """Issuing state and number, ``USA-123456789``: numbers are unique per state only."""


_PERMIT_REGIONS = {
    "810000": IdentifierType.PERMIT_HONG_KONG,
    "820000": IdentifierType.PERMIT_MACAO,
    "830000": IdentifierType.PERMIT_TAIWAN,
}


@dataclass(frozen=True, order=True)
class Identifier:
    """A checked identifier in its one spelling. Printing it shows the masked form."""

    kind: IdentifierType
    value: str = field(repr=False)

    @property
    def text(self) -> str:
        """``type:value`` in clear: for matching and sealing, never for logs."""
        return f"{self.kind}:{self.value}"

    def encode(self) -> bytes:
        """The bytes that the oblivious PRF blinds."""
        return self.text.encode("ascii")

    def masked(self) -> str:
        """``type:331***************2X``: for people who know the person anyway."""
        return f"{self.kind}:{mask(self.value)}"

    def __str__(self) -> str:
        return self.masked()

    def __repr__(self) -> str:
        return f"Identifier({self.masked()})"


def parse(
    text: str, *, default: IdentifierType | None = None, today: date | None = None
) -> Identifier:
    """Return the identifier that ``type:value`` names, in its one spelling.

    Args:
        text: At most 64 characters; full-width digits and letters are accepted.
        default: The type of a text without ``type:``; without it such a text is refused.
        today: When given, a birth date after it is refused.

    Raises:
        IdentifierError: saying what is wrong, with the number masked.
    """
    if len(text) > MAX_TEXT:
        raise IdentifierError(f"identifier of {len(text)} characters; at most {MAX_TEXT}")
    name, colon, value = text.partition(":")
    if colon:
        return normalise(_type(name), value, today=today)
    if default is None:
        raise IdentifierError(f'{mask(text)}: no type; write "type:value" ({_types()})')
    return normalise(default, text, today=today)


def normalise(kind: IdentifierType, value: str, *, today: date | None = None) -> Identifier:
    """Check ``value`` as an identifier of ``kind``; arguments and errors as in parse."""
    plain = value.translate(_FULL_WIDTH).upper()
    try:
        if not plain:
            raise IdentifierError("it is empty")
        if re.search(r"\s", plain):
            raise IdentifierError("it contains a space")
        return Identifier(kind, _CHECKS[kind](plain, kind, today))
    except IdentifierError as error:
        raise IdentifierError(f"{kind}:{mask(value)}: {error}") from None


def mask(value: str) -> str:
    """Hide all but the first three and last two characters; short values but the first."""
    if len(value) < 12:
        return value[:1] + "*" * max(len(value) - 1, 0)
    return value[:3] + "*" * (min(len(value), MAX_TEXT) - 5) + value[-2:]


def check_digit(first_17: str) -> str:
    """The 18th character of a resident number, "0".."9" or "X" (ISO 7064 MOD 11-2)."""
    return _CHECK[sum(int(d) * w for d, w in zip(first_17, _WEIGHTS, strict=True)) % 11]


def _type(name: str) -> IdentifierType:
    try:
        return IdentifierType(name)
    except ValueError:
        # The text before a stray colon may be the number itself.
        raise IdentifierError(f"{mask(name)}: unknown type (types: {_types()})") from None


def _types() -> str:
    return ", ".join(IdentifierType)


def _eighteen(value: str, kind: IdentifierType, today: date | None) -> str:
    if re.fullmatch(r"[0-9]{15}", value):
        raise IdentifierError("a 15-digit number of the first generation; give the 18-digit one")
    if len(value) != 18:
        raise IdentifierError(f"{len(value)} characters instead of 18")
    if not re.fullmatch(r"[0-9]{17}[0-9X]", value):
        raise IdentifierError("only digits, and X as the last character, are allowed")
    _check_region(value[:6], kind)
    _check_birth(value[6:14], today)
    if check_digit(value[:17]) != value[17]:
        raise IdentifierError("the check digit is wrong: a digit is mistyped or swapped")
    return value


def _check_region(region: str, kind: IdentifierType) -> None:
    expected = _PERMIT_REGIONS.get(region, IdentifierType.RESIDENT)
    if kind is not expected:
        raise IdentifierError(f'a number of region {region} has the type "{expected}"')
    if kind is IdentifierType.RESIDENT and int(region[:2]) not in _PROVINCES:
        raise IdentifierError("the first two digits are not those of a province")


def _check_birth(digits: str, today: date | None) -> None:
    try:
        birth = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise IdentifierError("digits 7 to 14 are not a date of birth") from None
    if not EARLIEST_BIRTH <= birth.year <= LATEST_BIRTH or (today and birth > today):
        raise IdentifierError("digits 7 to 14 are not a plausible date of birth")


def _travel_hong_kong_macao(value: str, kind: IdentifierType, today: date | None) -> str:
    match = re.fullmatch(r"([HM][0-9]{8})([0-9]{2})?", value)
    if match is None:
        raise IdentifierError("H or M and 8 digits are expected (older cards: 10 digits)")
    # The last two digits of older cards count renewals; the person keeps the first eight.
    return match[1]


def _travel_taiwan(value: str, kind: IdentifierType, today: date | None) -> str:
    if not re.fullmatch(r"[0-9]{8}", value):
        raise IdentifierError("8 digits are expected")
    return value


def _passport(value: str, kind: IdentifierType, today: date | None) -> str:
    if not re.fullmatch(r"[A-Z]{1,3}-[A-Z0-9]{5,9}", value):
        raise IdentifierError(
            "issuing state, hyphen and 5 to 9 letters or digits are expected: USA-123456789"
        )
    return value


_CHECKS: dict[IdentifierType, Callable[[str, IdentifierType, date | None], str]] = {
    IdentifierType.RESIDENT: _eighteen,
    IdentifierType.PERMIT_HONG_KONG: _eighteen,
    IdentifierType.PERMIT_MACAO: _eighteen,
    IdentifierType.PERMIT_TAIWAN: _eighteen,
    IdentifierType.TRAVEL_HONG_KONG_MACAO: _travel_hong_kong_macao,
    IdentifierType.TRAVEL_TAIWAN: _travel_taiwan,
    IdentifierType.PASSPORT: _passport,
}
