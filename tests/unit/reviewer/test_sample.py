"""A reviewer's sample of a federation that ran: opened, recomputed, kept, ledgered everywhere.

Tests design.md 1.5, 1.8, 2.4.22, 4.13.
"""

import json
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from crypto import integers
from crypto.commit import Reveal
from crypto.rng import system_rng
from crypto.sealing import AtRestKey, seal_at_rest, wrap_key
from hedui.v1 import node_pb2, registrar_pb2
from hedui.v1.node_pb2_grpc import AnswerAuditServiceStub
from hedui.v1.registrar_pb2_grpc import SampleServiceStub
from ledger import event
from model.disclosure import (
    answer_parts,
    open_answer_of,
    open_granted,
    sample_parts,
)
from model.documents.sampling import SampleGrant
from model.documents.signed import DocumentError, Signed, sign
from model.fields import format_time
from model.reasons import Reason
from node.answering import store
from node.answering.encrypting import AnswerCopy, SealedCopy, randomness_bytes, unseal_copy
from reviewer.report import read_reveals
from reviewer.sample import draw_by_lot
from runtime.errors import Refused, SettingsError
from runtime.storage.writer import Tx
from runtime.transport.wire import signed_to_wire
from tests.support.bench import Bench, exported, hedui, printed, reconciled
from tests.support.county import resident


@pytest.fixture(scope="module")
def number(served: Bench) -> str:
    """A letter of persons whom tax and bank know, queried and determined."""
    served.straight()
    number = served.county.authorize(21, 23)
    (case,) = served.verify(number)
    assert case.state == "determined"
    return number


@pytest.fixture(scope="module")
def entry(served: Bench, number: str) -> int:
    """Its manifest.issued entry."""
    return issued(served)[-1]


