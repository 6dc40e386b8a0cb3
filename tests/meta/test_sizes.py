"""Nothing public takes more than six arguments, no function is longer than 60 lines, no module
than 500, and half of all functions stay below ten. Exceptions are named here, each with its reason.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from tests.meta.test_house import ROOT, SOURCES

ARGUMENTS, LINES, MODULE_LINES, MEDIAN = 6, 60, 500, 10

COMMAND = "typer reads its options from the signature"
MORE_ARGUMENTS = {
    "desk/commands/ledger/entries.py:show": COMMAND,
    "desk/commands/ledger/report.py:report": COMMAND,
    "desk/commands/ledger/sample.py:sample": COMMAND,
    "desk/commands/verify.py:verify": COMMAND,
}
LONGER_FUNCTIONS: dict[str, str] = {}
LONGER_MODULES: dict[str, str] = {}


@dataclass(frozen=True)
class Function:
    """A function or method as it stands in the tree."""

    name: str
    arguments: int
    lines: int
    is_public: bool


def functions(path: Path) -> Iterator[Function]:
    """All functions of a module, and the methods of its classes."""
    yield from _functions(ast.parse(path.read_text(encoding="utf-8")), str(path), public=True)


def _functions(tree: ast.Module | ast.ClassDef, where: str, *, public: bool) -> Iterator[Function]:
    for item in tree.body:
        if isinstance(item, ast.ClassDef):
            hidden = item.name.startswith("_")
            yield from _functions(item, f"{where}:{item.name}", public=public and not hidden)
        elif isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            name = item.name
            yield Function(
                name=f"{where}:{name}",
                arguments=_arguments(item),
                lines=(item.end_lineno or item.lineno) - item.lineno + 1,
                is_public=public and (name == "__init__" or not name.startswith("_")),
            )


def _arguments(item: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = item.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    stars = [a for a in (given.vararg, given.kwarg) if a is not None]
    return len([n for n in names if n not in ("self", "cls")]) + len(stars)


@pytest.fixture(scope="module")
def found() -> list[Function]:
    """Every function of the production code, by its path within the tree."""
    return [
        Function(each.name.removeprefix(f"{ROOT}/"), each.arguments, each.lines, each.is_public)
        for path in SOURCES
        for each in functions(path)
    ]


def test_public_functions_take_at_most_six_arguments(found: list[Function]) -> None:
    many = {f.name for f in found if f.is_public and f.arguments > ARGUMENTS}
    assert many == set(MORE_ARGUMENTS), "group what belongs together, or name the exception here"


def test_no_function_is_longer_than_sixty_lines(found: list[Function]) -> None:
    assert {f.name for f in found if f.lines > LINES} == set(LONGER_FUNCTIONS)


def test_no_module_is_longer_than_five_hundred_lines() -> None:
    lines = {str(p.relative_to(ROOT)): p.read_text("utf-8").count("\n") for p in SOURCES}
    assert {name for name, count in lines.items() if count > MODULE_LINES} == set(LONGER_MODULES)


def test_half_of_all_functions_stay_below_ten_lines(found: list[Function]) -> None:
    assert median(f.lines for f in found) < MEDIAN


MEASURED = """
class A:
    def __init__(self, a, *, b): ...
    def shown(self, a, /, b, *c, d, **e): ...
    @classmethod
    def made(cls, a): ...
class _B:
    def inside(self): ...
def _hidden(
    a,
): ...
"""


def test_the_measure_counts_what_a_caller_gives(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MEASURED)
    measured = [
        (f.name.rpartition(":")[2], f.arguments, f.lines, f.is_public)
        for f in functions(tmp_path / "m.py")
    ]
    assert measured == [
        ("__init__", 2, 1, True),
        ("shown", 5, 1, True),
        ("made", 1, 1, True),
        ("inside", 0, 1, False),
        ("_hidden", 1, 3, False),
    ]
