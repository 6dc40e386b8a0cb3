"""Every way to cheat with a stored or exported ledger, and what the offline verifier says.

Tests design.md 4.1, 4.9.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from crypto.signing import SigningKey
from ledger import checkpoint, log, log_export, merkle
from ledger.checkpoint import Checkpoint
from ledger.signer import LogSigner
from ledger.verify import verdict as verify
from runtime.storage.database import Database, open_database

SIGNER = LogSigner("hedui/test/node", SigningKey(bytes(range(32))))
KEY = SIGNER.verifier.vkey()
OTHER = LogSigner("hedui/test/other", SigningKey(bytes([7]) * 32))
SIZE = 1100  # one full block of the verifier and a part of one
CHECKPOINTS = (10, 20, 1030, SIZE)

NO_ROOT = merkle.Root(bytes(32))


def entry(index: int) -> bytes:
    return b'{"entry":%d}' % index


def grow(database: Database, entries: list[bytes], checkpoints: tuple[int, ...]) -> None:
    conn = database.writer_connection()
    for stop in sorted({*checkpoints, len(entries)}):
        with conn.begin():
            before = log.frontier(conn)
            log.append_many(conn, before, entries[before.size : stop])
            log.store_key(conn, KEY)
        if stop in checkpoints:
            with database.read() as reader:
                note = SIGNER.checkpoint(reader)
            with conn.begin():
                log.store_checkpoint(conn, stop, note)


@dataclass
class Evidence:
    """A closed database file and its bundle; attacks work on copies."""

    file: Path
    bundle: Path


def make(folder: Path, entries: list[bytes], checkpoints: tuple[int, ...]) -> Evidence:
    evidence = Evidence(folder / "node.db", folder / "bundle")
    with open_database(evidence.file, MetaData(), service="node", create=True) as database:
        grow(database, entries, checkpoints)
        with database.read() as conn:
            log_export.export(conn, evidence.bundle, signer=SIGNER)
    return evidence


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return make(tmp_path_factory.mktemp("log"), [entry(i) for i in range(SIZE)], CHECKPOINTS)


@pytest.fixture
def evidence(original: Evidence, tmp_path: Path) -> Evidence:
    shutil.copy(original.file, tmp_path / "node.db")
    shutil.copytree(original.bundle, tmp_path / "bundle")
    return Evidence(tmp_path / "node.db", tmp_path / "bundle")


def told(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, int]:
    code = verify.main(
        [str(path), "--key", KEY, "--key", OTHER.verifier.vkey(), "--json", *options]
    )
    (report,) = json.loads(capsys.readouterr().out)
    assert code == verify.CODES[report["kind"]]
    return code, report["kind"], report["index"]


def test_untouched_ledgers_are_intact(
    evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (evidence.file, evidence.bundle):
        assert told(path, capsys) == (0, "intact", -1)


def number(index: int) -> int:
    return merkle.node_number(0, index)


def rehash(db: sqlite3.Connection) -> None:
    """What an attacker without the signing key can do: make all hashes agree again."""
    entries = [row[0] for row in db.execute("SELECT entry FROM ledger_leaf ORDER BY idx")]
    _, nodes = merkle.Frontier().extend(merkle.leaf_hash(e) for e in entries)
    db.execute("DELETE FROM ledger_node")
    db.executemany("INSERT INTO ledger_node VALUES (?, ?)", enumerate(nodes))


def change_and_rehash(db: sqlite3.Connection) -> None:
    db.execute("UPDATE ledger_leaf SET entry = ? WHERE idx = 17", (b"{}",))
    rehash(db)


def remove_and_renumber(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM ledger_leaf WHERE idx = 17")
    for index in range(18, SIZE):
        db.execute("UPDATE ledger_leaf SET idx = ? WHERE idx = ?", (index - 1, index))


def insert_and_renumber(db: sqlite3.Connection) -> None:
    for index in range(SIZE - 1, 16, -1):
        db.execute("UPDATE ledger_leaf SET idx = ? WHERE idx = ?", (index + 1, index))
    db.execute("INSERT INTO ledger_leaf VALUES (17, ?)", (b"{}",))


def swap(db: sqlite3.Connection) -> None:
    for old, new in ((17, -1), (18, 17), (-1, 18)):
        db.execute("UPDATE ledger_leaf SET idx = ? WHERE idx = ?", (new, old))


def remove_with_hashes(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM ledger_leaf WHERE idx BETWEEN 16 AND 31")
    start, stop = merkle.node_count(16), merkle.node_count(32)
    db.execute("DELETE FROM ledger_node WHERE pos >= ? AND pos < ?", (start, stop))


def cut_off(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM ledger_leaf WHERE idx >= 1090")


def cut_off_cleanly(db: sqlite3.Connection) -> None:
    cut_off(db)
    db.execute("DELETE FROM ledger_node WHERE pos >= ?", (merkle.node_count(1090),))


def sign_another_history(db: sqlite3.Connection) -> None:
    """With the signing key: rewrite entry 1050 and sign the end anew; 1030 still holds."""
    db.execute("UPDATE ledger_leaf SET entry = ? WHERE idx = 5", (b"{}",))
    rehash(db)
    nodes = [row[0] for row in db.execute("SELECT hash FROM ledger_node ORDER BY pos")]
    root = merkle.root(SIZE, lambda numbers: [nodes[n] for n in numbers])
    note = checkpoint.sign(Checkpoint(SIGNER.origin, SIZE, root), SigningKey(bytes(range(32))))
    db.execute("UPDATE ledger_checkpoint SET note = ? WHERE size = ?", (note, SIZE))


def sql(statement: str, *values: object) -> Callable[[sqlite3.Connection], None]:
    def attack(db: sqlite3.Connection) -> None:
        assert db.execute(statement, values).rowcount > 0

    return attack


ON_THE_FILE = {
    "change an entry": (
        sql("UPDATE ledger_leaf SET entry = ? WHERE idx = 17", b"{}"), "modified", 17),
    "change an entry in the last block": (
        sql("UPDATE ledger_leaf SET entry = ? WHERE idx = 1050", b"{}"), "modified", 1050),
    "change an entry to text": (
        sql("UPDATE ledger_leaf SET entry = 'text' WHERE idx = 17"), "modified", 17),
    "change a stored hash": (
        sql("UPDATE ledger_node SET hash = ? WHERE pos = ?", bytes(32), number(17)),
        "modified", 17),
    "change a tree node": (
        sql("UPDATE ledger_node SET hash = ? WHERE pos = ?", bytes(32),
            merkle.node_number(3, 2)), "modified", 23),
    "change a tree node above a block": (
        sql("UPDATE ledger_node SET hash = ? WHERE pos = ?", bytes(32),
            merkle.node_number(10, 0)), "modified", 1023),
    "change a checkpoint": (
        sql("UPDATE ledger_checkpoint SET note = ? WHERE size = 20",
            SIGNER.verifier.vkey().encode()), "modified", -1),
    "put one checkpoint in the place of another": (
        sql("UPDATE ledger_checkpoint SET note = (SELECT note FROM ledger_checkpoint "
            "WHERE size = 10) WHERE size = 20"), "modified", 20),
    "sign a checkpoint with another key": (
        sql("UPDATE ledger_checkpoint SET note = ? WHERE size = 20",
            checkpoint.sign(Checkpoint(SIGNER.origin, 20, NO_ROOT), SigningKey(bytes(32)))),
        "modified", 20),
    "put in another log's checkpoint": (
        sql("INSERT INTO ledger_checkpoint VALUES (30, ?)",
            checkpoint.sign(Checkpoint(OTHER.origin, 30, NO_ROOT), SigningKey(bytes([7]) * 32))),
        "modified", 30),
    "change an entry and all hashes": (change_and_rehash, "modified", 10),
    "delete an entry": (sql("DELETE FROM ledger_leaf WHERE idx = 17"), "missing", 17),
    "delete a stored hash": (
        sql("DELETE FROM ledger_node WHERE pos = ?", number(17)), "missing", 17),
    "delete an entry and move up the rest": (remove_and_renumber, "missing", 17),
    "delete entries and their hashes": (remove_with_hashes, "gap", 16),
    "insert an entry": (insert_and_renumber, "modified", 17),
    "append an entry by hand": (
        sql("INSERT INTO ledger_leaf VALUES (?, ?)", SIZE, b"{}"), "missing", SIZE),
    "number an entry below zero": (
        sql("INSERT INTO ledger_leaf VALUES (-1, ?)", b"{}"), "modified", 0),
    "swap two entries": (swap, "modified", 17),
    "truncate": (cut_off, "truncated", 1090),
    "truncate with all hashes": (cut_off_cleanly, "truncated", 1090),
    "sign another history": (sign_another_history, "forked", 0),
}  # fmt: skip


@pytest.mark.parametrize(("attack", "kind", "index"), ON_THE_FILE.values(), ids=ON_THE_FILE.keys())
def test_the_file_shows_it(
    attack: Callable[[sqlite3.Connection], None],
    kind: str,
    index: int,
    evidence: Evidence,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with closing(sqlite3.connect(evidence.file)) as db:
        attack(db)
        db.commit()
    assert told(evidence.file, capsys) == (verify.CODES[kind], kind, index)


def lines(bundle: Path) -> list[bytes]:
    return (bundle / "entries" / "000000000000.jsonl").read_bytes().splitlines(keepends=True)


def rewrite(edit: Callable[[list[bytes]], object]) -> Callable[[Path], None]:
    def attack(bundle: Path) -> None:
        kept = lines(bundle)
        edit(kept)
        (bundle / "entries" / "000000000000.jsonl").write_bytes(b"".join(kept))

    return attack


def flip(name: str, at: int) -> Callable[[Path], None]:
    def attack(bundle: Path) -> None:
        data = bytearray((bundle / name).read_bytes())
        data[at] ^= 1
        (bundle / name).write_bytes(data)

    return attack


def remove(name: str) -> Callable[[Path], None]:
    return lambda bundle: (bundle / name).unlink()


def claim_fewer(bundle: Path) -> None:
    about = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps(about | {"entries": 1090}))


HASHES = "hashes/000000000000.bin"
ON_THE_BUNDLE = {
    "change an entry": (rewrite(lambda x: x.__setitem__(17, b"{}\n")), "modified", 17),
    "delete an entry": (rewrite(lambda x: x.pop(17)), "missing", 17),
    "insert an entry": (rewrite(lambda x: x.insert(17, b"{}\n")), "modified", 17),
    "append an entry": (rewrite(lambda x: x.append(b"{}\n")), "modified", SIZE),
    "swap two entries": (
        rewrite(lambda x: x.__setitem__(slice(17, 19), [x[18], x[17]])), "modified", 17),
    "truncate": (rewrite(lambda x: x.__delitem__(slice(1090, None))), "truncated", 1090),
    "cut within a line": (
        rewrite(lambda x: x.__setitem__(SIZE - 1, x[SIZE - 1][:-1])), "truncated", SIZE - 1),
    "truncate and claim fewer": (claim_fewer, "modified", 1090),
    "change a stored hash": (flip(HASHES, 32 * number(17)), "modified", 17),
    "change a checkpoint's root": (
        flip("checkpoints/000000000020.note", 25), "modified", 20),
    "change a checkpoint's signature": (
        flip("checkpoints/000000000020.note", -20), "modified", 20),
    "remove a checkpoint": (remove("checkpoints/000000000020.note"), "missing", -1),
    "remove the entries": (remove("entries/000000000000.jsonl"), "missing", 0),
    "remove the hashes": (remove(HASHES), "missing", 0),
    "remove the table of contents": (remove("bundle.json"), "unreadable", -1),
}  # fmt: skip


@pytest.mark.parametrize(
    ("attack", "kind", "index"), ON_THE_BUNDLE.values(), ids=ON_THE_BUNDLE.keys()
)
def test_the_bundle_shows_it(
    attack: Callable[[Path], None],
    kind: str,
    index: int,
    evidence: Evidence,
    capsys: pytest.CaptureFixture[str],
) -> None:
    attack(evidence.bundle)
    assert told(evidence.bundle, capsys) == (verify.CODES[kind], kind, index)


def test_a_chunk_that_is_left_out_is_a_gap(
    original: Evidence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ledger.export import Contents, write_bundle

    entries = [entry(i) for i in range(3000)]
    frontier, nodes = merkle.Frontier().extend(merkle.leaf_hash(e) for e in entries)
    head = checkpoint.sign(
        Checkpoint(SIGNER.origin, 3000, frontier.root()), SigningKey(bytes(range(32)))
    )
    contents = Contents(SIGNER.origin, 3000, entries, nodes, [(3000, head)], [KEY])
    write_bundle(tmp_path / "b", contents, chunk=1024)
    assert told(tmp_path / "b", capsys)[1] == "intact"
    for kind in ("entries/000000001024.jsonl", "hashes/000000001024.bin"):
        (tmp_path / "b" / kind).unlink()
    assert told(tmp_path / "b", capsys)[1:] == ("gap", 1024)
    for kind in ("entries/000000002048.jsonl", "hashes/000000002048.bin"):
        (tmp_path / "b" / kind).unlink()
    assert told(tmp_path / "b", capsys)[1:] == ("truncated", 1024)


def test_an_old_backup_is_caught_by_a_checkpoint_that_a_peer_kept(
    original: Evidence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = make(tmp_path, [entry(i) for i in range(20)], (10, 20))
    kept = original.bundle / "checkpoints" / f"{SIZE:012d}.note"
    assert told(old.file, capsys)[1] == "intact"
    assert told(old.file, capsys, "--checkpoint", str(kept))[1:] == ("truncated", 20)


def test_two_histories_are_a_fork(
    original: Evidence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One log, two faces: each is intact alone, together they are not."""
    other = make(tmp_path, [entry(i) for i in range(15)] + [b"{}"] * 10, (10, 20, 25))
    assert told(other.bundle, capsys)[1] == "intact"
    code = verify.main([str(original.bundle), str(other.bundle), "--key", KEY, "--json"])
    kinds = [report["kind"] for report in json.loads(capsys.readouterr().out)]
    assert (code, sorted(kinds)) == (verify.CODES["forked"], ["forked", "intact"])


