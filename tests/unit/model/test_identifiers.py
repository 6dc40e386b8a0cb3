"""Identifiers: one spelling per person, clear refusals, nothing printed in full.

Tests design.md 2.2.7.
"""

from datetime import date

import pytest

from model.identifiers import (
    Identifier,
    IdentifierError,
    IdentifierType,
    check_digit,
    mask,
    normalise,
    parse,
)


def numbered(first_17: str) -> str:
    return first_17 + check_digit(first_17)


ENDS_IN_X = next(
    n for n in (numbered(f"33021219900307{i:03d}") for i in range(1000)) if n.endswith("X")
)
HONG_KONG = numbered("81000019850101001")
TAIWAN = numbered("83000019850101002")

ACCEPTED = {
    # The example printed in GB 11643-1999 and its commentary.
    "published example": ("resident:11010519491231002X", "resident:11010519491231002X"),
    "lower-case x": (f"resident:{ENDS_IN_X.lower()}", f"resident:{ENDS_IN_X}"),
    "full-width x": (f"resident:{ENDS_IN_X[:17]}ｘ", f"resident:{ENDS_IN_X}"),
    "full-width capital X": (f"resident:{ENDS_IN_X[:17]}Ｘ", f"resident:{ENDS_IN_X}"),
    "full-width digits": (
        "resident:１１０１０５１９４９１２３１００２Ｘ",
        "resident:11010519491231002X",
    ),
    "leap day": (f"resident:{numbered('33021220000229001')}",) * 2,
    "Hong Kong residence permit": (f"permit-hk:{HONG_KONG}", f"permit-hk:{HONG_KONG}"),
    "Taiwan residence permit": (f"permit-tw:{TAIWAN}", f"permit-tw:{TAIWAN}"),
    "travel permit": ("travel-hk-mo:h12345678", "travel-hk-mo:H12345678"),
    "travel permit, older card": ("travel-hk-mo:M1234567803", "travel-hk-mo:M12345678"),
    "travel permit, Taiwan": ("travel-tw:01234567", "travel-tw:01234567"),
    "passport": ("passport:usa-a1234567", "passport:USA-A1234567"),
    "passport, one-letter state": ("passport:D-C01X00T47", "passport:D-C01X00T47"),
}


@pytest.mark.parametrize(("text", "expected"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepts_and_brings_to_one_spelling(text: str, expected: str) -> None:
    found = parse(text)
    assert found.text == expected
    assert found.encode() == expected.encode()
    assert parse(found.text) == found


REFUSED = {
    "15 digits": ("resident:110105491231002", "15-digit"),
    "17 digits": ("resident:11010519491231002", "17 characters"),
    "19 digits": ("resident:1101051949123100211", "19 characters"),
    "wrong check digit": ("resident:110105194912310021", "check digit"),
    "two digits swapped": ("resident:11010519491321002X", "date of birth"),
    "x in the middle": ("resident:1101051949123X0021", "only digits"),
    "30 February": (f"resident:{numbered('33021220000230001')}", "not a date of birth"),
    "29 February 2001": (f"resident:{numbered('33021220010229001')}", "not a date of birth"),
    "born in 1700": (f"resident:{numbered('33021217000101001')}", "plausible"),
    "not those of a province": (f"resident:{numbered('99021219900101001')}", "province"),
    "Hong Kong permit as resident": (f"resident:{HONG_KONG}", 'type "permit-hk"'),
    "resident as permit": ("permit-hk:11010519491231002X", 'type "resident"'),
    "Taiwan permit as Hong Kong": (f"permit-hk:{TAIWAN}", 'type "permit-tw"'),
    "space inside": ("resident:110105 19491231002X", "space"),
    "trailing newline": ("resident:11010519491231002X\n", "space"),
    "arabic-indic digits": ("resident:١١010519491231002X", "only digits"),
    "no type": ("11010519491231002X", "no type"),
    "unknown type": ("citizen:11010519491231002X", "unknown type"),
    "number before the colon": ("11010519491231002X:", "unknown type"),
    "empty": ("resident:", "empty"),
    "passport without state": ("passport:E12345678", "issuing state"),
    "too long": ("resident:" + "1" * 100, "at most 64"),
    "travel permit of 9 digits": ("travel-hk-mo:H123456789", "H or M"),
}


@pytest.mark.parametrize(("text", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_and_never_echoes_the_number(text: str, says: str) -> None:
    with pytest.raises(IdentifierError) as refused:
        parse(text)
    assert says in str(refused.value)
    value = text.partition(":")[2].strip() or text.strip(":")
    if value != "resident":
        assert value not in str(refused.value)
    if len(value) >= 15:
        assert value[6:14] not in str(refused.value)


def test_a_birth_date_in_the_future_is_refused_when_today_is_known() -> None:
    number = numbered("33021220300101001")
    assert parse(f"resident:{number}", today=date(2030, 1, 1))
    with pytest.raises(IdentifierError, match="plausible"):
        parse(f"resident:{number}", today=date(2029, 12, 31))


def test_a_default_type_is_used_only_where_none_is_written() -> None:
    assert parse(ENDS_IN_X, default=IdentifierType.RESIDENT).text == f"resident:{ENDS_IN_X}"
    with pytest.raises(IdentifierError):
        parse(f"passport:{ENDS_IN_X}", default=IdentifierType.RESIDENT)


def test_every_single_wrong_digit_is_noticed() -> None:
    good = "11010519491231002X"
    for place in range(17):
        for digit in "0123456789":
            wrong = good[:place] + digit + good[place + 1 :]
            if wrong != good:
                with pytest.raises(IdentifierError):
                    normalise(IdentifierType.RESIDENT, wrong)


def test_printing_shows_the_masked_form() -> None:
    found = parse("resident:11010519491231002X")
    assert str(found) == "resident:110*************2X"
    assert "1949" not in repr(found) + f"{found}"
    assert mask("H12345678") == "H********"


def test_equal_identifiers_are_equal_whatever_their_spelling() -> None:
    assert len({parse(f"resident:{ENDS_IN_X}"), parse(f"resident:{ENDS_IN_X.lower()}")}) == 1
    assert isinstance(parse("travel-tw:01234567"), Identifier)
