"""What may go wrong around an upgrade: killed at any moment, no room, a bad migration, a newer one.

The migrations here are the real ones of each kind and one more, written by the test: the version
that somebody will write next.
"""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, String, create_engine, inspect, select
from sqlalchemy import table as sql_table

from crypto.errors import OpenError
from crypto.rng import system_rng
from crypto.sealing import AtRestKey
from ledger import log
from runtime.errors import StorageError
from runtime.storage.faults import DatabaseForeign, DatabaseUnusable
from runtime.storage.revisions import Revisions
from runtime.storage.schema import SCHEMA, STAMP
from runtime.storage.sealed_copy import read_copy, unseal
from runtime.storage.upgrade import FILE_NAME
from simulations.federation import LocalFederation
from tests.support.postgres import ENGINES
from tests.support.stored import ROOT, Stored, kind_of, unpack

NEXT = '''
"""Every kind of change at once."""

import os
import signal

from runtime.storage.migrate import add_column, op, sa

revision = "v{version}"
down_revision = "v{before}"


def at(moment):
    if os.environ.get("KILL_AT") == moment:
        os.kill(os.getpid(), signal.SIGKILL)


def upgrade():
    at("before the first change")
    op.create_table("new_one", sa.Column("id", sa.Integer, primary_key=True))
    at("after the first change")
    add_column("policy", sa.Column("told", sa.String(8), nullable=False), fill="nobody")
    op.create_index("ix_policy_told", "policy", ["told"])
    at("after the last change")
    {more}
'''
STEPS = ("copying", "migrating", "committing", "committed", "copy_deleted")
MOMENTS = (*STEPS, "before the first change", "after the first change", "after the last change")
NEW_FROM = ("committed", "copy_deleted")
CHILD = """
import os, signal, sys
from pathlib import Path
from runtime.storage.revisions import Revisions
from tests.support.stored import resume

def tell(step, _version):
    if step == os.environ["KILL_AT"]:
        os.kill(os.getpid(), signal.SIGKILL)

stored = resume(Path(sys.argv[1]))
stored.open(sys.argv[2], revisions=Revisions.read(Path(sys.argv[3])), tell=tell).close()
"""


