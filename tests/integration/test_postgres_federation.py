"""Whole processes on PostgreSQL: six, a database each, on one server that comes and goes.

Tests design.md 5.6, 5.10.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hedui.v1 import ledger_pb2
from hedui.v1.ledger_pb2_grpc import LedgerServiceStub
from ledger.verify.verdict import main as verify
from model.reasons import Reason
from runtime.errors import Refused
from runtime.process import Service
from runtime.site.joining import DatabasePlace
from runtime.storage.copy import copy_ledger
from runtime.storage.faults import DatabaseInUse, DatabaseUnusable
from runtime.witness.verifiers import log_verifier
from tests.support.bench import Bench, Bend, exported, reconciled
from tests.support.county import PROCESSES, _kind, make_county, serve_county
from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.serving import check_health

NAMES = [name for name, _, _, _ in PROCESSES]


@pytest.fixture(scope="module")
def places(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, DatabasePlace]:
    """A database for each process; the tax office's node gives a password."""
    file = tmp_path_factory.mktemp("passwords") / "tax"
    file.write_text(PASSWORD + "\n")
    file.chmod(0o600)
    found = {name: DatabasePlace(postgres.database()) for name in NAMES}
    url = postgres.database("owner guarded").replace("hedui@", "guarded@")
    return found | {"tax": DatabasePlace(url, str(file))}


@pytest.fixture(scope="module")
def served(
    places: dict[str, DatabasePlace], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """The federation of tests/support/county.py, without an SQLite file anywhere."""
    county = make_county(tmp_path_factory.mktemp("postgres") / "home", databases=places)
    try:
        serve_county(county)
        yield Bench(county, {name: Bend() for name in NAMES})
    finally:
        county.stop()


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, a minute at most."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in a minute")


def test_a_household_is_verified_and_every_ledger_agrees(served: Bench, tmp_path: Path) -> None:
    (case,) = served.verify(served.county.authorize(1, 2))
    outcomes = {rule.rule: rule.outcome for rule in case.programmes[0].rules}
    assert outcomes == {"income_low": "met", "one_home": "met", "small_home": "met"}
    result = reconciled(served, exported(served, tmp_path / "all"))
    assert (result.findings, result.open, result.absent) == ([], [], [])
    assert list(served.county.home.rglob("*.db")) == []


def test_no_second_process_opens_a_log(served: Bench) -> None:
    second = Service(_kind("tax"), home=served.county.home, name="tax")
    with pytest.raises(DatabaseInUse, match="in use by another process"):
        second.start()


def test_a_server_that_goes_away_is_a_bounded_refusal_and_then_all_goes_on(
    served: Bench, postgres: PostgresServer, tmp_path: Path
) -> None:
    number = served.household()
    services = served.county.services
    postgres.stop()
    begun = time.monotonic()
    try:
        with served.county.acting("rosa") as acting, pytest.raises(Refused) as caught:
            request = ledger_pb2.GetCheckpointRequest()
            acting.call("bank", LedgerServiceStub, "GetCheckpoint", request)
        assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
        with pytest.raises(Refused) as caught:
            served.open(number)
        assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
        assert time.monotonic() - begun < 60
        # Nobody wrote to the others: they find out by themselves.
        addresses = [service.health.address for service in services.values()]
        until(lambda: not any(check_health(address, timeout_s=5) for address in addresses))
    finally:
        postgres.start()
    until(lambda: all(check_health(address, timeout_s=5) for address in addresses))
    (case,) = served.verify(number)
    assert case.programmes
    result = reconciled(served, exported(served, tmp_path / "all"))
    assert (result.findings, result.open, result.absent) == ([], [], [])


def test_a_case_that_the_server_leaves_in_the_middle_goes_on(
    served: Bench, postgres: PostgresServer
) -> None:
    cases = served.open(*served.households(3))
    postgres.stop()
    postgres.start()
    for case in served.follow(cases, wait_s=60):
        assert case.programmes, (case.state, case.reason)


def test_a_copy_of_the_ledger_is_verified_offline(
    served: Bench, places: dict[str, DatabasePlace], postgres: PostgresServer, tmp_path: Path
) -> None:
    served.county.stop("police")
    url, file = places["police"].url, tmp_path / "police.db"
    federation = served.county.federation
    (member,) = (process for process in federation.process if process.name == "police")
    key = log_verifier(federation, "police", member.verify_key).vkey()
    size = copy_ledger(url, file)
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("select count(*) from ledger_leaf").fetchone() == (size,)
    assert verify([str(file), "--key", key]) == 0
    flip = "update ledger_leaf set entry = set_byte(entry, 9, get_byte(entry, 9) # 1) where idx = 3"
    postgres.execute(flip, url.rpartition("/")[2])
    copy_ledger(url, tmp_path / "changed.db")
    assert verify([str(tmp_path / "changed.db"), "--key", key]) == 10
    postgres.execute(flip, url.rpartition("/")[2])
    served.county.start("police")
    with pytest.raises(DatabaseUnusable, match="already exists"):
        copy_ledger(url, file)
    with pytest.raises(DatabaseUnusable, match="holds no ledger"):
        copy_ledger(postgres.database(), tmp_path / "none.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changed.db", "police.db"]


def test_no_log_and_no_settings_hold_the_password(served: Bench) -> None:
    for path in served.county.home.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path
    log = (served.county.home / "bank" / "log" / "bank.jsonl").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    events = [line["event"] for line in lines if line["event"].startswith("ledger.")]
    assert events[:2] == ["ledger.unavailable", "ledger.available"]
    (cause, *_) = [line["cause"] for line in lines if line["event"] == "ledger.unavailable"]
    assert cause.startswith("postgresql://hedui@127.0.0.1"), cause
