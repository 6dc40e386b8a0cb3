"""Entries: what goes in, what is refused on the way in and on the way out.

Tests design.md 2.0.2, 4.1, 4.11.
"""

from typing import Any

import pytest

from crypto.errors import InvalidInput
from ledger import event
from ledger.events import EVENTS

AT = "2026-11-23T08:00:00Z"
GOOD = b'{"at":"2026-11-23T08:00:00Z","event":"query.refused","fields":{"reason":"x"},"v":1}'


def test_an_entry_is_canonical_and_comes_back() -> None:
    assert event.encode("query.refused", {"reason": "x"}, at=AT) == GOOD
    assert event.decode(GOOD) == event.Entry(AT, "query.refused", {"reason": "x"})


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown event": ("query.invented", {}, AT),
    "unknown field": ("query.refused", {"reason": "x", "person": "y"}, AT),
    "field missing": ("query.refused", {}, AT),
    "nothing as value": ("query.refused", {"reason": None}, AT),
    "a float": ("query.refused", {"reason": 1.5}, AT),
    "bytes": ("query.refused", {"reason": b"x"}, AT),
    "nothing inside a list": ("query.refused", {"reason": [None]}, AT),
    "nothing inside an object": ("query.refused", {"reason": {"a": [None]}}, AT),
    "an integer too large for JSON": ("query.refused", {"reason": 1 << 53}, AT),
    "too long": ("query.refused", {"reason": "x" * event.MAX_BYTES}, AT),
    "local time": ("query.refused", {"reason": "x"}, "2026-11-23T08:00:00+08:00"),
    "fractions": ("query.refused", {"reason": "x"}, "2026-11-23T08:00:00.5Z"),
    "no such day": ("query.refused", {"reason": "x"}, "2026-02-30T08:00:00Z"),
    "full-width digits": ("query.refused", {"reason": "x"}, "２026-11-23T08:00:00Z"),
}


@pytest.mark.parametrize(("name", "fields", "at"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses(name: str, fields: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidInput):
        event.encode(name, fields, at=at)


UNREADABLE = {
    "spaces": GOOD.replace(b":", b": "),
    "other order": b'{"event":"query.refused","at":"2026-11-23T08:00:00Z","fields":{},"v":1}',
    "another version": GOOD.replace(b'"v":1', b'"v":2'),
    "version true": GOOD.replace(b'"v":1', b'"v":true'),
    "a key more": GOOD.replace(b',"v"', b',"u":1,"v"'),
    "a key less": GOOD.replace(b',"v":1', b""),
    "fields a list": GOOD.replace(b'{"reason":"x"}', b'["x"]'),
    "event a number": GOOD.replace(b'"query.refused"', b"1"),
    "not an object": b"[]",
    "garbage after it": GOOD + b" ",
    "nothing": b"",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_decodes_strictly(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        event.decode(data)


@pytest.mark.parametrize("name", EVENTS)
def test_the_table_is_well_formed(name: str) -> None:
    spec = EVENTS[name]
    assert spec.text.endswith(".")
    assert not spec.required & spec.optional
    for field in (*name.split("."), *spec.required, *spec.optional):
        assert field.replace("_", "").isalnum()
        assert field == field.lower()
