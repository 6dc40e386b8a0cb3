"""What a department's node keeps of a query: nothing that says who was asked about.

Tests design.md 1.3.
"""

import base64
import sqlite3
from contextlib import closing
from pathlib import Path

from coordinator.process import build_desk
from hedui.v1 import common_pb2
from model.documents.query import Ticket
from tests.support.bench import Bench
from tests.support.county import INCOMES

KNOWN = 83
"""In the tax office's file and index; the other member is in nobody's."""


def pseudonyms(bench: Bench, case: str) -> list[bytes]:
    """Those of the ticket for the tax office."""
    desk = build_desk(bench.county.services["coordinator"].parts)
    row = next(t for t in desk.journal.tickets(case) if t.department == "tax")
    body = common_pb2.SignedDocument.FromString(row.ticket).body
    return [bytes.fromhex(p) for p in Ticket.decode(body).pseudonyms]


def tables(path: Path) -> dict[str, bytes]:
    """The contents of each table, all values after one another."""
    found = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        names = conn.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (name,) in names:
            rows = conn.execute(f'select * from "{name}"').fetchall()  # noqa: S608
            values = [v for row in rows for v in row if v is not None]
            found[name] = b"\n".join(v if type(v) is bytes else str(v).encode() for v in values)
    return found


def spelled(data: bytes) -> tuple[bytes, ...]:
    return data, data.hex().encode(), base64.b64encode(data)[:-4]


def holds(haystack: bytes, needle: bytes) -> bool:
    return any(form in haystack for form in spelled(needle))


def test_no_pseudonym_of_a_query_stays_at_a_node(bench: Bench) -> None:
    bench.county.load("tax", "tax.wages", INCOMES | {KNOWN: "1000.00"})
    stranger, bench.next_person = bench.next_person, bench.next_person + 1
    (case,) = bench.verify(bench.county.authorize(KNOWN, stranger))
    assert case.state == "determined"
    folder = bench.county.home / "tax"
    asked = pseudonyms(bench, case.case_id)
    paths = [p for name in ("data", "log", "run") for p in (folder / name).rglob("*")]
    files = {p.name: p.read_bytes() for p in paths if p.is_file()}
    seen = [p for p in asked if any(holds(data, p) for data in files.values())]
    assert len(asked) == 2
    assert len(seen) == 1, "of the stranger there is nothing, in no file"
    # The other one is in the index of the node's own people, asked about or not.
    kept = tables(next((folder / "data").glob("*.db")))
    assert kept["query"], "the query itself is kept"
    where = [name for name, contents in kept.items() if holds(contents, seen[0])]
    assert where == ["pseudonym"]
