"""Export and verification of a log take the same memory however long the log is.

Each runs in a process of its own, which tells its peak. The longer log is eight times the shorter,
and would weigh some thirty megabytes more if it were held.

Tests design.md 4.9.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from crypto.signing import SigningKey
from ledger import log
from ledger.merkle import Frontier
from ledger.signer import LogSigner
from runtime.storage.database import open_database

SIZES = (15_000, 120_000)
ENTRY = (
    b'{"at":"2026-11-23T08:00:00Z","event":"query.refused","fields":{"manifest":"%064x",'
    b'"query":"%032x","reason":"ticket_expired"},"v":1}'
)
MAY_DIFFER_KIB = 4 * 1024
SIGNER = LogSigner("hedui/test/node", SigningKey(bytes(32)))
EXPORT = """
from pathlib import Path
from sqlalchemy import MetaData
from crypto.signing import SigningKey
from ledger import log_export
from ledger.signer import LogSigner
from runtime.storage.database import open_database
signer = LogSigner("hedui/test/node", SigningKey(bytes(32)))
with open_database(sys.argv[1], MetaData(), service="node") as database, database.read() as conn:
    log_export.export(conn, Path(sys.argv[2]), signer=signer)
"""
VERIFY = "from ledger.verify.verdict import main; assert main([sys.argv[1]]) == 0"
PEAK = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM:"):
        print("peak", line.split()[1])
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="a process's peak is read from /proc"
)


def peak_kib(program: str, *arguments: Path) -> int:
    """The most memory that a program of these lines ever held."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}\n{PEAK}", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.rpartition("peak ")[2])


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A short log and a long one, in databases."""
    folder = tmp_path_factory.mktemp("memory")
    return [make(folder / f"{size}.db", size) for size in SIZES]


def make(path: Path, size: int) -> Path:
    """A database whose log has so many entries, its end signed."""
    with open_database(path, MetaData(), service="node", create=True) as database:
        conn, tree = database.writer_connection(), Frontier()
        with conn.begin():
            for first in range(0, size, 5_000):
                entries = [ENTRY % (i, i) for i in range(first, first + 5_000)]
                tree = log.append_many(conn, tree, entries)
            log.store_key(conn, SIGNER.verifier.vkey())
        with database.read() as reader:
            note = SIGNER.checkpoint(reader)
        with conn.begin():
            log.store_checkpoint(conn, size, note)
    return path


def test_export_and_verification_do_not_grow_with_the_ledger(logs: list[Path]) -> None:
    bundles = [path.with_suffix("") for path in logs]
    peaks = {
        "export": [peak_kib(EXPORT, *each) for each in zip(logs, bundles, strict=True)],
        "verify a bundle": [peak_kib(VERIFY, bundle) for bundle in bundles],
        "verify a database": [peak_kib(VERIFY, path) for path in logs],
    }
    for what, (short, long) in peaks.items():
        assert long - short < MAY_DIFFER_KIB, (what, short, long)


def test_the_measure_sees_a_log_that_is_held(logs: list[Path]) -> None:
    """As a verifier would that kept what it read."""
    held = VERIFY.replace("from", "kept = open(sys.argv[2], 'rb').readlines(); from")
    entries = [path.with_suffix("") / "entries" / "000000000000.jsonl" for path in logs]
    bundles = [path.with_suffix("") for path in logs]
    short, long = (peak_kib(held, *each) for each in zip(bundles, entries, strict=True))
    assert long - short > MAY_DIFFER_KIB
