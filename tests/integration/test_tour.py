"""README's tour, line by line in one shell, with the real programs; what it shows, it prints.

Tests design.md 2.1.4, 5.16.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(sh|text tour)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBERS = re.compile(r"(?<=entry )\d+|\d+(?= (entries|signed))|(?<=\()\d+(?=\))")
LIMIT_S = 240


def tour() -> str:
    """The section of the tour."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.partition("\n## A tour by hand\n")[2].partition("\n## ")[0]


def blocks(kind: str) -> list[str]:
    """Lines of all fenced blocks of one kind, in order."""
    found = [body for name, body in BLOCK.findall(tour()) if name == kind]
    return [line for body in found for line in body.splitlines() if line.strip()]


def masked(line: str) -> str:
    """The line without ledger indexes and padding."""
    return " ".join(NUMBERS.sub("#", line).split())


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the whole tour prints; whatever it started is stopped afterwards."""
    folder = tmp_path_factory.mktemp("tour")
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / ".venv").symlink_to(sys.prefix)
    script, output = folder / "tour.sh", folder / "printed.txt"
    script.write_text("set -e\n" + "\n".join(blocks("sh")) + "\n", encoding="utf-8")
    dropped = ("HEDUI_PROFILE", "HEDUI_HOME", "COLUMNS")
    environment = {k: v for k, v in os.environ.items() if k not in dropped}
    # A file, not a pipe: the processes that the tour starts would hold a pipe open.
    with output.open("wb") as file:
        shell = subprocess.Popen(
            ["bash", str(script)],
            cwd=folder,
            env={**environment, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        code = shell.wait(LIMIT_S)
    finally:
        _stop_all(shell.pid)
    text = output.read_text(encoding="utf-8")
    assert code == 0, text
    yield text


def _stop_all(group: int) -> None:
    """End the shell's own process group: the tour's five processes are in it."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.mark.timeout(LIMIT_S + 30)
def test_the_tour_prints_what_the_readme_shows(printed: str) -> None:
    lines = {masked(line) for line in printed.splitlines()}
    shown = blocks("text tour")
    assert len(shown) > 10
    assert [line for line in shown if masked(line) not in lines] == [], printed


def test_the_tour_has_no_line_that_only_looks_like_a_command() -> None:
    commands = blocks("sh")
    assert sum(line.startswith(("hedui ", "hedui-node ")) for line in commands) > 25
    assert not [line for line in commands if line.startswith(("#", "$"))]
