"""Promises about the desk: commands found by their names, a client that prints nothing.

Tests design.md 6.5.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from desk.program import Lazy, LazyGroup
from simulations.commands_page import leaves, programs

ROOT = Path(__file__).resolve().parents[2]
DESK = sorted((ROOT / "desk").rglob("*.py"))
CLIENT = sorted((ROOT / "desk" / "client").rglob("*.py"))
MANY_OPTIONS = {
    "desk/commands/verify.py": "verify",
    "desk/commands/ledger/entries.py": "show",
    "desk/commands/ledger/report.py": "report",
    "desk/commands/ledger/sample.py": "sample",
}
"""Commands with more than six options: a person names them, no caller counts them."""


def name_of(path: Path) -> str:
    """The path from the root."""
    return path.relative_to(ROOT).as_posix()


def commands() -> Iterator[tuple[str, str, Any]]:
    """Program, words and command, of every command."""
    for program, app in programs():
        for words, command in leaves(get_command(app)):
            yield program, words, command


def home_of(program: str, words: str) -> str:
    """Where a command is by its name: the module of its noun, or a package of that noun.

    What both programs have is at ``hedui``; what ``hedui-node`` has without a noun is the node's.
    """
    noun, _, verb = words.partition(" ")
    if program == "hedui" or noun == "health":
        return f"desk.commands.{noun}"
    return f"desk.node_commands.{noun if verb else 'node'}"


COMMANDS = {f"{program} {words}": (program, words, found) for program, words, found in commands()}


@pytest.mark.parametrize(("program", "words", "command"), COMMANDS.values(), ids=COMMANDS.keys())
def test_a_command_is_found_by_its_name(program: str, words: str, command: Any) -> None:
    home, module = home_of(program, words), command.callback.__module__
    assert module == home or module.startswith(f"{home}.")


def lazy_groups(group: LazyGroup) -> Iterator[LazyGroup]:
    """The group, and the lazy ones below it."""
    yield group
    for found in group.loaded().values():
        if isinstance(found, LazyGroup):
            yield from lazy_groups(found)


def entries() -> Iterator[tuple[str, Lazy, Any]]:
    """Name, entry in the table, and the command itself, of every lazy group."""
    for _, app in programs():
        for group in lazy_groups(get_command(app)):  # type: ignore[arg-type]
            for name, command in group.loaded().items():
                yield name, group.table[name], command


def test_lists_of_commands_say_what_the_commands_say() -> None:
    for name, entry, command in entries():
        _compare(name, entry, command)


def _compare(name: str, entry: Lazy, command: Any) -> None:
    first = command.help.partition("\n\n")[0]
    assert entry.help == " ".join(first.split())
    assert command.name == name


HEAVY = ("grpc", "sqlalchemy", "cryptography", "gmpy2", "structlog")
WAITS_FOR = {
    "the list of commands": (("--help",), HEAVY),
    "the list of a group": (("ledger", "--help"), HEAVY),
    "verifying ledgers offline": (("ledger", "verify", "/nowhere"), ("grpc", "sqlalchemy")),
}
RUN = """
import sys
from desk.commands.main import build
try:
    build()(sys.argv[2:])
except (SystemExit, Exception):
    pass
print(sorted(set(sys.argv[1].split(",")) & set(sys.modules)))
"""


def python(source: str, *arguments: str) -> str:
    """What a fresh interpreter prints last; its errors where it fails."""
    ended = subprocess.run(
        [sys.executable, "-c", source, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.rstrip().rpartition("\n")[2]


@pytest.mark.parametrize(("words", "heavy"), WAITS_FOR.values(), ids=WAITS_FOR.keys())
def test_what_a_command_does_not_need_it_does_not_import(
    words: tuple[str, ...], heavy: tuple[str, ...]
) -> None:
    assert python(RUN, ",".join(heavy), *words) == "[]"


WITHOUT_POSIX = """
import importlib, os, pkgutil, signal, sys
# The libraries have wheels for Windows; it is our own modules that are looked at.
import asyncio, cryptography, gmpy2, grpc, grpc_health.v1.health, logging.handlers
import multiprocessing, psycopg, pydantic, rich.progress, sqlalchemy, structlog, subprocess, typer

for name in ("fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"):
    sys.modules[name] = None
for name in ("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "fchmod", "fork", "geteuid",
             "getuid", "killpg", "pread", "pwrite", "sched_getaffinity", "setsid", "statvfs"):
    delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1"):
    delattr(signal, name)

found = []
for root in ("crypto", "model", "desk"):
    package = importlib.import_module(root)
    for each in pkgutil.walk_packages(package.__path__, f"{root}.", onerror=found.append):
        importlib.import_module(each.name)
        found.append(each.name)
print(len(found))
"""


def test_desk_model_and_crypto_import_without_what_windows_lacks() -> None:
    modules = [p for name in ("crypto", "model", "desk") for p in (ROOT / name).rglob("*.py")]
    assert int(python(WITHOUT_POSIX)) == len(modules) - 3  # the three packages themselves


def imported(tree: ast.AST) -> set[str]:
    """Every module that is imported, in full, wherever."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{each.name}" for each in node.names} | {node.module}
    return names


@pytest.mark.parametrize("path", CLIENT, ids=name_of)
def test_the_client_prints_nothing_and_ends_no_program(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = imported(tree)
    assert {name.partition(".")[0] for name in names} & {"typer", "click", "rich", "sys"} == set()
    # Of the desk it knows itself alone.
    assert all(name.startswith("desk.client") for name in names if name.startswith("desk"))
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called & {"print", "input", "exit", "quit"} == set()


@pytest.mark.parametrize("path", DESK, ids=name_of)
def test_imports_stand_at_the_top(path: Path) -> None:
    """A lazy group needs no imports inside of functions, and no twins for the type checker."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and node not in tree.body
    ]
    if name_of(path) == "desk/program.py":
        # How an error ends a program: whatever failed has imported as much already.
        inside = inside[2:]
    assert inside == []
    assert "typing.TYPE_CHECKING" not in imported(tree)


@pytest.mark.parametrize("path", DESK, ids=name_of)
def test_public_functions_take_at_most_six_arguments(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            count = sum(a.arg not in ("self", "cls") for a in node.args.args)
            count += len(node.args.kwonlyargs)
            assert count <= 6 or MANY_OPTIONS.get(name_of(path)) == node.name, node.name
