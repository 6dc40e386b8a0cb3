"""Amounts: exact integers in the base unit of their dimension; never a float.

Source: design.md 2.0.1, 3.7.
Money is counted in fen (分, 0.01 yuan), floor area in 0.01 m², everything else in pieces.
"""

import re
from enum import StrEnum

MAX_DIGITS = 15
_WRITTEN = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?", re.ASCII)


class AmountError(ValueError):
    """An amount that is not written as Hedui demands. The message may be shown."""


class Unit(StrEnum):
    """The closed list of units in policies, catalogues and mappings."""

    FEN = "fen"
    YUAN = "yuan"
    COUNT = "1"
    SQUARE_METRE = "m2"
    SQUARE_METRE_HUNDREDTH = "0.01m2"

    @property
    def base(self) -> "Unit":
        """The unit in which amounts of this dimension are stored and added."""
        return _BASE.get(self, self)

    @property
    def decimals(self) -> int:
        """Digits after the point that this unit allows: 0 or 2."""
        return 2 if self in _BASE else 0


_BASE = {Unit.YUAN: Unit.FEN, Unit.SQUARE_METRE: Unit.SQUARE_METRE_HUNDREDTH}


def parse_amount(text: str, unit: Unit) -> int:
    """Return ``text`` in the base unit, exactly.

    Args:
        text: ``-?digits`` with, for yuan and m2, at most two decimals: "1181", "-0.50".
        unit: The unit that the text is written in.

    Raises:
        AmountError: thousands separator, exponent, plus sign, leading zero, space, too many
            decimals, more than 15 digits, or no number at all.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise AmountError(_why_refused(text))
    sign, whole, decimals = match[1], match[2], match[3] or ""
    if len(decimals) > unit.decimals:
        raise AmountError(f"{text[:40]!r}: {unit} has at most {unit.decimals} decimals")
    if len(whole) > MAX_DIGITS:
        raise AmountError(f"{text[:40]!r}: more than {MAX_DIGITS} digits before the point")
    amount = int(whole + decimals.ljust(unit.decimals, "0"))
    return -amount if sign else amount


def format_amount(amount: int, unit: Unit) -> str:
    """Write an amount, given in the base unit, in ``unit``; parse_amount gives it back."""
    if unit.decimals == 0:
        return str(amount)
    whole, rest = divmod(abs(amount), 10**unit.decimals)
    return f"{'-' if amount < 0 else ''}{whole}.{rest:0{unit.decimals}d}"


def _why_refused(text: str) -> str:
    shown = repr(text[:40])
    if text != text.strip() or not text:
        return f"{shown}: empty, or a space before or after the number"
    if any(c in text for c in ",，_'") or " " in text:
        return f"{shown}: write the number without thousands separators"
    if re.fullmatch(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", text):
        return f"{shown}: write the number without an exponent"
    if text.startswith("+"):
        return f"{shown}: write the number without a plus sign"
    if re.fullmatch(r"-?0[0-9]+(\.[0-9]+)?", text):
        return f"{shown}: write the number without leading zeros"
    return f"{shown}: not a number in plain digits, such as 1181 or 1181.50"
