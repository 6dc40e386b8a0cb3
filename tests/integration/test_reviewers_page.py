"""What docs/reviewers.md and docs/ledger.md type runs as it stands there, on the demo's export.

Tests design.md 4.2.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import County

ROOT = Path(__file__).resolve().parents[2]
BLOCK = r"^```sh {}\n(.*?)^```$"


def typed(page: str, kind: str, county: County, folder: Path) -> str:
    """Run all blocks of one kind of a page, one after the other; return what they print."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(BLOCK.format(kind), text, re.MULTILINE | re.DOTALL)
    assert blocks
    (folder / "demo-home").symlink_to(county.home)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "".join(blocks)],
        cwd=folder, env={**os.environ, "PATH": path, "COLUMNS": "200"},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_worked_case_runs_as_typed(county: County, tmp_path: Path) -> None:
    printed = typed("reviewers.md", "reviewer", county, tmp_path)
    for words in (
        ": nothing to report",
        "case.determined",
        "entry 0 of hedui/",
        "evidence: intact:",
        "sample.opened",
    ):
        assert words in printed
    assert printed.count("exit code 10") == 2
    # Drawn and opened, then from what was kept; nothing failed and every value was recomputed.
    assert printed.count("2 entries: every check passes") == 2
    assert "answer: tax" in printed


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl on this machine")
def test_a_checkpoint_and_a_leaf_are_checked_with_other_peoples_tools(
    county: County, tmp_path: Path
) -> None:
    printed = typed("ledger.md", "ledger", county, tmp_path)
    assert "Signature Verified Successfully" in printed
    *_, computed, stored = printed.splitlines()
    assert computed.split()[0] == stored.strip()