def next_version(name: str, folder: Path, more: str = "pass") -> Revisions:
    """The migrations of a kind, and one more."""
    now = kind_of(name).revisions
    assert now.folder is not None
    shutil.copytree(now.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = NEXT.format(version=now.newest + 1, before=now.newest, more=more)
    (folder / f"v{now.newest + 1}_next.py").write_text(text)
    return Revisions.read(folder)


@pytest.fixture(params=ENGINES)
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Stored:
    """The federation of version 1 as it was left."""
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    return unpack(request.param, tmp_path / "stored", server)


@pytest.fixture
def in_file(tmp_path: Path) -> Stored:
    """The same, in SQLite."""
    return unpack("sqlite", tmp_path / "stored")


def left_over(stored: Stored, name: str) -> list[str]:
    """Copies in a process's folder, whole or not."""
    return sorted(p.name for p in (stored.home / name / "data").iterdir() if FILE_NAME in p.name)


def root_of(stored: Stored, name: str) -> str:
    """Root of the ledger as it was when the federation was stopped."""
    root: str = stored.facts["ledger"][name]["root"]
    return root


@pytest.mark.parametrize("name", ["registrar", "coordinator", "social-security"])
def test_the_next_version_adds_its_tables_and_columns(
    stored: Stored, name: str, tmp_path: Path
) -> None:
    """social-security holds masked numbers, the coordinator a case in hand."""
    revisions = next_version(name, tmp_path / "next")
    for _ in range(2):
        with stored.open(name, revisions=revisions) as database, database.read() as conn:
            assert conn.scalar(select(SCHEMA.c.version)) == revisions.newest
            assert list(conn.scalars(select(STAMP.c.version_num))) == [f"v{revisions.newest}"]
            assert inspect(conn).has_table("new_one")
            (told,) = (c for c in inspect(conn).get_columns("policy") if c["name"] == "told")
            assert (told["nullable"], told["default"]) == (False, None)
            policies = sql_table("policy", Column("told", String))
            assert set(conn.scalars(select(policies.c.told))) == {"nobody"}
            assert log.head(conn).root.hex() == root_of(stored, name)
        assert left_over(stored, name) == []


@pytest.mark.parametrize("name", ["registrar", "coordinator", "tax"])
def test_a_newer_database_is_refused_in_words(stored: Stored, name: str, tmp_path: Path) -> None:
    revisions = next_version(name, tmp_path / "next")
    stored.open(name, revisions=revisions).close()
    newest = kind_of(name).revisions.newest
    for _ in range(2):
        with pytest.raises(DatabaseForeign) as caught:
            stored.start(name)
        assert str(caught.value).endswith(
            f"has schema version {newest + 1}, this program knows {newest}: it was written by "
            "newer software; install that software again, or restore a backup from before it was "
            "upgraded"
        )
    with stored.open(name, revisions=revisions) as database, database.read() as conn:
        assert log.head(conn).root.hex() == root_of(stored, name)


@pytest.mark.parametrize("engine", ENGINES)
def test_killed_at_any_moment_it_is_the_old_one_or_the_new_one(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server = None if engine == "sqlite" else request.getfixturevalue("postgres")
    moments = MOMENTS if engine == "sqlite" else (*NEW_FROM, "committing", "after the last change")
    name = "social-security"
    revisions = next_version(name, tmp_path / "next")
    for moment in moments:
        again = unpack(engine, tmp_path / moment.replace(" ", "-"), server)
        child = _killed(again, name, revisions, moment)
        assert child.returncode == -9, child.stderr
        assert (child.stdout, child.stderr) == ("", "")
        _as_one_version(again, name, revisions, new=moment in NEW_FROM, moment=moment)
        told = _opened(again, name, revisions)
        expected = list(STEPS)
        if moment in NEW_FROM:
            expected = ["copy_deleted"] if moment == "committed" else []
        assert told == expected, moment
        assert left_over(again, name) == []


def _opened(stored: Stored, name: str, revisions: Revisions) -> list[str]:
    """Open it for good; return the steps that were told."""
    told: list[str] = []
    with (
        stored.open(name, revisions=revisions, tell=lambda step, _: told.append(step)) as database,
        database.read() as conn,
    ):
        assert log.head(conn).root.hex() == root_of(stored, name)
    return told


def _killed(
    stored: Stored, name: str, revisions: Revisions, moment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(stored.folder), name, str(revisions.folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'python'}", "KILL_AT": moment},
        check=False,
        timeout=120,
    )


@contextmanager
def looking(stored: Stored, name: str) -> Iterator[Connection]:
    """A connection past everything that opening a database does."""
    place = stored.place(name)
    url = f"sqlite:///{place}" if isinstance(place, Path) else place.replace(":", "+psycopg:", 1)
    engine = create_engine(url)
    try:
        with engine.connect() as conn:
            yield conn
    finally:
        engine.dispose()


def _as_one_version(
    stored: Stored, name: str, revisions: Revisions, *, new: bool, moment: str
) -> None:
    """What lies there is one version as a whole."""
    wanted = revisions.newest if new else stored.facts["schema_version"][name]
    with looking(stored, name) as conn:
        assert conn.scalar(select(SCHEMA.c.version)) == wanted, moment
        assert inspect(conn).has_table("new_one") == new, moment
        assert inspect(conn).has_table(STAMP.name) == new, moment
        assert ("told" in {c["name"] for c in inspect(conn).get_columns("policy")}) == new, moment


FAULTS: dict[str, tuple[str, str]] = {
    "a statement that fails": ('op.execute("insert into nowhere values (1)")', "nowhere"),
    "a row that refers to none": (
        "op.execute(\"update case_ticket set case_id = 'none'\")",
        "case_ticket",
    ),
    "a ledger that is another": (
        'op.execute("delete from ledger_leaf where idx = 1")\n'
        '    op.execute("delete from ledger_node where pos < 9")',
        "ledger",
    ),
    "a shorter ledger": (
        'op.execute("delete from ledger_leaf where idx > 9")\n'
        '    op.execute("delete from ledger_node where pos > 17")',
        "another ledger",
    ),
}


@pytest.mark.parametrize(("statement", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_migration_that_goes_wrong_changes_nothing(
    stored: Stored, statement: str, words: str, tmp_path: Path
) -> None:
    revisions = next_version("coordinator", tmp_path / "next", statement)
    for _ in range(2):
        with pytest.raises(DatabaseUnusable) as caught:
            stored.open("coordinator", revisions=revisions)
        said = str(caught.value)
        assert "could not be upgraded from schema version 2 to " in said
        assert words in said
        assert "Nothing in it was changed, and its sealed copy" in said
        assert left_over(stored, "coordinator") == [FILE_NAME]
    _as_one_version(stored, "coordinator", revisions, new=False, moment="a fault")
    # The program that does it right takes it up, and the old copy goes.
    stored.open("coordinator").close()
    assert left_over(stored, "coordinator") == []


def _no_folder(stored: Stored) -> str:
    data = stored.home / "tax" / "data"
    (data / f".{FILE_NAME}.part").mkdir()
    return "its copy could not be written"


def _torn(stored: Stored) -> str:
    _change(stored, "delete from ledger_node where pos = 0")
    return "misses tree nodes"


def _other_entry(stored: Stored) -> str:
    _change(stored, "update ledger_leaf set entry = x'7b7d' where idx = 3")
    return "the tree of its ledger is not that of its entries"


def _stamped(stored: Stored) -> str:
    _change(stored, "create table alembic_version (version_num varchar(32) not null)")
    _change(stored, "insert into alembic_version values ('v99')")
    return "it was changed by other means"


def _ancient(stored: Stored) -> str:
    _change(stored, "update database_schema set version = 1")
    return "has schema version 1, this program upgrades from 2 on"


def _change(stored: Stored, statement: str) -> None:
    with closing(sqlite3.connect(stored.place("tax"))) as conn, conn:
        conn.execute(statement)


REFUSED: dict[str, Callable[[Stored], str]] = {
    "no place for the copy": _no_folder,
    "a tree that misses a node": _torn,
    "an entry that was changed": _other_entry,
    "a stamp that is not ours": _stamped,
    "a version from before": _ancient,
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED.keys())
def test_a_database_that_is_not_as_it_should_be_is_not_upgraded(
    in_file: Stored, build: Callable[[Stored], str]
) -> None:
    words = build(in_file)
    for _ in range(2):
        with pytest.raises(StorageError) as caught:
            in_file.open("tax")
        assert words in str(caught.value)


def test_another_processs_database_is_not_upgraded(in_file: Stored) -> None:
    banks = in_file.home / "banks" / "data" / "banks.db"
    shutil.copy(banks, in_file.home / "tax" / "data" / "tax.db")
    with pytest.raises(DatabaseForeign, match="holds the ledger of hedui/tour/banks"):
        in_file.start("tax")
    _as_one_version(in_file, "tax", kind_of("tax").revisions, new=False, moment="another's")
    assert left_over(in_file, "tax") == []


class Stopped(Exception):
    """Raised to look at what lies there in the middle."""


def _stop_at(moment: str) -> Callable[[str, int], None]:
    def tell(step: str, _version: int) -> None:
        if step == moment:
            raise Stopped

    return tell


def _copy_of(stored: Stored, name: str) -> Path:
    with pytest.raises(Stopped):
        stored.open(name, tell=_stop_at("migrating"))
    return stored.home / name / "data" / FILE_NAME


@pytest.mark.parametrize("name", ["registrar", "coordinator", "tax", "social-security"])
def test_the_copy_is_sealed_whole_and_without_masks(
    stored: Stored, name: str, tmp_path: Path
) -> None:
    path = _copy_of(stored, name)
    assert path.stat().st_mode & 0o777 == 0o600
    raw = path.read_bytes()
    for word in (b"SQLite", b"ledger_leaf", b"CREATE", b"process.started", b"tour-policy"):
        assert word not in raw
    head, tables = read_copy(path, stored.kek(name))
    assert head["version"] == stored.facts["schema_version"][name]
    counts = {table.name: sum(1 for _ in table.rows) for table in tables}
    wanted = dict(stored.facts["rows"][name])
    wanted.pop("sqlite_sequence", None)
    assert counts == {t: n for t, n in wanted.items() if t != "holder_secret"}
    if name == "social-security":
        assert wanted["holder_secret"] > 0
    assert unseal(path, tmp_path / "copy.db", kek=stored.kek(name)) == sum(counts.values())
    assert b"masks" not in (tmp_path / "copy.db").read_bytes()


def test_a_copy_of_sqlite_is_the_database_of_before(in_file: Stored, tmp_path: Path) -> None:
    """Brought back with the program before: here, this one upgrades it once more."""
    path = _copy_of(in_file, "tax")
    database = in_file.home / "tax" / "data" / "tax.db"
    for old in database.parent.glob("tax.db*"):
        old.unlink()
    unseal(path, database, kek=in_file.kek("tax"))
    in_file.start("tax")
    try:
        started = in_file.ledger("tax", event_name="process.started")
        assert len(started) > 1
    finally:
        in_file.stop()


def test_a_command_writes_a_kept_copy_out_and_its_ledger_verifies(
    in_file: Stored, tmp_path: Path
) -> None:
    run, out = LocalFederation(in_file.home), tmp_path / "before.db"
    said = run.attempt("hedui", "ledger", "unseal", "coordinator", "--to", str(out))
    assert (said.returncode, "no upgrade of coordinator left a copy" in said.stderr) == (3, True)
    _copy_of(in_file, "coordinator")
    assert " rows" in run.hedui("ledger", "unseal", "coordinator", "--to", str(out))
    assert "intact" in run.hedui("ledger", "verify", str(out))
    again = run.attempt("hedui", "ledger", "unseal", "coordinator", "--to", str(out))
    assert (again.returncode, "already exists" in again.stderr) == (3, True)
    (in_file.home / "coordinator" / "keys" / "kek").write_text("00" * 32 + "\n")
    other = run.attempt("hedui", "ledger", "unseal", "coordinator", "--to", str(tmp_path / "o"))
    assert (other.returncode, "Is the kek that of coordinator?" in other.stderr) == (3, True)


CHANGED: dict[str, Callable[[bytes], bytes]] = {
    "a bit": lambda b: b[:-40] + bytes([b[-40] ^ 1]) + b[-39:],
    "cut in a record": lambda b: b[:-5],
    "cut to its head": lambda b: b[:80],
    "empty": lambda _: b"",
    "something behind it": lambda b: b + b"\0\0\0\x1c" + bytes(28),
    "another key in it": lambda b: b[:25] + bytes([b[25] ^ 1]) + b[26:],
    "its last record alone": lambda b: b[:80] + _records(b)[-1],
    "without its last record": lambda b: b[:80] + b"".join(_records(b)[:-1]),
    "two records exchanged": lambda b: b[:80] + b"".join(
        [_records(b)[1], _records(b)[0], *_records(b)[2:]]
    ),
}  # fmt: skip


def _records(copy: bytes) -> list[bytes]:
    found, at = [], 80
    while at < len(copy):
        size = 4 + int.from_bytes(copy[at : at + 4], "big")
        found.append(copy[at : at + size])
        at += size
    return found


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_a_copy_that_was_changed_does_not_open(
    change: Callable[[bytes], bytes], one_copy: tuple[Path, AtRestKey], tmp_path: Path
) -> None:
    path, kek = one_copy
    assert len(_records(path.read_bytes())) > 1
    changed = tmp_path / "changed"
    changed.write_bytes(change(path.read_bytes()))
    with pytest.raises(OpenError):
        unseal(changed, tmp_path / "out.db", kek=kek)
    assert not (tmp_path / "out.db").exists()
    with pytest.raises(OpenError):
        unseal(path, tmp_path / "out.db", kek=AtRestKey.generate(rng=system_rng))


@pytest.fixture(scope="module")
def one_copy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, AtRestKey]:
    """A copy, and the key that it opens under."""
    stored = unpack("sqlite", tmp_path_factory.mktemp("copy"))
    return _copy_of(stored, "coordinator"), stored.kek("coordinator")
