"""A bounded turn of coverage-guided fuzzing on every decoder; longer turns by hand.

Tests design.md 2.0.5, 3.5.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("decoders.py")
TARGETS = (
    "document",
    "jcs",
    "joint-key",
    "ciphertext",
    "plaintext-proof",
    "encrypted-bits",
    "terms",
    "element",
    "event",
    "note",
)
RUNS = {"plaintext-proof": 300, "encrypted-bits": 300, "terms": 300, "joint-key": 1000}


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this Python"
)
@pytest.mark.parametrize("target", TARGETS)
def test_a_decoder_refuses_with_its_own_error_or_round_trips(target: str, tmp_path: Path) -> None:
    runs = RUNS.get(target, 4000)
    result = subprocess.run(
        [sys.executable, str(PROGRAM), target, f"-runs={runs}", "-seed=1", "-max_len=2048"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
    assert f"Done {runs} runs" in result.stderr
