"""kill -9 in the middle of appending: acknowledged ⊆ stored ⊆ attempted, and no torn tree.

Tests design.md 4.3, 5.5.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from crypto.signing import SigningKey
from ledger import log, log_export
from ledger.event import decode
from ledger.signer import LogSigner
from ledger.verify import verdict as verify
from runtime.storage.database import open_database

ROOT = Path(__file__).parents[2]

# Four threads; each says what it is about to write, writes it, and says that it was told so.
CHILD = """
import os, sys, threading
from sqlalchemy import MetaData
from runtime.clock import SystemClock
from runtime.storage.database import open_database
from runtime.storage.writer import Writer

database = open_database(sys.argv[1], MetaData(), service="node", create=True)
writer = Writer(database, clock=SystemClock(), on_health=lambda *a: None).start()

def loop(thread):
    for count in range(10**9):
        name = f"{sys.argv[2]}-{thread}-{count}"
        os.write(1, f"try {name}\\n".encode())
        index = writer.run(lambda tx: tx.append("query.refused", reason=name))
        os.write(1, f"ack {name} {index}\\n".encode())

for thread in range(4):
    threading.Thread(target=loop, args=(thread,), daemon=True).start()
threading.Event().wait()
"""


def run_and_kill(path: Path, life: int, lines: int) -> tuple[set[str], dict[str, int]]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(life)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    heard = [child.stdout.readline() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    heard += child.stdout.readlines()
    child.wait()
    words = [line.decode().split() for line in heard if line.endswith(b"\n")]
    attempted = {word[1] for word in words if word[0] == "try"}
    return attempted, {word[1]: int(word[2]) for word in words if word[0] == "ack"}


def test_nothing_acknowledged_is_lost_and_nothing_is_invented(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, attempted, acknowledged = tmp_path / "n.db", set[str](), dict[str, int]()
    for life, lines in enumerate((37, 200, 411)):
        tried, told = run_and_kill(path, life, lines)
        attempted |= tried
        acknowledged |= told
        with open_database(path, MetaData(), service="node") as database, database.read() as conn:
            size = log.size(conn)
            stored = [decode(e).fields["reason"] for e in log.entries(conn, 0, size)]
        assert len(stored) == len(set(stored))
        assert acknowledged.keys() <= set(stored) <= attempted
        assert all(stored[index] == name for name, index in acknowledged.items())
    signer = LogSigner("hedui/test/node", SigningKey(bytes(32)))
    with open_database(path, MetaData(), service="node") as database, database.read() as conn:
        log_export.export(conn, tmp_path / "bundle", signer=signer)
    assert verify.main([str(tmp_path / "bundle"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["entries"] == len(stored)
