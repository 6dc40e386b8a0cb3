"""A real process whose disk fails under it: refused with a reason, NOT_SERVING, then resumed.

The kernel's answers are bent with strace where the machine lets a process be traced; a lock and a
file that is gone are real ones.

Tests design.md 4.4.
"""

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from hedui.v1 import ledger_pb2
from hedui.v1.ledger_pb2_grpc import LedgerServiceStub
from ledger.event import decode
from ledger.verify import verdict as verify
from model.reasons import Reason
from model.roles import Role
from runtime import errors
from runtime.clock import SystemClock
from runtime.process import Assembly, Kind, create_database
from runtime.site.endpoints import Endpoints, RunFile
from runtime.site.identity import load_person
from runtime.transport.channel import Dialer
from tests.support.homes import Home, make_home
from tests.support.serving import await_serving, check_health, spawn
from tests.support.strace import attached, require_strace

BOUND_S = 20
"""Within which everything is refused, or healed: far above the process's own limit of 0.5 s."""


@dataclass
class Site:
    """The process, and who reads its ledger: each reading is an entry."""

    home: Home
    child: "subprocess.Popen[bytes]"
    run: RunFile
    reviewer: Dialer

    @property
    def database(self) -> Path:
        """Its file."""
        return self.home.path / "tax" / "data" / "tax.db"

    @property
    def log(self) -> Path:
        """Its log."""
        return self.home.path / "tax" / "log" / "tax.jsonl"

    @property
    def trace(self) -> Path:
        """What strace writes."""
        return self.home.path / "trace"

    @property
    def serving(self) -> bool:
        """What its health server says."""
        return check_health(self.run.health_address, timeout_s=BOUND_S)

    def read(self) -> list[str]:
        """Events of its ledger; reading them is ledgered first."""
        replies = self.reviewer.stream(
            "tax", LedgerServiceStub, "ReadEntries", ledger_pb2.ReadEntriesRequest(),
            timeout_s=BOUND_S,
        )  # fmt: skip
        return [decode(leaf).event for reply in replies for leaf in reply.leaves]

    def refused(self) -> None:
        """The next reading is refused, with the reason and nothing else."""
        with pytest.raises(errors.Refused) as caught:
            self.read()
        assert caught.value.reason is Reason.LEDGER_UNAVAILABLE
        assert "tax.db" not in str(caught.value), "the path is for inside"

    def await_health(self, serving: bool) -> None:
        """Look until health says so."""
        end = time.monotonic() + BOUND_S
        while self.serving is not serving:
            assert time.monotonic() < end
            time.sleep(0.02)

    def logged(self, event: str) -> list[str]:
        """Causes that the log gives with this event."""
        lines = map(json.loads, self.log.read_text().splitlines())
        return [line.get("cause", "") for line in lines if line["event"] == event]

    def end(self) -> None:
        """Stop it, in good order; its ledger verifies."""
        self.child.send_signal(signal.SIGTERM)
        assert self.child.wait(30) == 0
        assert self.child.stderr is not None
        assert self.child.stderr.read() == b""
        assert verify.main([str(self.database)]) == 0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    home = make_home(tmp_path / "home")
    kind = Kind(Role.NODE, MetaData(), lambda _parts: Assembly([]))
    with (home.path / "tax" / "process.toml").open("a") as file:
        file.write("ledger_timeout_ms = 500\n")
    create_database(home.path / "tax", kind, federation="hexi", clock=SystemClock())
    child = spawn(home, "signal")
    try:
        run = await_serving(home, child)
        with Dialer(
            federation=home.federation(),
            identity=load_person(home.path, "rosa")[1],
            endpoints=Endpoints(home.path),
            clock=SystemClock(),
        ) as reviewer:
            yield Site(home, child, run, reviewer)
    finally:
        child.kill()
        child.wait()


Fault = Callable[[Site], AbstractContextManager[object]]


def kernel(fault: str) -> Fault:
    """The kernel answers so to calls on the database's files."""

    def put_in(site: Site) -> AbstractContextManager[object]:
        require_strace()
        files = [site.database, site.database.with_name("tax.db-wal")]
        return attached(site.child.pid, files, site.trace, fault)

    return put_in


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Somebody's tool holds the file's lock."""
    other = sqlite3.connect(site.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


@contextmanager
def moved(site: Site) -> Iterator[None]:
    """The file is not there."""
    away = site.database.with_suffix(".away")
    site.database.rename(away)
    try:
        yield
    finally:
        away.rename(site.database)


WRITES, SYNCS = "pwrite64", "fdatasync"
FAULTS: dict[str, tuple[Fault, str]] = {
    "disk full": (kernel(f"{WRITES}:error=ENOSPC"), "SQLITE_FULL"),
    "read-only file system": (kernel(f"{WRITES}:error=EROFS"), "SQLITE_IOERR"),
    "I/O error at writing": (kernel(f"{WRITES}:error=EIO"), "SQLITE_IOERR"),
    "I/O error at syncing": (kernel(f"{SYNCS}:error=EIO"), "SQLITE_IOERR"),
    "hanging disk": (kernel(f"{SYNCS}:delay_enter=3000000"), "the disk hangs or is overloaded"),
    "locked database": (locked, "no write was finished within 0.5 s"),
    "file moved away": (moved, "cannot be found any more"),
}


@pytest.mark.parametrize(("fault", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_it_refuses_with_its_reason_says_so_in_health_and_resumes(
    site: Site, fault: Fault, words: str
) -> None:
    before = site.read()
    assert site.serving
    with fault(site):
        site.refused()
        assert not site.serving
        # From now on refused at once, and the process itself is well: it answers.
        site.refused()
        assert not site.serving
    site.await_health(True)
    after = site.read()
    # What was refused in the middle of its commit may be stored; nothing else, and nothing is lost.
    assert after[: len(before)] == before
    assert 1 <= after.count("ledger.read") <= 2
    (why,) = site.logged("ledger.unavailable")
    assert words in why
    assert len(site.logged("ledger.available")) == 1
    site.end()


def test_a_full_disk_that_takes_no_log_line_either_is_refused_with_the_same_reason(
    site: Site,
) -> None:
    require_strace()
    files = [site.database, site.database.with_name("tax.db-wal"), site.log]
    before = site.log.read_bytes()
    with attached(site.child.pid, files, site.trace, f"{WRITES},write:error=ENOSPC"):
        site.refused()
        site.refused()
        assert not site.serving
    site.await_health(True)
    assert site.log.read_bytes().startswith(before)
    assert site.logged("ledger.unavailable") == []
    site.read()
    site.end()


@pytest.mark.parametrize("gone", ["tax.db", "tax.db-wal"])
def test_a_deleted_file_is_never_taken_up_again_in_place(site: Site, gone: str) -> None:
    site.read()
    (site.database.parent / gone).unlink()
    site.refused()
    assert not site.serving
    # The process does not begin a new file where the evidence lay.
    site.refused()
    assert not (site.database.parent / gone).exists()
    site.child.send_signal(signal.SIGTERM)
    assert site.child.wait(30) == 0
