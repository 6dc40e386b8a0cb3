"""Signed documents: one spelling each, also of those from before a key came in.

Tests design.md 2.0.5, 2.9.1.
"""

import pytest

from crypto import jcs
from model.documents.opening import Permit
from model.documents.query import Answer
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


ANSWER: dict[str, jcs.Json] = {
    "query": "11" * 16,
    "manifest": "22" * 32,
    "department": "tax",
    "ciphertext": "00",
    "proof": "00",
    "data_dates": {"tax.wages": "2026-10-31"},
    "answered_at": "2026-11-27T08:00:00Z",
}


def covering(**of: dict[str, jcs.Json]) -> dict[str, jcs.Json]:
    return ANSWER | {"coverage": {name.replace("_", "."): stated for name, stated in of.items()}}


KNOWN: dict[str, jcs.Json] = {"first": "2024-01-01", "last": "2026-10-31"}
UNKNOWN: dict[str, jcs.Json] = {"first": "not stated", "last": "not stated"}
ANSWERS = {"before": ANSWER, "known": covering(tax_wages=KNOWN), "not": covering(tax_wages=UNKNOWN)}
NO_ANSWERS = {
    "coverage of what is not dated": covering(tax_wages=KNOWN, tax_homes=KNOWN),
    "coverage of nothing": covering(),
    "an end without a beginning": covering(tax_wages=KNOWN | {"first": "not stated"}),
    "an end before the beginning": covering(tax_wages=KNOWN | {"last": "2023-12-31"}),
    "words of another length": covering(tax_wages={"first": "unknown", "last": "unknown"}),
}


@pytest.mark.parametrize("table", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_of_either_version_keeps_its_bytes(table: dict[str, jcs.Json]) -> None:
    assert Answer.decode(jcs.encode(table)).encode() == jcs.encode(table)


def test_coverage_has_one_length_whatever_it_says() -> None:
    lengths = {len(jcs.encode(covering(tax_wages=each))) for each in (KNOWN, UNKNOWN)}
    assert len(lengths) == 1


@pytest.mark.parametrize("table", NO_ANSWERS.values(), ids=NO_ANSWERS.keys())
def test_an_answer_that_states_its_coverage_wrongly_is_refused(table: dict[str, jcs.Json]) -> None:
    with pytest.raises(DocumentError):
        Answer.decode(jcs.encode(table))
