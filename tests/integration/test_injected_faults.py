"""A fault at each write and each sync of an append, put in by strace: kill, disk full, I/O error.

The real writer on a real file, in a process of its own; the kernel's answer is what is bent. After
every fault: acknowledged ⊆ stored ⊆ attempted, nothing stored that was refused as not written, no
torn tree, the refusal in words and in time, and the same file taken up again by the next process.

Tests design.md 4.3, 4.4, 5.5.
"""

import re
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from crypto.rng import system_rng
from crypto.signing import SigningKey
from ledger import log, log_export
from ledger.event import decode
from ledger.signer import LogSigner
from ledger.verify import verdict as verify
from runtime.storage.database import open_database
from tests.support.strace import require_strace, strace

ROOT = Path(__file__).parents[2]
APPENDS = 2
SIGNER = LogSigner("hedui/test/node", SigningKey.generate(rng=system_rng))

# Appends one after the other; says what it tries, what it was told, and whether it heals.
CHILD = """
import os, sys, time
from sqlalchemy import MetaData
from runtime.clock import SystemClock
from runtime.storage.database import open_database
from runtime.storage.faults import LedgerUnavailable
from runtime.storage.writer import Writer

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

path, life, appends, limit_s = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
database = open_database(path, MetaData(), service="node")
writer = Writer(
    database, clock=SystemClock(), on_health=lambda healthy, why: say("health", healthy),
    timeout_s=limit_s, probe_interval_s=0.02,
).start()
for count in range(appends):
    name = f"{life}-{count}"
    say("try", name)
    try:
        say("ack", name, writer.run(lambda tx: tx.append("query.refused", reason=name)))
    except LedgerUnavailable as refusal:
        say("refused", name, refusal.outcome, refusal)
        end = time.monotonic() + 20
        while not writer.healthy and time.monotonic() < end:
            time.sleep(0.01)
writer.close()
database.close()
say("closed")
"""


@dataclass
class Life:
    """What one process said, and how it ended."""

    code: int
    attempted: set[str] = field(default_factory=set)
    acknowledged: dict[str, int] = field(default_factory=dict)
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name to outcome and sentence."""
    health: list[str] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Thread and system call of each write and sync of the database's files."""
    injected: int = 0

    def heard(self, line: str) -> None:
        """Take one line of what the child said."""
        what, _, rest = line.partition(" ")
        if what == "try":
            self.attempted.add(rest)
        elif what == "ack":
            name, index = rest.split()
            self.acknowledged[name] = int(index)
        elif what == "refused":
            name, outcome, why = rest.split(" ", 2)
            self.refused[name] = outcome, why
        elif what == "health":
            self.health.append(rest)


