"""Promises about the tree itself, so that they stay true.

Tests design.md 2.1.2, 2.4.9, 3.8, 6.6.
"""

import ast
import re
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest

from model.access import ACCESS
from model.explanations import EXPLANATIONS
from model.reasons import Reason

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "crypto",
    "ledger",
    "model",
    "runtime",
    "holder",
    "node",
    "registrar",
    "coordinator",
    "ceremony",
    "reviewer",
    "desk",
    "simulations",
)
SOURCES = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))


def rpcs() -> set[str]:
    """Full names of all methods of all services, from the generated descriptors."""
    folder = ROOT / "proto" / "python" / "hedui" / "v1"
    files = [import_module(f"hedui.v1.{p.stem}") for p in folder.glob("*_pb2.py")]
    return {
        f"/{service.full_name}/{method.name}"
        for file in files
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def test_every_rpc_has_a_row_in_the_access_table_and_no_row_is_left_over() -> None:
    assert rpcs() == set(ACCESS)


FIELD = re.compile(r"\s+(repeated |map<.*> )?[\w.]+ \w+ = \d+;|\s+rpc ")


def test_every_wire_field_and_rpc_is_commented() -> None:
    for path in sorted((ROOT / "proto" / "hedui" / "v1").glob("*.proto")):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("//"), f"{path.name} says nothing of itself"
        for before, line in pairwise(lines):
            if FIELD.match(line):
                assert before.strip().startswith("//"), f"{path.name}: {line.strip()}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_and_public_names_are_documented(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree) or not text.strip(), "the module says nothing of itself"
    for item in tree.body:
        if isinstance(item, ast.FunctionDef | ast.ClassDef) and not item.name.startswith("_"):
            assert ast.get_docstring(item), f"{item.name} has no docstring"


def test_only_one_module_reads_the_systems_randomness() -> None:
    pattern = re.compile(r"\bos\.urandom\b|^import secrets|^from secrets|SystemRandom")
    users = [p for p in SOURCES if pattern.search(p.read_text(encoding="utf-8"))]
    assert [str(p.relative_to(ROOT)) for p in users] == ["crypto/rng.py"]


def test_production_code_has_no_seeded_randomness() -> None:
    pattern = re.compile(r"^(import random$|from random import)", re.MULTILINE)
    users = [p for p in SOURCES if pattern.search(p.read_text(encoding="utf-8"))]
    assert {p.relative_to(ROOT).parts[0] for p in users} <= {"simulations"}


def test_every_reason_is_explained_and_documented() -> None:
    assert set(EXPLANATIONS) == set(Reason)
    documented = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
    for reason in Reason:
        assert f"`{reason}`" in documented, f"docs/reasons.md does not name {reason}"
        assert EXPLANATIONS[reason].mend in documented, f"docs/reasons.md: {reason} has aged"


def test_tests_and_proto_are_no_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))
    assert not list((ROOT / "proto").rglob("__init__.py"))


def test_tracked_files_name_no_machine_and_no_registry() -> None:
    import subprocess

    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    ).stdout
    names = [n for n in listed.decode().split("\0") if n]
    if not names:
        pytest.skip("not a git checkout")
    bad = re.compile(rb"https?://[^\s\"']*(/simple|registry|npmjs|mirror)|--index-url\s+http")
    for name in names:
        path = ROOT / name
        if path.is_file() and path.name != Path(__file__).name:
            assert not bad.search(path.read_bytes()), name


# The verifier shares no code with the writer, nor the plain evaluation with what it checks.
TOML_READERS = {"model/toml.py", "ledger/verify/reconcile_facts.py", "simulations/plain.py"}


def test_toml_has_one_reader() -> None:
    """tomllib is quadratic in dotted keys: whoever calls it must have counted them before."""
    words = ("tomllib", "get_close_matches")
    found = {word: {str(p.relative_to(ROOT)) for p in SOURCES if word in p.read_text()}
             for word in words}  # fmt: skip
    assert found["tomllib"] == TOML_READERS
    assert found["get_close_matches"] == {"model/mistakes.py"}
