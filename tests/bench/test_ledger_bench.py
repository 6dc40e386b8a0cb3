"""The ledger: durable appends, group commit, proofs in a large tree, offline re-hashing."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from crypto.rng import system_rng
from crypto.signing import SigningKey
from ledger import log, log_export
from ledger.signer import LogSigner
from ledger.verify.verdict import main as verify_offline
from runtime.clock import SystemClock
from runtime.storage.database import Database, open_database
from runtime.storage.writer import Tx, Writer
from tests.bench.conftest import PEERS, Ratios, best, figure

MILLION = 1_000_000
GROUP = 256
ROUNDS, YOUNG, SETTLE = 5, 400, 15
NAMES = ("append", "settled", "proof")
FIELDS = {"query": "ab" * 16, "manifest": "cd" * 32, "reason": "ticket_expired"}


def _append(tx: Tx) -> None:
    tx.append("query.refused", **FIELDS)


def _append_many(tx: Tx) -> None:
    for _ in range(10_000):
        _append(tx)


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """pymerkle's seconds for one durable append and one proof at a million entries."""
    python = PEERS / "merkle" / "bin" / "python"
    if not python.exists():
        pytest.skip("pymerkle is not installed: make peers")
    folder = tmp_path_factory.mktemp("pymerkle")
    program = Path(__file__).with_name("peer_pymerkle.py")
    printed = subprocess.run(
        [str(python), str(program), str(folder), str(MILLION)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {name: figure(rf"\b{name}=([\d.]+)", printed) or 0.0 for name in NAMES}


def _appends(making: Writer, count: int) -> float:
    begun = time.perf_counter()
    for _ in range(count):
        making.run(_append)
    return (time.perf_counter() - begun) / count


@contextmanager
def _new(path: Path) -> Iterator[tuple[Database, Writer]]:
    """A real database, WAL and synchronous=FULL, and its writer."""
    clock = SystemClock()
    with (
        open_database(path, MetaData(), service="bench", create=True) as database,
        Writer(database, clock=clock, on_health=lambda _h, _r: None, timeout_s=60).start() as made,
    ):
        yield database, made


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[tuple[Database, Writer]]:
    """Such a database of the test's own."""
    with _new(tmp_path / "log.db") as made:
        yield made


def test_a_durable_append(
    benchmark: Any,
    ratios: Ratios,
    theirs: dict[str, float],
    writer: tuple[Database, Writer],
    tmp_path: Path,
) -> None:
    young = []
    for at in range(ROUNDS):
        with _new(tmp_path / f"young-{at}.db") as (_, made):
            young.append(_appends(made, YOUNG))
    mean = sum(young) / len(young)
    note = f"means of the first {YOUNG} of {ROUNDS} new files"
    ratios.add("one durable append", mean, "pymerkle", theirs["append"], 0.5, note)
    # A write-ahead log grows to 1,000 pages and is used again from its beginning: from then on
    # a sync costs less, and what is not the disk's weighs more.
    _appends(writer[1], 100 * SETTLE)
    benchmark.pedantic(lambda: _appends(writer[1], 100), rounds=ROUNDS)
    settled = best(benchmark) / 100
    ratios.add("the same, the file settled", settled, "pymerkle", theirs["settled"], 0.5)


def _group(making: Writer) -> tuple[float, float]:
    """Seconds from a full queue until the group is on disk, and until its last caller runs.

    The group is one transaction, so the first caller to return says that all of it is durable.
    """
    gate, returned = threading.Event(), []
    holder = threading.Thread(target=making.run, args=(lambda _tx: gate.wait(),))

    def call() -> None:
        making.run(_append, timeout_s=60)
        returned.append(time.perf_counter())

    callers = [threading.Thread(target=call) for _ in range(GROUP)]
    holder.start()
    time.sleep(0.05)  # the holder is in hand, in a batch of its own
    for caller in callers:
        caller.start()
    while len(making._queue) < GROUP:
        time.sleep(0.01)
    begun = time.perf_counter()
    gate.set()
    for thread in (holder, *callers):
        thread.join()
    return min(returned) - begun, max(returned) - begun


def test_group_commit(
    benchmark: Any, ratios: Ratios, theirs: dict[str, float], writer: tuple[Database, Writer]
) -> None:
    took = [_group(writer[1]) for _ in range(8)]
    benchmark.pedantic(lambda: _group(writer[1]), rounds=1)
    woken = min(last for _, last in took) / GROUP
    ratios.add(
        f"an append in a group of {GROUP}",
        min(first for first, _ in took) / GROUP,
        "pymerkle, one append, settled",
        theirs["settled"],
        5,
        f"{woken * 1e6:.0f} µs until the last of {GROUP} waiting threads runs again",
    )


def test_proof_in_a_million_and_offline_rehashing(
    benchmark: Any,
    ratios: Ratios,
    theirs: dict[str, float],
    writer: tuple[Database, Writer],
    tmp_path: Path,
) -> None:
    database, making = writer
    for _ in range(MILLION // 10_000):
        making.run(_append_many, timeout_s=60)
    with database.read() as conn:
        size = log.size(conn)
        benchmark.pedantic(lambda: log.inclusion(conn, 7919, size), rounds=30, warmup_rounds=2)
        signer = LogSigner("hedui/bench/log", SigningKey.generate(rng=system_rng))
        log_export.export(
            conn, tmp_path / "bundle", signer=signer, keys=[signer.verifier.vkey()], extra={}
        )
    ratios.add("inclusion proof at a million", best(benchmark), "pymerkle", theirs["proof"], 3)
    begun = time.perf_counter()
    assert verify_offline([str(tmp_path / "bundle")]) == 0
    seconds = (time.perf_counter() - begun) / size
    ratios.add("re-hash one entry offline", seconds, "300,000 entries/s", 1 / 300_000, 1)
