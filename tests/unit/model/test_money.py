"""Amounts: exact, strict, never a float.

Tests design.md 2.0.1, 3.7.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.money import AmountError, Unit, format_amount, parse_amount

ACCEPTED = {
    "whole yuan": ("1181", Unit.YUAN, 118100),
    "one decimal": ("0.5", Unit.YUAN, 50),
    "two decimals": ("1181.05", Unit.YUAN, 118105),
    "negative": ("-0.01", Unit.YUAN, -1),
    "negative whole": ("-10000000", Unit.YUAN, -1_000_000_000),
    "zero": ("0", Unit.FEN, 0),
    "fen": ("7", Unit.FEN, 7),
    "count": ("2", Unit.COUNT, 2),
    "square metres": ("49.98", Unit.SQUARE_METRE, 4998),
    "hundredths of a square metre": ("4998", Unit.SQUARE_METRE_HUNDREDTH, 4998),
    "beyond the precision of a float": ("900719925474099.33", Unit.YUAN, 90071992547409933),
}


@pytest.mark.parametrize(("text", "unit", "expected"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_parses_exactly(text: str, unit: Unit, expected: int) -> None:
    assert parse_amount(text, unit) == expected


REFUSED = {
    "thousands separator": ("1,234.50", Unit.YUAN, "thousands"),
    "full-width separator": ("1，234", Unit.YUAN, "thousands"),
    "underscore": ("1_000", Unit.YUAN, "thousands"),
    "exponent": ("1e3", Unit.YUAN, "exponent"),
    "plus": ("+5", Unit.YUAN, "plus"),
    "leading zero": ("007", Unit.YUAN, "leading zeros"),
    "leading space": (" 5", Unit.YUAN, "space"),
    "trailing newline": ("5\n", Unit.YUAN, "space"),
    "empty": ("", Unit.YUAN, "empty"),
    "not a number": ("NaN", Unit.YUAN, "not a number"),
    "infinity": ("inf", Unit.YUAN, "not a number"),
    "three decimals": ("1.005", Unit.YUAN, "at most 2"),
    "decimals of fen": ("1.0", Unit.FEN, "at most 0"),
    "decimals of a count": ("1.5", Unit.COUNT, "at most 0"),
    "no digit before the point": (".5", Unit.YUAN, "not a number"),
    "no digit after the point": ("5.", Unit.YUAN, "not a number"),
    "full-width digits": ("５", Unit.YUAN, "not a number"),
    "too long": ("1" * 16, Unit.FEN, "15 digits"),
    "two signs": ("--5", Unit.YUAN, "not a number"),
}


@pytest.mark.parametrize(("text", "unit", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_and_says_why(text: str, unit: Unit, says: str) -> None:
    with pytest.raises(AmountError, match=says):
        parse_amount(text, unit)


@given(st.integers(-(10**16), 10**16), st.sampled_from(Unit))
def test_formatting_is_the_inverse_of_parsing(amount: int, unit: Unit) -> None:
    if abs(amount) < 10**15:
        assert parse_amount(format_amount(amount, unit), unit) == amount
