"""A reviewer's own witness: it remembers, and an old backup that is put back shows."""

import shutil
from pathlib import Path

from coordinator.cli.witness import CONTRADICTED
from ledger.verify import main as verify
from tests.unit.coordinator.conftest import Bench
from tests.unit.coordinator.test_commands import hedui


def once(bench: Bench, folder: Path, *names: str) -> tuple[int, str]:
    """Exit code and all that was said."""
    result = hedui(bench, "witness", "serve", *names, "--to", str(folder), "--once", person="rosa")
    return result.exit_code, result.output


def test_it_sees_every_log_grow_and_a_restored_backup(bench: Bench, tmp_path: Path) -> None:
    folder, name = tmp_path / "mine", "police"
    code, said = once(bench, folder)
    assert (code, said.count(" new")) == (0, 6)
    database = bench.county.home / name / "data"
    bench.county.stop(name)
    shutil.copytree(database, tmp_path / "backup")
    bench.start(name)
    assert once(bench, folder, name)[0] == 0
    bench.county.stop(name)
    shutil.copytree(database, tmp_path / "present")
    _put(tmp_path / "backup", database)
    bench.county.clock.move(minutes=1)
    bench.start(name)
    code, said = once(bench, folder, name)
    newest = sorted((folder / f"hedui_hexi_{name}").glob("cosigned-*.note"))[-1]
    shown = tmp_path / "shown"
    assert hedui(bench, "ledger", "export", name, "--to", str(shown), person="rosa").exit_code == 0
    bench.county.stop(name)
    _put(tmp_path / "present", database)
    bench.start(name)
    assert (code, "CONTRADICTED" in said) == (CONTRADICTED, True), said
    assert len(list((folder / f"hedui_hexi_{name}").glob("fork-*"))) == 2
    # What the witness kept is what the offline verifier needs.
    assert verify([str(shown / name)]) == 0
    assert verify([str(shown / name), "--checkpoint", str(newest)]) in (10, 12, 13)
    assert once(bench, folder, name)[0] == 0


def _put(source: Path, target: Path) -> None:
    shutil.rmtree(target)
    shutil.copytree(source, target)


def test_a_process_that_is_away_is_not_accused(bench: Bench, tmp_path: Path) -> None:
    once(bench, tmp_path / "mine", "bank")
    bench.county.stop("bank")
    code, said = once(bench, tmp_path / "mine", "bank", "tax")
    assert (code, "bank: not seen" in said, "tax: " in said) == (0, True, True)
