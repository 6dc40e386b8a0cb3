"""A whole federation that version 1 left behind: upgraded, verified, and going on.

tests/data/version-1 says how it was made, by production commands of that version. Its processes
run in this one, with a clock that goes on from the moment at which they were stopped.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, inspect, select
from sqlalchemy import table as sql_table

from desk.client import authorizations, cases
from holder.store import SECRETS
from ledger import log
from ledger.verify.verdict import main as verify
from model.federation import Federation, Process
from runtime.process import create_database
from runtime.storage.copy import copy_ledger
from runtime.storage.schema import SCHEMA, STAMP
from runtime.storage.upgrade import FILE_NAME
from runtime.witness.verifiers import log_verifier
from tests.support.postgres import ENGINES, PostgresServer, keep_on_server
from tests.support.stored import NAMES, Stored, kind_of, unpack

OF_EACH_KIND = ("registrar", "coordinator", "tax")


def server_of(engine: str, request: pytest.FixtureRequest) -> PostgresServer | None:
    """The server where the engine needs one."""
    return None if engine == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture(scope="module", params=ENGINES)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stored]:
    """The federation of version 1, served by this program."""
    engine = request.param
    stored = unpack(engine, tmp_path_factory.mktemp(engine), server_of(engine, request))
    try:
        stored.start()
        yield stored
    finally:
        stored.stop()


@pytest.fixture(params=ENGINES)
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Stored:
    """The federation of version 1 as it was left."""
    return unpack(request.param, tmp_path / "stored", server_of(request.param, request))


def settled(served: Stored, case_id: str, *, wait_s: int = 90) -> Any:
    """The case once it runs no more."""
    with served.acting("officer-wang") as acting:
        case = cases.get_case(acting, case_id)
        found = cases.follow(acting, [case], wait_s=wait_s, progress=lambda _cases: None)
    return found[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_process_serves_a_database_of_the_newest_version(served: Stored, name: str) -> None:
    database, revisions = served.services[name].parts.database, kind_of(name).revisions
    assert served.facts["schema_version"][name] == revisions.oldest
    with database.read() as conn:
        assert conn.scalar(select(SCHEMA.c.version)) == revisions.newest
        assert list(conn.scalars(select(STAMP.c.version_num))) == [f"v{revisions.newest}"]
    assert served.told(name) == ["copying", "migrating", "committing", "committed", "copy_deleted"]
    assert list((served.home / name).rglob(f"*{FILE_NAME}*")) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_of_before_is_the_beginning_of_the_one_that_goes_on(
    served: Stored, name: str, tmp_path: Path
) -> None:
    before = served.facts["ledger"][name]
    database = served.services[name].parts.database
    with database.read() as conn:
        assert log.root(conn, before["size"]).hex() == before["root"]
        assert log.size(conn) > before["size"]
    federation = Federation.parse((served.home / "federation.toml").read_bytes())
    member = federation.member(name)
    assert isinstance(member, Process)
    file = tmp_path / "ledger.db"
    place = served.place(name)
    if isinstance(place, Path):
        database.backup(file)
    else:
        copy_ledger(place, file)
    assert (
        verify([str(file), "--key", log_verifier(federation, name, member.verify_key).vkey()]) == 0
    )


def test_a_case_that_waited_for_a_department_is_determined(served: Stored) -> None:
    waiting = served.facts["cases"]["asking"]
    assert waiting["state"] == "asking"
    case = settled(served, waiting["case_id"])
    assert case.state == "determined", case.reason


def test_a_case_that_was_midway_in_its_opening_is_determined(served: Stored) -> None:
    midway = served.facts["cases"]["opening"]
    assert midway["state"] == "opening"
    case = settled(served, midway["case_id"])
    assert case.state == "determined", case.reason


def test_what_was_determined_decided_and_erased_reads_as_before(served: Stored) -> None:
    with served.acting("officer-wang") as acting:
        found = {case.case_id: case for case in cases.all_cases(acting)}
    for why, was in served.facts["cases"].items():
        if was["state"] not in ("asking", "opening", "erased"):
            assert found[was["case_id"]].state == was["state"], why
    decided = found[served.facts["cases"]["decided, re-checked"]["case_id"]]
    assert [p.outcome for p in decided.programmes] == ["met"]


def test_a_letter_that_was_a_draft_is_put_into_force_and_asked_about(served: Stored) -> None:
    number = served.facts["letters"]["8"]
    with served.acting("checker-li") as acting:
        authorizations.confirm(acting, authorizations.read(acting, number))
    policy = cases.question(str(served.folder / "policy.toml"), [], "")
    with served.acting("officer-wang") as acting:
        (case,) = cases.open_cases(acting, [number], policy)
    assert settled(served, case.case_id).state == "determined"


@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_the_upgraded_tables_are_those_of_a_new_database(
    stored: Stored, name: str, request: pytest.FixtureRequest
) -> None:
    """Whoever changes a table and writes no migration, or another one, fails here."""
    with stored.open(name) as database, database.read() as conn:
        upgraded = shape(conn)
    fresh = stored.home / name
    place = stored.place(name)
    if isinstance(place, Path):
        place.rename(place.with_suffix(".old"))
    else:
        url = request.getfixturevalue("postgres").database()
        kept = (fresh / "process.toml").read_text().partition("\n")[2]
        (fresh / "process.toml").write_text(kept)
        keep_on_server(fresh, url)
    create_database(fresh, kind_of(name), federation="tour", clock=stored.clock)
    with stored.open(name) as database, database.read() as conn:
        new = shape(conn)
    assert upgraded == new


def shape(conn: Connection) -> dict[str, Any]:
    """Tables as the database itself describes them: columns, keys, constraints, indexes."""
    found = inspect(conn)
    return {table: _shape(found, table) for table in sorted(found.get_table_names())}


def _shape(found: Any, table: str) -> dict[str, Any]:
    columns = {
        c["name"]: (str(c["type"]), c["nullable"], str(c["default"]), bool(c.get("autoincrement")))
        for c in found.get_columns(table)
    }
    uniques = sorted(sorted(u["column_names"]) for u in found.get_unique_constraints(table))
    indexes = sorted(
        (i["name"], i["column_names"], bool(i["unique"])) for i in found.get_indexes(table)
    )
    foreign = sorted(
        (f["constrained_columns"], f["referred_table"], f["referred_columns"])
        for f in found.get_foreign_keys(table)
    )
    key = found.get_pk_constraint(table)["constrained_columns"]
    return {
        "columns": columns, "key": key, "uniques": uniques, "indexes": indexes, "foreign": foreign,
    }  # fmt: skip


FORGOTTEN = "revocations_seen"
"""Whose list it was does not stand in the rows of before: node/migrations/v4_requesters.py."""


def test_no_row_is_lost_and_holders_keep_masks_that_an_opening_still_needs(stored: Stored) -> None:
    for name in NAMES:
        with stored.open(name) as database, database.read() as conn:
            for table, count in stored.facts["rows"][name].items():
                if table == FORGOTTEN:
                    continue
                found = conn.scalar(select(func.count()).select_from(sql_table(table)))
                assert found == count, (name, table)
            if name in stored.facts["midway"]:
                kept = stored.facts["midway"][name]
                assert sorted(conn.scalars(select(SECRETS.c.name))) == sorted(kept), name
    assert {"masks", "numbers"} <= {s for held in stored.facts["midway"].values() for s in held}
