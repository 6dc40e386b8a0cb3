"""Run by the interpreter of the peer's own environment: prints seconds, one figure a line."""

import sys
import time
from pathlib import Path

from pymerkle import SqliteTree

APPENDS, PROOFS = 300, 20


def tree(path: Path) -> SqliteTree:
    made = SqliteTree(str(path))
    made.con.execute("PRAGMA journal_mode=WAL")
    made.con.execute("PRAGMA synchronous=FULL")
    return made


def appends(folder: Path) -> float:
    """Seconds of one durable append."""
    log = tree(folder / "appends.db")
    entry = b"x" * 300
    log.append_entry(entry)
    start = time.perf_counter()
    for _ in range(APPENDS):
        log.append_entry(entry)
    return (time.perf_counter() - start) / APPENDS


def proofs(folder: Path, size: int) -> float:
    """Seconds of one inclusion proof in a tree of ``size`` entries."""
    log = tree(folder / "proofs.db")
    log.append_entries((b"%d" % i for i in range(size)), 100_000)
    best = float("inf")
    for i in range(PROOFS):
        start = time.perf_counter()
        log.prove_inclusion(1 + (i * 7919) % size, size)
        best = min(best, time.perf_counter() - start)
    return best


if __name__ == "__main__":
    where = Path(sys.argv[1])
    print(f"append={appends(where):.9f}")
    print(f"proof={proofs(where, int(sys.argv[2])):.9f}")
