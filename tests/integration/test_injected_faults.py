"""A fault at each write and each sync of an append, put in by strace: kill, disk full, I/O error.

The real writer on a real file, in a process of its own; the kernel's answer is what is bent. After
every fault: acknowledged ⊆ stored ⊆ attempted, no torn tree, the refusal in words and in time, and
the same file taken up again by the next process.
"""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from crypto.rng import system_rng
from crypto.signing import SigningKey
from ledger import log, log_export, verify
from ledger.event import decode
from ledger.signer import LogSigner
from runtime.database import open_database

ROOT = Path(__file__).parents[2]
APPENDS = 2
SIGNER = LogSigner("hedui/test/node", SigningKey.generate(rng=system_rng))

# Appends one after the other; says what it tries, what it was told, and whether it heals.
CHILD = """
import os, sys, time
from sqlalchemy import MetaData
from runtime.clock import SystemClock
from runtime.database import open_database
from runtime.database_errors import LedgerUnavailable
from runtime.writer import Writer

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
    refused: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """Writes and syncs of the database's files, as strace wrote them down."""

    @property
    def hit(self) -> bool:
        """Whether the fault came."""
        return self.code == -signal.SIGKILL or any(
            "INJECTED" in call or "DELAYED" in call for call in self.calls
        )


class Disk:
    """One database file under strace, through many lives."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "n.db"
        self.trace = folder / "trace"
        self.lives = 0
        self.attempted: set[str] = set()
        self.acknowledged: dict[str, int] = {}
        open_database(self.path, MetaData(), service="node", create=True).close()

    def live(self, fault: str = "", *, appends: int = APPENDS, limit_s: float = 5.0) -> Life:
        """Run the child once; ``fault`` in strace's words, after ``inject=``."""
        self.lives += 1
        files = (self.path, self.path.with_name("n.db-wal"))
        command = ["strace", "-f", "-o", str(self.trace), "-e", "trace=pwrite64,fdatasync,fsync"]
        command += [part for file in files for part in ("-P", str(file))]
        command += ["-e", f"inject={fault}"] if fault else []
        command += [sys.executable, "-c", CHILD, str(self.path), str(self.lives)]
        done = subprocess.run(
            [*command, str(appends), str(limit_s)],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        life = self._read(done)
        self.attempted |= life.attempted
        self.acknowledged |= life.acknowledged
        return life

    def _read(self, done: subprocess.CompletedProcess[str]) -> Life:
        life = Life(done.returncode)
        life.calls = re.findall(
            r"^\d+ +((?:pwrite64|fdatasync|fsync)\(.*)$", self.trace.read_text(), re.M
        )
        for line in done.stdout.splitlines():
            what, _, rest = line.partition(" ")
            if what == "try":
                life.attempted.add(rest)
            elif what == "ack":
                name, index = rest.split()
                life.acknowledged[name] = int(index)
            elif what == "refused":
                life.refused.append(rest)
            elif what == "health":
                life.health.append(rest)
        assert life.code in (0, -signal.SIGKILL), done.stderr
        return life

    def check(self, bundle: Path) -> None:
        """acknowledged ⊆ stored ⊆ attempted, each at its place, and the verifier finds no fault."""
        with (
            open_database(self.path, MetaData(), service="node") as database,
            database.read() as conn,
        ):
            stored = [decode(e).fields["reason"] for e in log.entries(conn, 0, log.size(conn))]
            log_export.export(conn, bundle, signer=SIGNER)
        assert len(stored) == len(set(stored))
        assert self.acknowledged.keys() <= set(stored) <= self.attempted
        assert all(stored[index] == name for name, index in self.acknowledged.items())
        assert verify.main([str(bundle)]) in (0, 3)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A new, empty database; skips where nothing can be traced."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: no faults can be put in")
    traced = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False)
    if traced.returncode:
        pytest.skip("this machine does not let a process be traced")
    return Disk(tmp_path)


FAULTS = {
    "killed at a write": ("pwrite64", "signal=KILL"),
    "killed at a sync": ("fdatasync", "signal=KILL"),
    "disk full": ("pwrite64", "error=ENOSPC"),
    "write error": ("pwrite64", "error=EIO"),
    "sync error": ("fdatasync", "error=EIO"),
}


def places(disk: Disk, call: str) -> Iterator[int]:
    """Which invocations of ``call`` a life without faults has."""
    calls = [c for c in disk.live().calls if c.startswith(call)]
    assert len(calls) > APPENDS
    return iter(range(1, len(calls) + 1))


@pytest.mark.parametrize(("call", "fault"), FAULTS.values(), ids=FAULTS.keys())
def test_at_each_write_and_sync_of_an_append(
    disk: Disk, tmp_path: Path, call: str, fault: str
) -> None:
    hit = 0
    for place in places(disk, call):
        life = disk.live(f"{call}:{fault}:when={place}")
        hit += life.hit
        if life.code == 0 and life.hit:
            # Refused in words, or hit while closing; either way healthy again before its end.
            assert all("n.db" in refusal for refusal in life.refused)
            assert life.health[-1:] in ([], ["True"])
        disk.check(tmp_path / f"bundle-{place}")
    assert hit > APPENDS
    last = disk.live()
    assert len(last.acknowledged) == APPENDS
    disk.check(tmp_path / "bundle")


def test_a_disk_that_hangs_is_refused_in_time_and_taken_up_again(
    disk: Disk, tmp_path: Path
) -> None:
    # The second sync is the first append's, and takes two seconds.
    life = disk.live("fdatasync:delay_enter=2000000:when=2", appends=3, limit_s=0.3)
    assert life.hit
    name, outcome, why = life.refused[0].split(" ", 2)
    assert (name, outcome) == (f"{disk.lives}-0", "unknown")
    assert "no write was finished within 0.3 s: the disk hangs or is overloaded" in why
    # Unhealthy first, healthy when the sync came through: the refusal did not wait for the disk.
    assert life.health == ["False", "True"]
    assert len(life.acknowledged) == 2
    disk.check(tmp_path / "bundle")
