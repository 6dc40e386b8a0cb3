"""Run by the interpreter of the peer's own environment: prints seconds, one figure a line."""

import sys
import time
from pathlib import Path

from pymerkle import SqliteTree

ROUNDS, YOUNG, SETTLE, APPENDS, PROOFS = 5, 400, 15, 100, 20


def tree(path: Path) -> SqliteTree:
    made = SqliteTree(str(path))
    made.con.execute("PRAGMA journal_mode=WAL")
    made.con.execute("PRAGMA synchronous=FULL")
    return made


def appends(folder: Path) -> tuple[float, float]:
    """Seconds of one durable append: the mean of new files, and the best once one has settled."""
    made = [young(tree(folder / f"appends-{at}.db")) for at in range(ROUNDS)]
    log = tree(folder / "settled.db")
    rounds(log, SETTLE)
    return sum(made) / len(made), rounds(log, ROUNDS)


def young(log: SqliteTree) -> float:
    """Seconds of one append, the mean of a new file's first ones."""
    start = time.perf_counter()
    for _ in range(YOUNG):
        log.append_entry(b"x" * 300)
    return (time.perf_counter() - start) / YOUNG


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
