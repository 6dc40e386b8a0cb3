"""The reviewer's commands: show, entry, reconcile, evidence, report; live and from bundles.

Tests design.md 1.5, 4.12.
"""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.client.ledgers import LiveLog
from ledger.event import Entry
from reviewer.entries import Row, offline_rows
from reviewer.filter import Filter
from tests.support.bench import Bench, exported, hedui, printed, rounds


@pytest.fixture(scope="module")
def bundles(served: Bench, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One verified household, everybody's checkpoints cosigned, then exported."""
    served.straight()
    served.verify(served.household())
    rounds(served).round()
    paths = exported(served, tmp_path_factory.mktemp("bundles") / "all")
    return {path.name: path for path in paths}


def case_of(bundles: dict[str, Path]) -> tuple[str, str]:
    """The case in the bundles, and its query to the tax service."""
    entries = [row.entry for row in offline_rows(bundles["coordinator"])]
    determined = [e for e in entries if e.event == "case.determined"][-1].fields
    sent = [
        e.fields["query"]
        for e in entries
        if e.event == "query.sent"
        and (e.fields["manifest"], e.fields["department"]) == (determined["manifest"], "tax")
    ]
    return determined["case"], sent[0]


@pytest.mark.parametrize("place", ["coordinator", "bundle"])
def test_show_follows_a_case_through_its_manifest_queries_and_permit(
    bench: Bench, bundles: dict[str, Path], place: str
) -> None:
    case, _ = case_of(bundles)
    where = place if place == "coordinator" else str(bundles["coordinator"])
    rows = printed(hedui(bench, "ledger", "show", where, "--case", case[:12], "--json",
                         person="rosa"))  # fmt: skip
    events = [row["event"] for row in rows]
    assert (events[0], events[-1]) == ("case.opened", "case.determined")
    assert events.count("query.sent") == events.count("answer.received") == 2
    assert {"manifest.received", "permit.received", "opening.relayed"} <= set(events)


def test_show_filters_and_says_it_in_words(bench: Bench, bundles: dict[str, Path]) -> None:
    place = str(bundles["coordinator"])
    rows = printed(
        hedui(bench, "ledger", "show", place, "--event", "query", "--department", "tax", "--json")
    )
    assert {(r["event"], r["fields"]["department"]) for r in rows} == {("query.sent", "tax")}
    (last,) = printed(hedui(bench, "ledger", "show", place, "--last", "1", "--json"))
    officer = (
        rows
        and printed(
            hedui(bench, "ledger", "show", place, "--event", "case.opened", "--last", "1", "--json")
        )[0]["fields"]["officer"]
    )
    (one,) = printed(hedui(bench, "ledger", "show", place, "--officer", officer[:10], "--json"))
    assert one["event"] == "case.opened"
    said = hedui(bench, "ledger", "show", place, "--event", "case.opened", "--last", "1").stdout
    assert "An officer opened a case." in said.replace("\n", " ") or "officer" in said
    none = hedui(bench, "ledger", "show", place, "--from", "2100-01-01")
    assert none.stdout == "no such entry\n"
    assert last["index"] > 10


def test_showing_a_process_is_ledgered_and_is_no_reason_to_read_again(bench: Bench) -> None:
    with bench.county.acting("rosa") as acting:
        live = LiveLog(acting, "audit")
        first = list(live.poll())
        assert bench.county.ledger("audit")[-1].event == "ledger.read"
        size = len(bench.county.ledger("audit"))
        assert list(live.poll()) == [] == list(live.poll())
        assert len(bench.county.ledger("audit")) == size
        bench.verify(bench.household())
        rounds(bench).round()
        more = list(live.poll())
        assert [row.index for row in more] == list(range(len(first), len(first) + len(more)))
        assert "peer.cosigned.v2" in [row.entry.event for row in more]


def test_following_shows_what_comes_until_it_is_interrupted(bench: Bench) -> None:
    """The command itself, as a person types it: Ctrl-C is how it ends."""
    program = [str(Path(sys.executable).with_name("hedui")), "--home", str(bench.county.home)]
    shown = ["ledger", "show", "coordinator", "--event", "case.opened", "--json"]
    child = subprocess.Popen(
        [*program, "--person", "rosa", *shown, "--follow", "--every-s", "0.2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    # Whatever goes wrong, nobody waits for a line for ever.
    guard = threading.Timer(200, child.kill)
    guard.start()
    try:
        for _ in range(2):
            (case,) = bench.verify(bench.household())
            last = json.loads(child.stdout.readline())
            while not case.case_id.startswith(last["fields"]["case"]):
                last = json.loads(child.stdout.readline())
        child.send_signal(signal.SIGINT)
        rest, said = child.communicate()
    finally:
        guard.cancel()
        child.kill()
    # 128 + SIGINT, as a shell has it.
    assert (child.returncode, rest, said.strip()) == (130, "", "")


@pytest.mark.parametrize("place", ["tax", "bundle"])
def test_an_entry_stands_there_with_its_proof_checkpoint_and_cosignatures(
    bench: Bench, bundles: dict[str, Path], place: str
) -> None:
    index = next(i for i, e in enumerate(bench.county.ledger("tax")) if e.event == "query.answered")
    where = place if place == "tax" else str(bundles["tax"])
    (found,) = printed(hedui(bench, "ledger", "entry", where, str(index), "--json", person="rosa"))
    assert found["event"] == "query.answered"
    assert json.loads(found["entry"])["fields"] == found["fields"]
    assert [c["witness"] for c in found["cosignatures"]] == ["hedui/hexi/coordinator/witness"]
    words = hedui(bench, "ledger", "entry", where, str(index), person="rosa").stdout
    assert "query.answered: The answer was computed and stored; it may now leave." in words
    assert "cosigned by hedui/hexi/coordinator/witness at " in words
    bad = hedui(bench, "ledger", "entry", where, "100000", person="rosa")
    assert "there is no entry 100000" in str(bad.exception)


def test_reconcile_and_report_on_what_was_exported(bench: Bench, bundles: dict[str, Path]) -> None:
    paths = [str(path) for path in bundles.values()]
    result = printed(hedui(bench, "ledger", "reconcile", *paths, "--grace-s", "0", "--json"))
    assert {f["kind"] for f in result["findings"]} <= {"forked"}, result["findings"]
    assert result["absent"] == []
    table = printed(hedui(bench, "ledger", "report", *paths, "--days", "1-7",
                          "--hours", "00:00-23:59:59", "--json"))  # fmt: skip
    assert "off-hours" not in {row["kind"] for row in table}


def test_evidence_of_a_query_is_written_and_verifies(
    bench: Bench, bundles: dict[str, Path], tmp_path: Path
) -> None:
    _, query = case_of(bundles)
    sources = [option for path in bundles.values() for option in ("--from", str(path))]
    target = tmp_path / "evidence"
    result = hedui(bench, "ledger", "evidence", query, *sources, "--to", str(target), "--json")
    assert {"registrar", "coordinator", "tax"} <= {row["process"] for row in printed(result)}
    checked = hedui(bench, "ledger", "verify", str(target))
    assert (checked.exit_code, "intact: query" in checked.stdout) == (0, True)
    spoilt = bundles["tax"] / "entries" / "000000000000.jsonl"
    kept = spoilt.read_bytes()
    spoilt.write_bytes(kept.replace(b"query.answered", b"query.received"))
    refused = hedui(bench, "ledger", "evidence", query, *sources, "--to", f"{target}2")
    spoilt.write_bytes(kept)
    assert (refused.exit_code, (tmp_path / "evidence2").exists()) == (10, False)


def rows() -> Iterator[Row]:
    """A ledger in which ids lead from one to the next."""
    for index, (event, fields) in enumerate((
        ("case.opened", {"case": "a" * 32}),
        ("case.opened", {"case": "b" * 32}),
        ("manifest.received", {"case": "a" * 32, "manifest": "c" * 64}),
        ("query.sent", {"manifest": "c" * 64, "query": "d" * 32, "department": "tax"}),
        ("query.refused", {"query": "e" * 32, "reason": "ticket_spent"}),
        ("answer.refused", {"query": "d" * 32, "reason": "deadline"}),
    )):  # fmt: skip
        yield Row(index, Entry(f"2026-11-23T08:00:0{index}Z", event, fields))


FILTERS = {
    "nothing": (Filter(), [0, 1, 2, 3, 4, 5]),
    "a case and all that is about it": (Filter(about=("a" * 8,)), [0, 2, 3, 5]),
    "a query": (Filter(about=("d" * 32,)), [3, 5]),
    "too few digits": (Filter(about=("a" * 7,)), []),
    "a kind of event": (Filter(events=("query",)), [3, 4]),
    "one event": (Filter(events=("query.sent", "case.opened")), [0, 1, 3]),
    "a department": (Filter(department="tax"), [3]),
    "a reason of a case": (Filter(about=("a" * 8,), reason="deadline"), [5]),
    "a time": (Filter(since="2026-11-23T08:00:02Z", until="2026-11-23T08:00:04Z"), [2, 3]),
}


@pytest.mark.parametrize(("wanted", "indices"), FILTERS.values(), ids=FILTERS.keys())
def test_filters(wanted: Filter, indices: list[int]) -> None:
    assert [row.index for row in wanted.rows(rows())] == indices


def test_with_a_look_ahead_a_query_leads_back_to_its_case() -> None:
    wanted = Filter(about=("d" * 32,))
    assert [row.index for row in wanted.rows(rows(), before=rows)] == [0, 2, 3, 5]
