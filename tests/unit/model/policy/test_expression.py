"""The expression language: what it means, and what it refuses.

Tests design.md 2.7.1.
"""

import pytest

from model.money import Unit
from model.policy import ExpressionError
from model.policy.expression import (
    TRUTH,
    Value,
    evaluate,
    is_boolean_of_names,
    kind_of,
    names,
    parse,
)

MEANING: dict[str, tuple[str, dict[str, Value], Value]] = {
    "and binds tighter than or": ("a or b and c", {"a": True, "b": False, "c": False}, True),
    "parentheses": ("(a or b) and c", {"a": True, "b": False, "c": False}, False),
    "not binds tightest": ("not a and b", {"a": True, "b": False}, False),
    "double negation": ("not not a", {"a": True}, True),
    "product before sum": ("2 + 3 * x == 14", {"x": 4}, True),
    "difference leans left": ("10 - 3 - x == 5", {"x": 2}, True),
    "parenthesised number": ("(x + 1) * 2 > 9", {"x": 4}, True),
    "unknown and false": ("a and b", {"a": None, "b": False}, False),
    "unknown and true": ("a and b", {"a": None, "b": True}, None),
    "unknown or true": ("a or b", {"a": None, "b": True}, True),
    "unknown or false": ("a or b", {"a": None, "b": False}, None),
    "not unknown": ("not a", {"a": None}, None),
}


@pytest.mark.parametrize(("text", "values", "expected"), MEANING.values(), ids=MEANING.keys())
def test_means(text: str, values: dict[str, Value], expected: Value) -> None:
    assert evaluate(parse(text), values) is expected


REFUSED = {
    "empty": "",
    "call": "f(x)",
    "attribute": "a.b",
    "string": "'a'",
    "chained comparison": "a < b < c",
    "assignment": "a = b",
    "capital letters": "A and b",
    "missing parenthesis": "(a and b",
    "extra parenthesis": "a)",
    "two names in a row": "a b",
    "ends early": "a and",
    "and as a name": "and",
    "true is no name": "true or a",
    "too deep": "(" * 21 + "a" + ")" * 21,
    "too many nots": "not " * 21 + "a",
    "too long a sum": "+".join(["1"] * 22) + " > 0",
    "too long": "a or " * 200 + "a",
    "too many tokens": "a or " * 101 + "a",
    "huge number": "a > " + "9" * 16,
    "float": "a > 1.5",
    "semicolon": "a; b",
    "full-width digit": "a > １",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_refuses(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text)


KINDS = {"fen": Unit.FEN, "area": Unit.SQUARE_METRE_HUNDREDTH, "count": Unit.COUNT, "rule": TRUTH}
WRONG_KINDS = {
    "money against area": "fen > area",
    "money against a bare number": "fen > 1",
    "money times money": "fen * fen > 0 * fen",
    "money plus a count": "fen + count > fen",
    "rule compared": "rule > 1",
    "number joined": "count and rule",
    "number negated": "not count",
}


@pytest.mark.parametrize("text", WRONG_KINDS.values(), ids=WRONG_KINDS.keys())
def test_units_must_fit(text: str) -> None:
    with pytest.raises(ExpressionError):
        kind_of(parse(text), KINDS)


def test_units_that_fit() -> None:
    assert kind_of(parse("fen * count + fen > 3 * fen and not rule"), KINDS) == TRUTH
    assert kind_of(parse("count * area"), KINDS) == Unit.SQUARE_METRE_HUNDREDTH


def test_a_programme_is_made_of_names_only() -> None:
    assert is_boolean_of_names(parse("a and not (b or c)"))
    assert not is_boolean_of_names(parse("a and 1 < 2"))
    assert names(parse("a and not (b or a)")) == {"a", "b"}
