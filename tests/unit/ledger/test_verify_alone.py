"""Verifier and reconciliation stand alone: no code of the writer, no packages but pycryptodome.

Tests design.md 4.9, 6.4.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "ledger" / "verify").glob("*.py"))
ALLOWED = {"Crypto", *sys.stdlib_module_names}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_imports_only_itself_the_library_and_pycryptodome(path: Path) -> None:
    own = {f"ledger.verify.{file.stem}" for file in FILES}
    assert len(FILES) == 12
    for name in imports(path):
        assert name in own or name.split(".")[0] in ALLOWED, name


def test_the_package_itself_brings_nothing() -> None:
    assert imports(ROOT / "ledger" / "__init__.py") == set()


def test_it_runs_with_the_other_packages_out_of_reach(tmp_path: Path) -> None:
    """Only the verify files and pycryptodome on the path, as at a reviewer's desk."""
    (tmp_path / "ledger" / "verify").mkdir(parents=True)
    for file in (*FILES, ROOT / "ledger" / "__init__.py"):
        (tmp_path / file.relative_to(ROOT)).write_bytes(file.read_bytes())
    import Crypto

    (tmp_path / "Crypto").symlink_to(Path(next(iter(Crypto.__path__))))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c",
         f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); "
         "sys.argv = ['verify', '/nowhere']; "
         "runpy.run_module('ledger.verify', run_name='__main__')"],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "/nowhere: there is no such bundle, evidence or database" in done.stdout
