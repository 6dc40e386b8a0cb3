"""Benchmarks: ratios against peers and baselines, measured in the same run.

``make bench`` prints one table at its end. A peer that is not installed (``make peers``) leaves
its row with the figure that its publisher or our own record gives, marked as recorded.
"""

import platform
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import gmpy2
import pytest

from crypto.rng import system_rng
from crypto.threshold import Dealt, deal

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".peers"
SCRIPTS = ROOT.parent / "shared" / "peers"
PEER_TIMEOUT_S = 900
BITS = 3072


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of ours and theirs, how many times faster we must be."""

    work: str
    ours_s: float
    against: str
    theirs_s: float
    least: float
    note: str
    memory_mib: int
    """The most that this process has taken up to here."""

    @property
    def ratio(self) -> float:
        """How many times faster we are."""
        return self.theirs_s / self.ours_s


@dataclass
class Ratios:
    """Collects rows; the table is printed when the run ends."""

    rows: list[Row] = field(default_factory=list)

    def add(
        self, work: str, ours_s: float, against: str, theirs_s: float, least: float, note: str = ""
    ) -> None:
        """Record one comparison; ``note`` has bytes, and what else is to be known."""
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        self.rows.append(Row(work, ours_s, against, theirs_s, least, note, memory))


_RATIOS = Ratios()
_PEER_MEMORY: dict[str, int] = {}
"""MiB that each peer's script took at most."""
# A small process between: a child begins with what its parent has taken.
_MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=False)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


@pytest.fixture(scope="session")
def ratios() -> Ratios:
    """Where comparisons are recorded."""
    return _RATIOS


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table: a missed target is shown, never hidden, and fails nothing."""
    if not _RATIOS.rows:
        return
    terminalreporter.section("ratios")
    terminalreporter.write_line(machine())
    for name, memory in sorted(_PEER_MEMORY.items()):
        terminalreporter.write_line(f"{name}: at most {memory} MiB")
    terminalreporter.write_line(
        "| work | ours | against | theirs | ratio | at least | our memory so far | |"
    )
    terminalreporter.write_line("|---|---|---|---|---|---|---|---|")
    for row in _RATIOS.rows:
        verdict = "met" if row.ratio >= row.least else "MISSED"
        terminalreporter.write_line(
            f"| {row.work} | {_time(row.ours_s)} | {row.against} | {_time(row.theirs_s)} |"
            f" {row.ratio:.2f} x | {row.least:g} x | {row.memory_mib} MiB | {verdict}"
            f"{'; ' + row.note if row.note else ''} |"
        )


def machine() -> str:
    """Processor, cores, and the versions that the figures depend on."""
    models = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    found = [f"{name} {version(name)}" for name in ("gmpy2", "rbcl", "phe", "cryptography")]
    python = f"Python {platform.python_version()}, GMP {gmpy2.mp_version().split()[-1]}"
    return f"{models[0]}, {len(models)} cores; {python}, {', '.join(found)}"


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


@pytest.fixture(scope="session")
def two_processes() -> Iterator[Executor]:
    """A pool of two processes, warm: the machine's two cores."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_warm, range(2)))
        yield pool


def _warm(_: int) -> int:
    import crypto.oprf

    return len(crypto.oprf.__name__)


@pytest.fixture(scope="session")
def dealt(two_processes: Executor) -> Dealt:
    """A joint key of 3072 bits, 2 of 3, dealt for this run; its table is built."""
    made = deal(bits=BITS, threshold=2, holders=3, rng=system_rng, pool=two_processes)
    made.joint.public.table.rows()
    return made


Peer = Callable[..., str | None]


@pytest.fixture(scope="session")
def peer() -> Peer:
    """Runs one peer's script in its own environment; None where it is not installed."""

    def run(environment: str, script: str, *args: str, **variables: str) -> str | None:
        python, path = PEERS / environment / "bin" / "python", SCRIPTS / script
        if not python.exists() or not path.exists():
            return None
        result = subprocess.run(
            [sys.executable, "-c", _MEASURED, str(python), str(path), *args],
            capture_output=True,
            text=True,
            timeout=PEER_TIMEOUT_S,
            env=variables,
            check=False,
        )
        *_, memory = result.stderr.split() or ["0"]
        _PEER_MEMORY[f"{script} {' '.join(args)}"] = int(memory) >> 10
        return result.stdout or None

    return run


def figure(pattern: str, text: str | None) -> float | None:
    """The number that a peer printed, or None."""
    found = re.search(pattern, text or "")
    return float(found.group(1)) if found else None


def best(benchmark: Any) -> float:
    """Seconds of the fastest round: the least disturbed on a noisy machine."""
    return float(benchmark.stats.stats.min)


def best_of(run: Callable[[], object], rounds: int) -> float:
    """Seconds of the fastest of some rounds, for the baseline of the same test."""
    import time

    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
