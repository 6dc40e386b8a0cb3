"""Logs are facts: no key that is not on the list, no message of an exception.

Tests design.md 7.3.
"""

import json
from pathlib import Path

import pytest

from runtime.counters import Counters
from runtime.logging import FileSink, Log, UnknownKey, describe
from tests.support.homes import FixedClock
from tests.support.logs import MemorySink

ID = "330102199001011234"


def a_log(*, strict: bool) -> tuple[Log, MemorySink, Counters]:
    sink, counters = MemorySink(), Counters()
    return (
        Log(sink, process="tax", clock=FixedClock(), counters=counters, strict=strict),
        sink,
        counters,
    )


def test_a_line_is_an_event_and_facts() -> None:
    log, sink, _ = a_log(strict=True)
    log.info("query.answered", query_id=b"\x01\x02", rules=6, duration_ms=41)
    line = sink.lines[0]
    assert list(line)[:3] == ["time", "level", "event"]
    assert {key: line[key] for key in ("level", "event", "process", "query_id", "rules")} == {
        "level": "info",
        "event": "query.answered",
        "process": "tax",
        "query_id": "0102",
        "rules": 6,
    }


FORBIDDEN = {
    "a key outside the list": ("query.answered", {"identifier": ID}),
    "a list, whose length is a count": ("query.answered", {"rules": [1, 2]}),
    "a float": ("query.answered", {"duration_ms": 1.5}),
    "an event that is a sentence": (f"asked about {ID}", {}),
}


@pytest.mark.parametrize(("event", "fields"), FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_anything_else_is_dropped_and_counted(event: str, fields: dict[str, object]) -> None:
    log, sink, counters = a_log(strict=False)
    log.info(event, **fields)
    assert ID not in json.dumps(sink.lines)
    assert not fields.keys() & sink.lines[0].keys()
    assert counters.snapshot() == {"log.dropped": 1}
    strict, _, _ = a_log(strict=True)
    with pytest.raises(UnknownKey):
        strict.info(event, **fields)


def test_an_exception_leaves_type_and_place_and_not_its_message() -> None:
    try:
        int(f"not a number {ID}")
    except ValueError as error:
        told = describe(error)
    assert told["error"] == "ValueError"
    assert told["where"].startswith("test_logging.py:")
    assert ID not in json.dumps(told)


def test_long_text_is_cut() -> None:
    log, sink, _ = a_log(strict=True)
    log.info("settings.read", path="x" * 1000)
    assert len(sink.lines[0]["path"]) == 201


def test_the_file_is_the_owners_and_survives_truncation(tmp_path: Path) -> None:
    path = tmp_path / "log" / "tax.jsonl"
    sink = FileSink(path)
    log = Log(sink, process="tax", clock=FixedClock(), strict=True)
    log.info("process.started")
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"")
    log.warning("process.stopped")
    sink.close()
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["event"] == "process.stopped"
