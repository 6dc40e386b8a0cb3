"""Run by the interpreter of the peer's own environment: prints seconds, one figure a line."""

import sys
import time
from pathlib import Path

from pymerkle import SqliteTree

ROUNDS, SETTLE, APPENDS, PROOFS = 5, 10, 100, 20


def tree(path: Path) -> SqliteTree:
    made = SqliteTree(str(path))
    made.con.execute("PRAGMA journal_mode=WAL")
    made.con.execute("PRAGMA synchronous=FULL")
    return made


def appends(folder: Path) -> tuple[float, float]:
    """Seconds of one durable append: in a young file, and once its log does not grow any more."""
    log = tree(folder / "appends.db")
    rounds(log, 1)
    young = rounds(log, ROUNDS)
    rounds(log, SETTLE)
    return young, rounds(log, ROUNDS)


def rounds(log: SqliteTree, count: int) -> float:
    """Seconds of one append in the best round, as ours are measured."""
    best = float("inf")
    for _ in range(count):
        start = time.perf_counter()
        for _ in range(APPENDS):
            log.append_entry(b"x" * 300)
        best = min(best, time.perf_counter() - start)
    return best / APPENDS


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
    print("append={:.9f} settled={:.9f}".format(*appends(where)))
    print(f"proof={proofs(where, int(sys.argv[2])):.9f}")