class Disk:
    """One database file under strace, through many lives."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "n.db"
        self.files = [self.path, folder / "n.db-wal"]
        self.trace = folder / "trace"
        self.lives = 0
        self.attempted: set[str] = set()
        self.acknowledged: dict[str, int] = {}
        self.never: set[str] = set()
        """Refused as "not_written"."""
        open_database(self.path, MetaData(), service="node", create=True).close()
        assert self.live().code == 0

    def live(self, *faults: str, appends: int = APPENDS, limit_s: float = 5.0) -> Life:
        """Run the child once, with faults in strace's words, after ``inject=``."""
        self.lives += 1
        child = [sys.executable, "-c", CHILD, str(self.path), str(self.lives)]
        done = subprocess.run(
            [*strace(self.files, self.trace, faults), *child, str(appends), str(limit_s)],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        life, traced = Life(done.returncode), self.trace.read_text()
        life.calls = re.findall(r"^(\d+) +(pwrite64|write|fsync|fdatasync)\(", traced, re.M)
        life.injected = len(re.findall(r"INJECTED|DELAYED|killed by SIGKILL", traced))
        for line in done.stdout.splitlines():
            life.heard(line)
        self.attempted |= life.attempted
        self.acknowledged |= life.acknowledged
        self.never |= {n for n, (outcome, _) in life.refused.items() if outcome == "not_written"}
        return life

    def check(self, bundle: Path) -> list[str]:
        """acknowledged ⊆ stored ⊆ attempted, each at its place, and the verifier finds no fault.

        Returns the names that are stored.
        """
        with (
            open_database(self.path, MetaData(), service="node") as database,
            database.read() as conn,
        ):
            stored = [decode(e).fields["reason"] for e in log.entries(conn, 0, log.size(conn))]
            log_export.export(conn, bundle, signer=SIGNER)
        assert len(stored) == len(set(stored))
        assert self.acknowledged.keys() <= set(stored) <= self.attempted - self.never
        assert all(stored[index] == name for name, index in self.acknowledged.items())
        assert verify.main([str(bundle), "--key", SIGNER.verifier.vkey()]) == 0
        return stored


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A new database with its first entries; skips where nothing can be traced."""
    require_strace()
    return Disk(tmp_path)


FAULTS = {
    "killed at a write": ("pwrite64", "signal=KILL"),
    "killed at a sync": ("fdatasync", "signal=KILL"),
    "disk full at a write": ("pwrite64", "error=ENOSPC"),
    "disk full at a sync": ("fdatasync", "error=ENOSPC"),
    "I/O error at a write": ("pwrite64", "error=EIO"),
    "I/O error at a sync": ("fdatasync", "error=EIO"),
}


def places(disk: Disk) -> Counter[str]:
    """How many calls of each kind the writer's thread makes in a life without faults."""
    calls = disk.live().calls
    # The writer is the first to write. What the main thread does at the end, copying the log
    # into the file, is counted by itself and so meets the same faults.
    writer = calls[0][0]
    found = Counter(call for thread, call in calls if thread == writer)
    assert {call for _, call in calls} == set(found) == {call for call, _ in FAULTS.values()}
    assert found["fdatasync"] > APPENDS, "a sync for each commit, one for the log's own head"
    return found


@pytest.mark.parametrize(("call", "fault"), FAULTS.values(), ids=FAULTS.keys())
def test_at_each_write_and_sync_of_an_append(
    disk: Disk, tmp_path: Path, call: str, fault: str
) -> None:
    for place in range(1, places(disk)[call] + 1):
        life = disk.live(f"{call}:{fault}:when={place}")
        assert life.injected, f"there was no {call} number {place}"
        if fault == "signal=KILL":
            assert life.code == -signal.SIGKILL
        else:
            # Refused in words that name the file, and healthy again before its end.
            ((outcome, why),) = life.refused.values()
            assert outcome in ("not_written", "unknown")
            assert str(disk.path) in why
            assert "SQLITE_FULL" in why or "SQLITE_IOERR" in why, why
            assert life.health == ["False", "True"]
            assert len(life.acknowledged) == APPENDS - 1
        disk.check(tmp_path / f"bundle-{place}")
    last = disk.live()
    assert len(last.acknowledged) == APPENDS
    disk.check(tmp_path / "bundle")


def test_a_disk_that_hangs_is_refused_in_time_and_taken_up_again(
    disk: Disk, tmp_path: Path
) -> None:
    # The second sync is the first append's, and takes two seconds.
    life = disk.live("fdatasync:delay_enter=2000000:when=2", appends=3, limit_s=0.3)
    assert life.injected
    ((name, (outcome, why)),) = life.refused.items()
    assert (name, outcome) == (f"{disk.lives}-0", "unknown")
    assert "no write was finished within 0.3 s: the disk hangs or is overloaded" in why
    # Unhealthy first, healthy when the sync came through: the refusal did not wait for the disk.
    assert life.health == ["False", "True"]
    assert len(life.acknowledged) == 2
    disk.check(tmp_path / "bundle")


def test_a_commit_that_was_not_synced_and_turns_up_after_a_kill_was_never_called_unwritten(
    disk: Disk, tmp_path: Path
) -> None:
    # All pages of the first append lie in the log; their sync fails, and before the next write
    # the process dies. The next one finds a whole commit, and takes it.
    calls = [call for _, call in disk.live().calls]
    synced = [place for place, call in enumerate(calls) if call == "fdatasync"][1]
    following = calls[:synced].count("pwrite64") + 1
    life = disk.live("fdatasync:error=EIO:when=2", f"pwrite64:signal=KILL:when={following}")
    assert life.code == -signal.SIGKILL
    ((name, (outcome, _)),) = life.refused.items()
    assert (name, outcome) == (f"{disk.lives}-0", "unknown")
    assert disk.check(tmp_path / "bundle")[-1] == name
