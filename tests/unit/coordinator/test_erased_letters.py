"""A letter of a household that was queried and determined is erased: what the reviewer sees.

Tests design.md 4.6.
"""

from pathlib import Path

from ledger.verify.verdict import verify
from runtime.errors import SettingsError
from tests.support.bench import Bench, exported, hedui, reconciled


def _entries(bundle: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(bundle.glob("entries/*.jsonl")))


def test_every_proof_holds_and_everybody_tells_the_same_story(bench: Bench, tmp_path: Path) -> None:
    number = bench.household()
    (case,) = bench.verify(number)
    assert case.state == "determined"
    bench.county.revoke(number)
    before = exported(bench, tmp_path / "before")
    # Another test of this federation shows a node a fork, which stays in its ledger for ever.
    assert {finding.kind for finding in reconciled(bench, before).findings} <= {"forked"}
    asked = hedui(bench, "authorization", "erase", number, "--reason", "requested", person="clara")
    assert (asked.exit_code, "a checker must now erase it" in asked.stdout) == (0, True)
    done = hedui(
        bench, "authorization", "erase", number, "--reason", "requested", "--yes", person="chris"
    )
    assert (done.exit_code, f"{number}: erased" in done.stdout) == (0, True)
    after = exported(bench, tmp_path / "after")
    for old, new in zip(before, after, strict=True):
        report, _ = verify(new, [], [], lambda done, size: None)
        assert report["kind"] == "intact", report
        assert _entries(new).startswith(_entries(old)), new.name
    assert {finding.kind for finding in reconciled(bench, after).findings} <= {"forked"}


def test_a_command_line_that_is_wrong_says_what_is_right(bench: Bench) -> None:
    wrong = hedui(bench, "authorization", "erase", "N-1", "--reason", "tidy", person="clara")
    assert isinstance(wrong.exception, SettingsError)
    assert "retention-over, requested, registered-in-error, ordered" in str(wrong.exception)
