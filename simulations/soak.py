"""Long runs, by hand: `make soak`, or python -m simulations.soak [--minutes N] [--data DIR].

Each run is a command that anybody can type again with the same seed. What it did, how long it
took and how it ended becomes a row of docs/soak.md, failures too; the run ends with 1 if any
failed. Nothing here is part of the tests: those are bounded, these are as long as one likes.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "soak.md"
DECODERS: Final = ROOT / "tests" / "fuzz" / "decoders.py"
TARGETS: Final = (
    "document", "jcs", "joint-key", "ciphertext", "plaintext-proof",
    "encrypted-bits", "terms", "element", "event", "note",
)  # fmt: skip
KILLS: Final = ("tests/integration/test_failure.py", "tests/unit/coordinator/test_killed.py")


@dataclass(frozen=True)
class Run:
    """One long run: its name, what it repeats, and the command."""

    name: str
    amount: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


def runs(minutes: int, seed: int, data: Path | None, households: int) -> Iterator[Run]:
    """The runs of one soak, which together take about ``minutes``, the sample not counted."""
    share_s = minutes * 60 // (2 * len(TARGETS))
    for target in TARGETS:
        options = [f"-max_total_time={share_s}", f"-seed={seed}", "-max_len=4096"]
        command = [sys.executable, str(DECODERS), target, *options]
        yield Run(f"fuzz {target}", f"{share_s} s, coverage-guided", command)
    rounds = max(1, minutes // 10)
    for number in range(seed, seed + rounds):
        command = [sys.executable, "-m", "pytest", "-n0", *KILLS]
        yield Run("kills", f"seed {number}", command, {"HEDUI_TEST_SEED": str(number)})
    if data is not None:
        command = [sys.executable, "-m", "simulations.sample", "--data", str(data)]
        command += ["--households", str(households), "--seed", str(seed)]
        yield Run("sample", f"{households} households", command)


def take(run: Run) -> tuple[bool, float]:
    """Run one; whether it ended with 0, and its seconds. What it prints is shown if it failed."""
    began = time.monotonic()
    done = subprocess.run(
        run.command, cwd=ROOT, env=os.environ | run.environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        sys.stdout.write((done.stdout + done.stderr)[-4000:] + "\n")
    return done.returncode == 0, time.monotonic() - began


def row(run: Run, seed: int, *, held: bool, seconds: float) -> str:
    """One row of the table."""
    cells = (
        f"{datetime.now(UTC):%Y-%m-%d}", _commit(), str(seed), _machine(), run.name, run.amount,
        f"{seconds:.0f}", "held" if held else "**failed**",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


def _commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout.strip() or "unknown"


def _machine() -> str:
    return f"{os.cpu_count()} x {platform.machine()}, Python {platform.python_version()}"


def main(argv: Sequence[str] | None = None) -> int:
    """Take all runs, write their rows; returns the exit code."""
    parser = argparse.ArgumentParser(prog="soak", description="Long runs; see docs/soak.md.")
    parser.add_argument("--minutes", type=int, default=60, help="about how long, without sample")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder of the survey: adds the sample")
    parser.add_argument("--households", type=int, default=200)
    chosen = parser.parse_args(argv)
    failed = 0
    for run in runs(chosen.minutes, chosen.seed, chosen.data, chosen.households):
        sys.stdout.write(f"{run.name} ({run.amount}) ...\n")
        held, seconds = take(run)
        failed += not held
        with PAGE.open("a", encoding="utf-8") as page:
            page.write(row(run, chosen.seed, held=held, seconds=seconds))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
