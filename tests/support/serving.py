"""A node ``tax`` without a handler of its own, as a real process: runtime and ledger alone."""

import subprocess
import sys
import time
from pathlib import Path

from runtime.site.endpoints import RunFile, read_run_file
from runtime.transport.health import read_health
from tests.support.homes import Home

PROGRAM = """
import sys
from pathlib import Path
from sqlalchemy import MetaData
from model.roles import Role
from runtime.process import Assembly, Kind, Service
from runtime.serving import serve

kind = Kind(Role.NODE, MetaData(), lambda parts: Assembly([]))
service = Service(kind, home=Path(sys.argv[1]), name="tax")
serve(service, exit_with_stdin=sys.argv[2] == "stdin")
"""


def spawn(home: Home, how: str) -> subprocess.Popen[bytes]:
    """Start it; ``how`` it is to end: by "signal", or by "stdin"."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(home.path), how],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
    )


def await_serving(home: Home, child: subprocess.Popen[bytes]) -> RunFile:
    """Wait until it serves; where it does."""
    while (run := read_run_file(home.path / "tax")) is None or run.pid != child.pid:
        assert child.poll() is None, child.stderr and child.stderr.read()
        time.sleep(0.02)
    return run


def check_health(address: str, *, timeout_s: float) -> bool:
    """Whether a process serves; False too where nobody answers."""
    found = read_health(address, timeout_s=timeout_s)
    return found is not None and found.serving
