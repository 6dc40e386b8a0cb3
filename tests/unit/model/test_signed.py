"""Signed documents: one spelling each, also of those from before a key came in."""

import pytest

from crypto import jcs
from model.documents.opening import Permit
from model.documents.signed import DocumentError
from model.suite import SUITE

OLD: dict[str, jcs.Json] = {
    "permit": "11" * 16,
    "manifest": "22" * 32,
    "kind": "rules",
    "answers": "33" * 32,
    "answering": ["tax"],
    "silent": [],
    "holders": ["tax", "bank"],
    "skips": [],
    "issued_at": "2026-11-27T08:00:00Z",
    "expires_at": "2026-11-28T08:00:00Z",
}


@pytest.mark.parametrize("table", [OLD, OLD | {"suite": SUITE}], ids=["before", "since"])
def test_a_document_keeps_its_bytes(table: dict[str, jcs.Json]) -> None:
    body = jcs.encode(table)
    assert Permit.decode(body).encode() == body


REFUSED = {
    "a null for a key that is left out": OLD | {"suite": None},
    "another suite": OLD | {"suite": "hedui-v2"},
    "a key that no version has": OLD | {"suites": SUITE},
}


@pytest.mark.parametrize("table", REFUSED.values(), ids=REFUSED.keys())
def test_another_spelling_is_refused(table: dict[str, jcs.Json]) -> None:
    with pytest.raises(DocumentError):
        Permit.decode(jcs.encode(table))
