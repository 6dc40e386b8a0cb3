"""Faults that the kernel hands to a real process: strace answers a system call in its place."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

CALLS = "trace=pwrite64,write,fsync,fdatasync"
"""With which a database's files are written; SQLite uses pwrite64 and fdatasync."""


def require_strace() -> None:
    """Skip where nothing can be traced."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: no faults can be put in")
    tried = ["strace", "-o", "/dev/null", "true"]
    if subprocess.run(tried, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let a process be traced")


def strace(files: Sequence[Path], trace: Path, faults: Sequence[str] = ()) -> list[str]:
    """The command line up to what it shall run, or ``-p``.

    Args:
        files: Calls on these are watched, no others.
        trace: Where the calls are written down.
        faults: In strace's words, after ``inject=``. A ``when`` counts in each thread by itself.
    """
    watched = [part for file in files for part in ("-P", str(file))]
    put_in = [part for fault in faults for part in ("-e", f"inject={fault}")]
    # Stopping at no other call is much faster, but a signal then goes astray.
    quick = [] if any("signal" in fault for fault in faults) else ["--seccomp-bpf"]
    return ["strace", "-f", *quick, "-o", str(trace), "-e", CALLS, *watched, *put_in]


@contextmanager
def attached(pid: int, files: Sequence[Path], trace: Path, fault: str) -> Iterator[None]:
    """While this lasts, a running process meets this fault; then the kernel answers again."""
    command = [part for part in strace(files, trace, [fault]) if part != "--seccomp-bpf"]
    tracer = subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.PIPE)
    try:
        _await_all_threads(pid, tracer)
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(30)


def _await_all_threads(pid: int, tracer: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 20
    while not all(_tracer_of(task) == tracer.pid for task in Path(f"/proc/{pid}/task").iterdir()):
        assert tracer.poll() is None, tracer.stderr and tracer.stderr.read()
        assert time.monotonic() < end, "strace did not attach"
        time.sleep(0.01)


def _tracer_of(task: Path) -> int:
    lines = (task / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("TracerPid"))
