"""A sample of a registrar or a department that shows less, or something else, than was drawn.

Tests design.md 4.13.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crypto.labels import Label
from crypto.sealing import SealingPublicKey
from desk.commands.ledger.entries import in_one_line
from desk.commands.ledger.sample import show
from hedui.v1 import node_pb2
from ledger.event import Entry
from model.disclosure import (
    AnswerDisclosure,
    RevealedField,
    SignedText,
    answer_parts,
    seal_disclosure,
)
from model.documents.signed import Signed
from node.answering import store
from node.answering.encrypting import SealedCopy, unseal_copy
from runtime.errors import PeerFault
from tests.support.bench import Bench, hedui
from tests.unit.reviewer.test_sample import bundles, entry, query_of, sampled

__all__ = ["bundles", "entry"]
"""Fixtures: the entry of the letter below, everybody's bundle after that."""


@pytest.fixture(scope="module")
def number(served: Bench) -> str:
    """A letter of somebody whom no department knows, queried and determined."""
    served.straight()
    number = served.household()
    (case,) = served.verify(number)
    assert case.state == "determined"
    return number


def test_what_a_department_did_not_open_stays_unlooked_at_offline(
    bench: Bench, bundles: list[str], entry: int, tmp_path: Path
) -> None:
    bench.county.stop("bank")
    kept = tmp_path / "kept"
    sampled(bench, bundles, "--entry", str(entry), "--answers", "--keep", str(kept))
    (result,) = sampled(bench, bundles, "--kept", str(kept))
    (row,) = [c for c in result["checks"] if c["about"] == "answer: bank"]
    assert row["outcome"] == "not looked at"


def test_a_department_that_shows_no_values_when_it_is_asked_is_not_believed(
    bench: Bench, bundles: list[str], entry: int
) -> None:
    """An answer that holds for its ticket alone would pass for one that was recomputed."""
    query = query_of(bench, entry, "bank")

    def bare(_reply: Any) -> node_pb2.DiscloseAnswerReply:
        member = bench.county.services["bank"].parts.federation.member("rosa")
        assert member is not None
        key = SealingPublicKey(bytes.fromhex(member.seal_key))
        answer = _bare(bench, "bank", query)
        last = bench.county.ledger("bank", event_name="answer.opened")[-1]
        parts = answer_parts(str(last.fields["grant"]), query, "rosa")
        sealed = seal_disclosure(answer, key, Label.ANSWER_DISCLOSURE_SEAL, parts)
        return node_pb2.DiscloseAnswerReply(sealed=sealed)

    bench.bends["bank"].after["DiscloseAnswer"] = bare
    (result,) = sampled(bench, bundles, "--entry", str(entry), "--answers")
    (row,) = [c for c in result["checks"] if c["about"] == "answer: bank"]
    assert (row["outcome"], "shows none" in row["why"]) == ("not looked at", True)


def _bare(bench: Bench, node: str, query: str) -> AnswerDisclosure:
    """The node's stored answer, true in everything, without its values."""
    parts = bench.county.services[node].parts
    with parts.database.read() as conn:
        kept, row = store.sealed_answer(conn, query), store.by_query(conn, query)
    assert kept is not None and row is not None and row.body is not None
    assert row.signature is not None
    key = parts.federation.joint_key.key.public
    copy = unseal_copy(key, parts.kek, SealedCopy(*kept), query=query)
    return AnswerDisclosure(
        format="hedui-answer/1",
        query=query,
        answer=SignedText.of(Signed(row.body, row.signature, node)),
        plaintext="",
        randomness="",
        ticket=RevealedField.of(copy.ticket),
    )


def _another(reply: Any) -> Any:
    reply.entries[0].entry += 1
    return reply


def _none(reply: Any) -> Any:
    del reply.entries[:]
    return reply


def _twice(reply: Any) -> Any:
    reply.entries.add().CopyFrom(reply.entries[0])
    return reply


@pytest.mark.parametrize("bend", [_another, _none, _twice])
def test_the_registrar_has_no_say_in_what_was_drawn(
    bench: Bench, bundles: list[str], entry: int, bend: Callable[[Any], Any]
) -> None:
    bench.bends["registrar"].after["DrawSample"] = bend
    done = hedui(bench, "ledger", "sample", *bundles, "--entry", str(entry), person="rosa")
    assert isinstance(done.exception, PeerFault)
    assert "other entries than were drawn" in str(done.exception)
    assert bench.county.ledger("registrar")[-1].event == "sample.drawn", "nothing was opened"


TRICKS = {
    "concealed from here on": "\x1b[8m",
    "the same in one character": "\x9b8m",
    "a line of its own": "a\n1 entry: every check passes",
    "written from right to left": "\u202efdp",
}


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())
def test_what_a_letter_says_cannot_rewrite_the_reviewers_screen(
    trick: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check = {"about": "letter", "sentence": "it was in force", "outcome": "FAILS", "why": trick}
    result = {"entry": 7, "sample": "ab", "letter": [trick], "contributions": []}
    show([result | {"checks": [check]}], as_json=False)
    said = capsys.readouterr().out
    assert not any(sign in said for sign in ("\x1b", "\x9b", "\u202e"))
    assert "1 entry: every check passes" not in said.splitlines()
    assert "1 check fails" in said
    shown = in_one_line(Entry("2026-11-25T10:00:00Z", "policy.approved", {"policy": trick}))
    assert not any(sign in shown for sign in ("\x1b", "\x9b", "\u202e", "\n"))
