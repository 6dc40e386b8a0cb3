"""Salted commitments: hiding needs the salt, binding covers field, value and type.

Tests design.md 2.0.4, 4.5.
"""

from typing import Any

import pytest

from crypto.commit import Reveal, commit, new_salt, verify_reveal
from crypto.errors import InvalidInput, ProofError
from crypto.rng import system_rng

SALT = bytes(range(32))


def test_an_opening_opens_its_commitment() -> None:
    reveal = Reveal("age", 67, new_salt(rng=system_rng))
    verify_reveal(reveal.commitment(), reveal)
    verify_reveal(commit("age", 67, reveal.salt), reveal)


OTHERS: dict[str, Reveal] = {
    "another value": Reveal("age", 68, SALT),
    "another field": Reveal("agf", 67, SALT),
    "the same text": Reveal("age", "67", SALT),
    "a list of it": Reveal("age", [67], SALT),
    "another salt": Reveal("age", 67, SALT[::-1]),
    "a short salt": Reveal("age", 67, SALT[:-1]),
    "a float": Reveal("age", 67.0, SALT),  # type: ignore[arg-type]
    "field and value split elsewhere": Reveal("age6", 7, SALT),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_nothing_else_opens_it(other: Reveal) -> None:
    with pytest.raises(ProofError):
        verify_reveal(commit("age", 67, SALT), other)


DIFFERENT: list[Any] = [0, 1, False, True, None, "", "0", [], {}, [0], {"a": 0}, -1]


def test_values_that_python_takes_for_equal_are_committed_apart() -> None:
    assert len({commit("x", value, SALT) for value in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_salt_is_32_bytes(size: int) -> None:
    with pytest.raises(InvalidInput):
        commit("age", 67, bytes(size))


def test_a_salt_is_fresh() -> None:
    drawn: list[int] = []

    def rng(count: int) -> bytes:
        drawn.append(count)
        return bytes(count)

    new_salt(rng=rng)
    assert drawn == [32]


def test_an_opening_prints_neither_value_nor_salt() -> None:
    text = repr(Reveal("name", "Wang Xiuying", SALT))
    assert "Wang" not in text and "salt" not in text
