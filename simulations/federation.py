"""The launcher: a whole federation on this machine, made of production commands only.

Source: design.md 5.16.
Demo, tour, integration tests, attacks and benches all use it. Every command that it runs is
recorded as a person would type it; the demo's "by hand" list is that record.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
READY_TIMEOUT_S = 60.0
COMMAND_TIMEOUT_S = 300.0


class LauncherError(Exception):
    """A command failed; the message holds what it printed."""


@dataclass
class Child:
    """A served process: stops when its stdin closes."""

    name: str
    command: list[str]
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self.popen.poll() is None


@dataclass
class LocalFederation:
    """Processes and commands under one HEDUI_HOME.

    Attributes:
        home: The folder that holds everything; created by ``federation init``.
        record: Each command that ran, in order, as typed.
    """

    home: Path
    record: list[str] = field(default_factory=list)
    children: dict[str, Child] = field(default_factory=dict)

    def hedui(self, *args: str, person: str = "", ok: Sequence[int] = (0,)) -> str:
        """Run ``hedui`` and return what it printed. Raises LauncherError on other exit codes."""
        return self._run("hedui", args, person, ok).stdout

    def hedui_json(self, *args: str, person: str = "", ok: Sequence[int] = (0,)) -> Any:
        """Run ``hedui ... --json`` and return the parsed output."""
        return json.loads(self._run("hedui", [*args, "--json"], person, ok).stdout)

    def node(self, *args: str, person: str = "", ok: Sequence[int] = (0,)) -> str:
        """Run ``hedui-node`` and return what it printed."""
        return self._run("hedui-node", args, person, ok).stdout

    def attempt(
        self, program: str, *args: str, person: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command whatever its exit code; for tests of refusals and bad input."""
        return self._run(program, args, person, None)

    def command(self, program: str, args: Iterable[str], person: str = "") -> list[str]:
        """The command line of one call."""
        who = ["--person", person] if person else []
        return [program, "--home", str(self.home), *who, *args]

    def _run(
        self, program: str, args: Iterable[str], person: str, ok: Sequence[int] | None
    ) -> subprocess.CompletedProcess[str]:
        command = self.command(program, args, person)
        self.record.append(shlex.join(command))
        result = subprocess.run(
            [str(BIN / program), *command[1:]],
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
            env=_environment(),
        )
        if ok is not None and result.returncode not in ok:
            raise LauncherError(
                f"{shlex.join(command)}\nended with {result.returncode}:\n"
                f"{result.stdout}{result.stderr}"
            )
        return result

    def start(self, name: str, program: str, *args: str) -> Child:
        """Start ``serve`` of one process; it is not ready yet, see ``wait_ready``."""
        (self.home / name / "run" / "process.json").unlink(missing_ok=True)
        command = self.command(program, [*args, "--exit-with-stdin"])
        self.record.append(shlex.join(self.command(program, args)) + " &")
        return self._spawn(name, command)

    def _spawn(self, name: str, command: list[str]) -> Child:
        log = self.home / name / "log" / "console.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            popen = subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=_environment(),
            )
        child = Child(name, command, popen, log)
        self.children[name] = child
        return child

    def wait_ready(self, *names: str, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until each process has written ``run/process.json``. Raises LauncherError."""
        end = time.monotonic() + timeout_s
        for name in names or tuple(self.children):
            while not self.is_ready(name):
                child = self.children[name]
                if not child.running or time.monotonic() > end:
                    raise LauncherError(f"{name} is not ready:\n{child.log.read_text()[-4000:]}")
                time.sleep(0.05)

    def is_ready(self, name: str) -> bool:
        """True once the running process of this name serves."""
        try:
            facts = json.loads((self.home / name / "run" / "process.json").read_text())
        except (FileNotFoundError, ValueError):
            return False
        return bool(facts.get("pid") == self.children[name].popen.pid)

    def stop(self, *names: str, timeout_s: float = 30.0) -> None:
        """Close stdin of the named processes (all by default) and wait for their end."""
        chosen = [self.children[n] for n in names or tuple(self.children)]
        for child in chosen:
            if child.popen.stdin:
                child.popen.stdin.close()
        for child in chosen:
            try:
                child.popen.wait(timeout_s)
            except subprocess.TimeoutExpired:
                child.popen.kill()
                child.popen.wait()

    def kill(self, name: str) -> None:
        """SIGKILL, as a power failure would."""
        self.children[name].popen.send_signal(signal.SIGKILL)
        self.children[name].popen.wait()

    def restart(self, name: str) -> Child:
        """Start a stopped or killed process again, by the same command, and wait for it."""
        old = self.children[name]
        if old.running:
            self.stop(name)
        (self.home / name / "run" / "process.json").unlink(missing_ok=True)
        child = self._spawn(name, old.command)
        self.wait_ready(name)
        return child

    def __enter__(self) -> "LocalFederation":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _environment() -> dict[str, str]:
    dropped = ("HEDUI_PROFILE", "HEDUI_HOME")
    kept = {k: v for k, v in os.environ.items() if k not in dropped}
    return {**kept, "COLUMNS": "160", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def in_parallel(jobs: Iterable[Any], *, workers: int = 3) -> None:
    """Run callables a few at a time; the first failure is raised when all have ended."""
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(job) for job in jobs]:
            future.result()
