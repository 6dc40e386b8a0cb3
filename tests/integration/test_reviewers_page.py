"""The worked case of docs/reviewers.md runs as it is typed, on what the demo exported."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import County

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```sh reviewer\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_worked_case_runs_as_typed(county: County, tmp_path: Path) -> None:
    script = "".join(BLOCK.findall((ROOT / "docs" / "reviewers.md").read_text(encoding="utf-8")))
    (tmp_path / "demo-home").symlink_to(county.home)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path, env={**os.environ, "PATH": path, "COLUMNS": "200"},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    for words in (
        ": nothing to report",
        "case.determined",
        "entry 0 of hedui/",
        "evidence: intact:",
    ):
        assert words in done.stdout
    assert done.stdout.count("exit code 10") == 2
