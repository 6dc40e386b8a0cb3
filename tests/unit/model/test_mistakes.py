"""What a person is told about a mistake: the place, the key, the near name; never the value."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, StringConstraints, ValidationError, model_validator

from model.fields import Name, Strict
from model.mistakes import did_you_mean, explain


class Row(Strict):
    name: Name
    office: Name | Literal[""] = ""
    parts: Annotated[list[Name], Field(max_length=2, default_factory=list)]


class Inner(Strict):
    limit: Annotated[int, Field(ge=1)]


class Whole(Strict):
    version: Literal[1]
    region: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] = "000000"
    row: Annotated[list[Row], Field(default_factory=list)]
    inner: Inner | None = None
    tables: Annotated[dict[Name, Inner], Field(default_factory=dict)]

    @model_validator(mode="after")
    def _whole(self) -> "Whole":
        if self.region == "999999":
            raise ValueError("[region]: no such place")
        return self


TOLD = {
    "nothing near": (
        {"version": 1, "zzz": 1},
        'unknown key "zzz" (known: inner, region, row, tables, version)',
    ),
    "a near name": ({"version": 1, "regoin": "1"}, 'unknown key "regoin". Did you mean "region"?'),
    "missing": ({}, 'key "version" is missing'),
    "a mistyped key is told once": ({"verson": 1}, 'unknown key "verson". Did you mean "version"?'),
    "two mistakes": (
        {"version": 2, "region": "secret"},
        'key "version": input should be 1; key "region": six digits',
    ),
    "in a table": ({"version": 1, "inner": {"limt": 1}}, '[inner]: unknown key "limt". Did you'),
    "a table as a whole": ({"version": 1, "inner": 3}, "[inner]: input should be"),
    "in a table of tables": (
        {"version": 1, "tables": {"a": {"limit": 0}}},
        '[tables.a]: key "limit": input should be greater than or equal to 1',
    ),
    "the name of a table": ({"version": 1, "tables": {"A!": {"limit": 1}}}, "[tables.A!]: lower-"),
    "in a row with a name": (
        {"version": 1, "row": [{"name": "tax", "ofice": "x"}]},
        'row "tax": unknown key "ofice". Did you mean "office"?',
    ),
    "in a row without": ({"version": 1, "row": [{"office": ""}]}, 'row 1: key "name" is missing'),
    "either of two": (
        {"version": 1, "row": [{"name": "tax", "office": "A!"}]},
        'row "tax": key "office": lower-case letters',
    ),
    "an item": (
        {"version": 1, "row": [{"name": "tax", "parts": ["a", 7]}]},
        'row "tax": key "parts": write it in quotes',
    ),
    "own words": ({"version": 1, "region": "999999"}, "[region]: no such place"),
    "a key that would rewrite the screen": (
        {"version": 1, "\x1b[2J\n": 1}, 'unknown key "\\x1b[2J\\n" (known'),
    "an endless key": ({"version": 1, "k" * 9_000: 1}, f'unknown key "{"k" * 64}…" (known'),
}  # fmt: skip


@pytest.mark.parametrize(("table", "says"), TOLD.values(), ids=TOLD.keys())
def test_mistakes_are_told(table: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(table)
    said = explain(caught.value, Whole, table)
    assert said.startswith(says)
    assert "secret" not in said


def test_a_thousand_mistakes_are_three() -> None:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate({"version": 1} | {f"zzz{n}": 1 for n in range(1000)})
    assert explain(caught.value, Whole).count("unknown key") == 3


def test_without_a_model_the_key_is_named_all_the_same() -> None:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate({"version": 1, "inner": {"limit": 0}})
    assert explain(caught.value).startswith('[inner]: key "limit": input should be greater')


KNOWN = {
    "near": ("lisen", ["listen", "name"], '. Did you mean "listen"?'),
    "far": ("qqq", ["b", "a"], " (known: a, b)"),
    "nothing known": ("qqq", [], ""),
    "many": ("qqq", [f"{n:02}" for n in range(30)], ", 19, …)"),
    "long ones are not compared": ("a" * 100_000, ["a" * 99_999], " (known: aaa"),
}


@pytest.mark.parametrize(("word", "known", "hint"), KNOWN.values(), ids=KNOWN.keys())
def test_the_near_name_or_the_known_ones(word: str, known: list[str], hint: str) -> None:
    assert hint in did_you_mean(word, known)