def test_a_live_file_copied_without_its_log_is_never_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The write-ahead log holds the newest commits; a copy without it is shorter, or broken."""
    entries = [entry(i) for i in range(50)]
    with open_database(tmp_path / "live.db", MetaData(), service="node", create=True) as database:
        grow(database, entries[:20], (20,))
        with closing(sqlite3.connect(tmp_path / "live.db")) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        grow(database, entries, (50,))
        with database.read() as conn:
            kept = tmp_path / "kept.note"
            kept.write_bytes(SIGNER.checkpoint(conn))
        shutil.copy(tmp_path / "live.db", tmp_path / "copy.db")
        shutil.copy(tmp_path / "live.db", tmp_path / "both.db")
        shutil.copy(tmp_path / "live.db-wal", tmp_path / "both.db-wal")
    assert told(tmp_path / "copy.db", capsys) == (0, "intact", -1)
    assert told(tmp_path / "copy.db", capsys, "--checkpoint", str(kept))[1:] == ("truncated", 20)
    for whole in ("live.db", "both.db"):
        assert told(tmp_path / whole, capsys, "--checkpoint", str(kept))[1] == "intact"


NOTHING = {
    "an empty folder": (lambda path: path.mkdir(), "unreadable"),
    "a text file": (lambda path: path.write_text("entries"), "unreadable"),
    "nothing at all": (lambda path: None, "unreadable"),
    "a torn database": (lambda path: path.write_bytes(b"SQLite format 3\x00" * 64), "unreadable"),
}


@pytest.mark.parametrize(("build", "kind"), NOTHING.values(), ids=NOTHING.keys())
def test_what_is_no_ledger_is_an_error(
    build: Callable[[Path], object],
    kind: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    build(tmp_path / "x")
    assert told(tmp_path / "x", capsys)[1] == kind


def test_an_empty_log_is_nothing_to_verify(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_database(tmp_path / "e.db", MetaData(), service="node", create=True).close()
    assert told(tmp_path / "e.db", capsys)[1] == "nothing"


def test_without_the_right_key_nothing_is_signed(
    evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = LogSigner("hedui/test/other", SigningKey(bytes(32))).verifier.vkey()
    assert verify.main([str(evidence.file), "--key", stranger]) == verify.CODES["unsigned"]
    impostor = LogSigner("hedui/test/node", SigningKey(bytes(32))).verifier.vkey()
    assert verify.main([str(evidence.file), "--key", impostor]) == verify.CODES["modified"]
    assert "hand in" in capsys.readouterr().out


def test_the_sentence_names_the_entry(
    evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(lambda x: x.__setitem__(17, b"{}\n"))(evidence.bundle)
    verify.main([str(evidence.bundle)])
    assert "broken at entry 17: the entry was modified" in capsys.readouterr().out
