"""README's excerpt of the demo is what the demo prints, volatile parts masked.

Tests design.md 5.16.
"""

import re
from pathlib import Path

from tests.conftest import County

ROOT = Path(__file__).resolve().parents[2]
EXCERPT = re.compile(r"^```text demo\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MASKS = (
    (r"\[ *\d+\.\d s\]", "[seconds]"),
    (r"\d{4}-\d\d-\d\d", "[date]"),
    (r"#\d+", "#[entry]"),
    (r"\S*/audit/", "[home]/audit/"),
    (r"\d+ (entries|signed checkpoints)", r"[number] \1"),
    (r"entry \d+", "entry [number]"),
    (r"\(\d+\)", "([number])"),
    (r"\s+", " "),
)


def masked(line: str) -> str:
    """The line without seconds, dates, ledger indexes, paths and padding."""
    for pattern, word in MASKS:
        line = re.sub(pattern, word, line)
    return line.strip()


def test_the_excerpt_is_what_the_demo_prints(county: County) -> None:
    [block] = EXCERPT.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    lines = block.splitlines()
    assert len(lines) >= 10
    printed = {masked(line) for line in county.printed.splitlines()}
    assert [line for line in lines if masked(line) not in printed] == []