@pytest.fixture(scope="module")
def bundles(served: Bench, entry: int, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Everybody's bundle after that."""
    folder = tmp_path_factory.mktemp("sampling") / "bundles"
    return [str(path) for path in exported(served, folder)]


def issued(bench: Bench) -> list[int]:
    """Indices of the registrar's manifest.issued entries."""
    rows = enumerate(bench.county.ledger("registrar"))
    return [i for i, e in rows if e.event == "manifest.issued"]


def sampled(bench: Bench, bundles: list[str], *options: str) -> list[dict[str, Any]]:
    """``hedui ledger sample --json`` as the reviewer."""
    result = hedui(bench, "ledger", "sample", *bundles, *options, "--json", person="rosa")
    found: list[dict[str, Any]] = printed(result)
    failed = any(c["outcome"] == "FAILS" for r in found for c in r["checks"])
    assert result.exit_code == (20 if failed else 0)
    return found


def failures(results: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What each failing check is about, and why it fails."""
    checks = [check for result in results for check in result["checks"]]
    return [(c["about"], c["why"]) for c in checks if c["outcome"] == "FAILS"]


@pytest.fixture
def scans(tmp_path: Path) -> str:
    """The evidence that the county's letters name, among others."""
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "letter.pdf").write_bytes(b"letter")
    (folder / "other.pdf").write_bytes(b"other")
    return str(folder)


def test_a_sample_of_an_honest_federation_holds_in_every_check(
    bench: Bench, bundles: list[str], entry: int, number: str, scans: str
) -> None:
    options = ("--entry", str(entry), "--answers", "--evidence", scans)
    (result,) = sampled(bench, bundles, *options)
    assert {check["outcome"] for check in result["checks"]} == {"holds"}, result["checks"]
    letter = " ".join(result["letter"])
    assert all(word in letter for word in (number, resident(21), resident(23), "olga"))
    values = {(r["department"], r["form"]): (r["value"], r["flag"])
              for r in result["contributions"]}  # fmt: skip
    # Wages of 1,000 and 60,000 yuan, interest of -10.00 and 5.50, in fen; nobody has a home.
    assert values == {
        ("tax", "wages"): (6_100_000, 0),
        ("tax", "homes"): (0, 0),
        ("tax", "area"): (0, 0),
        ("bank", "interest"): (-450, 0),
    }


def test_drawing_and_opening_are_ledgered_at_registrar_and_departments_and_reconcile(
    bench: Bench, bundles: list[str], entry: int, tmp_path: Path
) -> None:
    sampled(bench, bundles, "--entry", str(entry), "--answers")
    drawn, opened = bench.county.ledger("registrar")[-2:]
    assert (drawn.event, drawn.fields["entries"], drawn.fields["named"]) == (
        "sample.drawn", [entry], True,
    )  # fmt: skip
    assert (opened.event, opened.fields["entry"]) == ("sample.opened", entry)
    for name in ("tax", "bank"):
        last = bench.county.ledger(name)[-1]
        assert (last.event, last.fields["grant"]) == ("answer.opened", opened.fields["grant"])
        assert last.fields["values"] is True
        leaf = event.encode(last.event, last.fields, at=last.at).decode()
        assert "rosa" not in leaf and resident(21) not in leaf
    assert reconciled(bench, exported(bench, tmp_path / "after")).findings == []


def test_without_values_departments_show_which_ticket_they_answered_and_no_more(
    bench: Bench, bundles: list[str], entry: int, tmp_path: Path
) -> None:
    (result,) = sampled(bench, bundles, "--entry", str(entry), "--keep", str(tmp_path / "kept"))
    said = [c for c in result["checks"] if c["about"] == "answer: tax"]
    assert len(said) == 3 and {c["outcome"] for c in said} == {"holds"}
    assert result["contributions"] == []
    for path in (tmp_path / "kept").glob("answer-*.json"):
        kept = json.loads(path.read_text())
        assert (kept["plaintext"], kept["randomness"]) == ("", "")
    assert bench.county.ledger("tax")[-1].fields["values"] is False


def test_entries_are_drawn_by_lot_from_the_verified_bundle(
    bench: Bench, bundles: list[str], number: str
) -> None:
    found = sampled(bench, bundles, "--count", "1")
    drawn = bench.county.ledger("registrar", event_name="sample.drawn")[-1]
    assert drawn.fields["entries"] == [result["entry"] for result in found]
    assert (drawn.fields["of"] >= 1, drawn.fields["named"]) == (True, False)
    many = hedui(bench, "ledger", "sample", *bundles, "--count", "9999", person="rosa")
    assert isinstance(many.exception, SettingsError)
    assert "Draw fewer with --count" in str(many.exception)


def test_every_entry_is_drawn_about_equally_often() -> None:
    counts = dict.fromkeys(range(10, 14), 0)
    for _ in range(2000):
        for drawn in draw_by_lot(list(counts), 2, rng=system_rng):
            counts[drawn] += 1
    # 1,000 each; seven standard deviations of 22.
    assert all(abs(count - 1000) < 160 for count in counts.values()), counts


def test_the_words_say_every_check_and_every_value(
    bench: Bench, bundles: list[str], entry: int
) -> None:
    done = hedui(bench, "ledger", "sample", *bundles, "--entry", str(entry), "--answers",
                 person="rosa")  # fmt: skip
    assert done.exit_code == 0
    assert f"entry {entry} of the registrar's ledger" in done.stdout
    assert f"head: resident:{resident(21)}, signed: self" in done.stdout
    assert "6100000" in done.stdout
    assert "1 entry: every check that was made passes; 1 not looked at" in done.stdout
    assert "hand in the" in done.stdout


def test_what_was_kept_is_checked_again_offline_and_tells_officers_apart(
    bench: Bench, bundles: list[str], entry: int, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    first = sampled(bench, bundles, "--entry", str(entry), "--answers", "--keep", str(kept))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o600}
    size = len(bench.county.ledger("registrar"))
    again = sampled(bench, bundles, "--kept", str(kept))
    assert (again, len(bench.county.ledger("registrar"))) == (first, size)
    names = read_reveals(kept / "reveals.jsonl")
    officer = bench.county.ledger("registrar")[entry].fields["officer"]
    assert names[officer] == "olga"
    report = hedui(bench, "ledger", "report", *bundles, "--reveals", str(kept / "reveals.jsonl"))
    assert report.exit_code == 0
    file = kept / f"entry-{entry}.json"
    file.write_bytes(
        file.read_bytes().replace(b'relation\\\\\\":\\\\\\"head', b'relation\\\\\\":\\\\\\"other')
    )
    assert failures(sampled(bench, bundles, "--kept", str(kept)))


def test_an_existing_folder_is_refused_before_anything_is_drawn(
    bench: Bench, bundles: list[str], entry: int, tmp_path: Path
) -> None:
    size = len(bench.county.ledger("registrar"))
    for options, words in (
        (("--keep", str(tmp_path)), "already exists"),
        (("--evidence", str(tmp_path / "none")), "no such file"),
        (("--kept", str(tmp_path)), "cannot be read"),
    ):
        done = hedui(bench, "ledger", "sample", *bundles, *options, person="rosa")
        assert isinstance(done.exception, SettingsError) and words in str(done.exception)
    assert len(bench.county.ledger("registrar")) == size
    wrong = hedui(bench, "ledger", "sample", *bundles, "--kept", "x", "--answers", person="rosa")
    assert wrong.exit_code == 2


# ------------------------------------------------------------- what a node shows of its answers


def query_of(bench: Bench, entry: int, node: str) -> str:
    """The node's query under the manifest of an entry."""
    manifest = bench.county.ledger("registrar")[entry].fields["manifest"]
    answered = bench.county.ledger(node, event_name="query.answered")
    return next(str(e.fields["query"]) for e in answered if e.fields["manifest"] == manifest)


def _reseal(bench: Bench, node: str, query: str, lie: Callable[[AnswerCopy], AnswerCopy]) -> Any:
    """Have a node keep another copy of its answer than it sent; return what puts it back."""
    parts = bench.county.services[node].parts
    key = parts.federation.joint_key.key.public
    with parts.database.read() as conn:
        kept = store.sealed_answer(conn, query)
    assert kept is not None
    copy = lie(unseal_copy(key, parts.kek, SealedCopy(*kept), query=query))
    body = integers.encode(copy.plaintext, key.plaintext_bytes)
    body += integers.encode(copy.randomness, randomness_bytes(key))
    body += bytes.fromhex(str(copy.ticket.value)) + copy.ticket.salt
    data_key, aad = AtRestKey.generate(rng=system_rng), [b"answer", bytes.fromhex(query)]
    wrapped = wrap_key(parts.kek, data_key, aad=aad, rng=system_rng)
    sealed = seal_at_rest(data_key, body, aad=aad, rng=system_rng)

    def put(values: tuple[bytes, bytes]) -> None:
        statement = update(store.QUERIES).where(store.QUERIES.c.query == query)
        row = dict(zip(("data_key", "sealed"), values, strict=True))
        parts.writer.run(lambda tx: tx.conn.execute(statement.values(**row)) and None)

    put((wrapped, sealed))
    return lambda: put(kept)


def _plaintext(copy: AnswerCopy) -> AnswerCopy:
    return AnswerCopy(copy.plaintext + 1, copy.randomness, copy.ticket)


def _randomness(copy: AnswerCopy) -> AnswerCopy:
    return AnswerCopy(copy.plaintext, copy.randomness ^ 1, copy.ticket)


def _beyond(copy: AnswerCopy) -> AnswerCopy:
    return AnswerCopy(copy.plaintext + (1 << 1500), copy.randomness, copy.ticket)


def _other_ticket(copy: AnswerCopy) -> AnswerCopy:
    return AnswerCopy(
        copy.plaintext, copy.randomness, Reveal("ticket", "00" * 32, copy.ticket.salt)
    )


STORED: dict[str, tuple[Callable[[AnswerCopy], AnswerCopy], str]] = {
    "another value than was sent": (_plaintext, "they give another ciphertext"),
    "other randomness": (_randomness, "they give another ciphertext"),
    "a value beyond the slots": (_beyond, "bits above its last slot"),
    "another ticket than was answered": (_other_ticket, "does not match its commitment"),
}


@pytest.mark.parametrize(("lie", "why"), STORED.values(), ids=STORED.keys())
def test_a_node_that_stored_something_else_is_found(
    bench: Bench, bundles: list[str], entry: int, lie: Callable[[AnswerCopy], AnswerCopy], why: str
) -> None:
    put_back = _reseal(bench, "bank", query_of(bench, entry, "bank"), lie)
    try:
        found = failures(sampled(bench, bundles, "--entry", str(entry), "--answers"))
    finally:
        put_back()
    assert {about for about, _ in found} == {"answer: bank"}
    assert any(why in each for _, each in found), found


def test_a_department_that_does_not_open_leaves_its_answer_unlooked_at(
    bench: Bench, bundles: list[str], entry: int
) -> None:
    bench.county.stop("bank")
    (result,) = sampled(bench, bundles, "--entry", str(entry), "--answers")
    (row,) = [c for c in result["checks"] if c["about"] == "answer: bank"]
    assert row["outcome"] == "not looked at" and "bank" in row["why"]
    assert {r["department"] for r in result["contributions"]} == {"tax"}


def grant(bench: Bench, entry: int, *, by: str = "rosa") -> Signed:
    """The registrar's grant for an entry."""
    with bench.county.acting(by) as acting:
        request = registrar_pb2.DrawSampleRequest(entries=[entry], of=1, named=True)
        sample = acting.call("registrar", SampleServiceStub, "DrawSample", request).sample
        wanted = registrar_pb2.DiscloseSampleRequest(sample=sample, entry=entry)
        sealed = acting.call("registrar", SampleServiceStub, "DiscloseSample", wanted).sealed
        key = acting.identity.seal_key
        assert key is not None
        return open_granted(sealed, key, sample_parts(sample, entry, by)).grant.signed


def open_answer(
    bench: Bench, signed: Signed, query: str, node: str = "tax", by: str = "rosa"
) -> bytes:
    """What the node sealed."""
    request = node_pb2.DiscloseAnswerRequest(grant=signed_to_wire(signed), query=query, values=True)
    with bench.county.acting(by) as acting:
        sealed: bytes = acting.call(node, AnswerAuditServiceStub, "DiscloseAnswer", request).sealed
    return sealed


def _forged(bench: Bench, signed: Signed, **changes: Any) -> Signed:
    """The grant changed, under the reviewer's own signature in the registrar's name."""
    changed = SampleGrant.decode(signed.body).model_copy(update=changes)
    with bench.county.acting("rosa") as acting:
        return sign(changed, acting.identity.sign_key, "registrar")


def _late(bench: Bench, signed: Signed, query: str) -> Any:
    bench.county.clock.ahead = timedelta(days=1, minutes=1)
    return open_answer(bench, signed, query)


Ask = Callable[[Bench, Signed, str], Any]
REFUSED: dict[str, tuple[Ask, Reason]] = {
    "another reviewer with this grant": (
        lambda b, g, q: open_answer(b, g, q, by="ruth"), Reason.GRANT_MISMATCH,
    ),
    "a query that the grant does not name": (
        lambda b, g, q: open_answer(b, g, "ab" * 16), Reason.GRANT_MISMATCH,
    ),
    "another department's query": (
        lambda b, g, q: open_answer(b, g, q, node="bank"), Reason.NOT_FOUND,
    ),
    "a grant of the reviewer's own": (
        lambda b, g, q: open_answer(b, _forged(b, g, queries=["ab" * 16]), "ab" * 16),
        Reason.SIGNATURE_INVALID,
    ),
    "no query": (lambda b, g, q: open_answer(b, g, "all"), Reason.MALFORMED),
    "no signature": (
        lambda b, g, q: open_answer(b, Signed(g.body, b"", g.signer), q), Reason.MALFORMED,
    ),
    "a day later": (_late, Reason.SAMPLE_EXPIRED),
}  # fmt: skip


@pytest.mark.parametrize(("ask", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_node_refuses_without_a_grant_for_exactly_this_and_ledgers_it(
    bench: Bench, entry: int, ask: Ask, reason: Reason
) -> None:
    signed, query = grant(bench, entry), query_of(bench, entry, "tax")
    sizes = {node: len(bench.county.ledger(node)) for node in ("tax", "bank")}
    with pytest.raises(Refused) as caught:
        ask(bench, signed, query)
    assert caught.value.reason is reason
    grown = [node for node, size in sizes.items() if len(bench.county.ledger(node)) == size + 1]
    last = bench.county.ledger(grown[0])[-1]
    assert (len(grown), last.event, last.fields["reason"]) == (1, "sample.refused", reason)
    leaf = event.encode(last.event, last.fields, at=last.at).decode()
    assert "rosa" not in leaf and "ruth" not in leaf and '"all"' not in leaf


def test_a_node_opens_so_many_answers_a_day_whatever_the_registrar_grants(
    bench: Bench, entry: int
) -> None:
    signed, query = grant(bench, entry), query_of(bench, entry, "tax")
    open_answer(bench, signed, query)
    parts = bench.county.services["tax"].parts
    at = format_time(bench.county.clock.now())
    many = [system_rng(32).hex() for _ in range(parts.settings.max_opened_a_day)]

    def fill(tx: Tx) -> None:
        for other in many:
            store.note_disclosed(tx.conn, other, query, at)

    parts.writer.run(fill)
    try:
        with pytest.raises(Refused) as caught:
            open_answer(bench, grant(bench, entry), query)
        assert caught.value.reason is Reason.SAMPLE_LIMIT
        assert bench.county.ledger("tax")[-1].fields["reason"] == "sample_limit"
        bench.county.clock.ahead = timedelta(days=1, minutes=1)
        assert open_answer(bench, grant(bench, entry), query)
    finally:
        wanted = store.OPENED.c.grant.in_(many)
        parts.writer.run(lambda tx: tx.conn.execute(delete(store.OPENED).where(wanted)) and None)


@pytest.mark.parametrize("person", ["olga", "clara", "chris", "adam"])
def test_nobody_but_a_reviewer_has_answers_opened(bench: Bench, entry: int, person: str) -> None:
    signed, query = grant(bench, entry), query_of(bench, entry, "tax")
    with pytest.raises(Refused) as caught:
        open_answer(bench, signed, query, by=person)
    assert caught.value.reason is Reason.WRONG_ROLE


def test_an_opened_answer_is_readable_to_its_reviewer_alone(bench: Bench, entry: int) -> None:
    signed, query = grant(bench, entry), query_of(bench, entry, "tax")
    sealed = open_answer(bench, signed, query)
    parts = answer_parts(signed.digest, query, "rosa")
    with bench.county.acting("rosa") as acting:
        assert acting.identity.seal_key is not None
        opened = open_answer_of(sealed, acting.identity.seal_key, parts)
        with pytest.raises(DocumentError):
            other = answer_parts("00" * 32, query, "rosa")
            open_answer_of(sealed, acting.identity.seal_key, other)
    assert opened.plaintext.encode() not in sealed
    for name in ("ruth", "olga"):
        with bench.county.acting(name) as acting, pytest.raises(DocumentError):
            assert acting.identity.seal_key is not None
            open_answer_of(sealed, acting.identity.seal_key, parts)
    # What a process would see if it stood between: each has a sealing key of its own.
    for service in bench.county.services.values():
        key = service.parts.identity.seal_key
        assert key is not None
        with pytest.raises(DocumentError):
            open_answer_of(sealed, key, parts)


def test_an_erased_letter_is_said_to_be_erased_and_by_which_entry(
    bench: Bench, tmp_path: Path
) -> None:
    number = bench.household()
    bench.verify(number)
    entry = issued(bench)[-1]
    bench.county.revoke(number)
    for person, more in (("clara", ()), ("chris", ("--yes",))):
        hedui(bench, "authorization", "erase", number, "--reason", "requested", *more,
              person=person)  # fmt: skip
    bundles = [str(path) for path in exported(bench, tmp_path / "bundles")]
    erased = max(i for i, e in enumerate(bench.county.ledger("registrar"))
                 if e.event == "authorization.erased")  # fmt: skip
    (result,) = sampled(bench, bundles, "--entry", str(entry), "--answers")
    (row,) = result["checks"]
    assert (row["about"], row["outcome"]) == ("erased", "holds")
    assert f"erased by entry {erased}" in row["sentence"]
    done = hedui(bench, "ledger", "sample", *bundles, "--entry", str(entry), person="rosa")
    assert (done.exit_code, f"erased by entry {erased}" in " ".join(done.stdout.split())) == (
        0,
        True,
    )


def test_nothing_of_a_sample_is_left_in_the_reviewers_home(
    bench: Bench, bundles: list[str], entry: int
) -> None:
    sampled(bench, bundles, "--entry", str(entry), "--answers")
    needle = resident(21).encode()
    for folder, _, files in os.walk(bench.county.home / "people" / "rosa"):
        for name in files:
            assert needle not in (Path(folder) / name).read_bytes()
