"""Policies beside a ledger: what was approved lies there, and nothing else."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.export import policy_digest
from ledger.verify import policies as verify_policies
from ledger.verify import verdict as verify
from ledger.verify.reconcile import Result, show
from ledger.verify.reconcile_checks import Finding
from model.policy import policy_digest as model_digest
from tests.support.ledgers import POLICY, under_policy, verifier

NAME = f"{policy_digest(POLICY)}.toml"
APPROVED = 1  # the second entry of every ledger


def verdict(path: Path) -> tuple[str, int, str]:
    report, _ = verify.verify(path, [verifier("tax").vkey()], [], lambda _done, _all: None)
    return report["kind"], report["index"], report["sentence"]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return under_policy().write(tmp_path / "bundles", ["tax"])[0]


def test_the_digest_is_the_one_that_everybody_computes() -> None:
    for policy in (b"", POLICY, bytes(1000)):
        assert verify_policies.digest_of(policy) == policy_digest(policy)
        assert verify_policies.digest_of(policy) == model_digest(policy).hex()


def test_a_bundle_holds_each_approved_policy_under_its_digest(bundle: Path) -> None:
    assert verdict(bundle)[0] == "intact"
    assert [p.name for p in (bundle / "policies").iterdir()] == [NAME]
    assert (bundle / "policies" / NAME).read_bytes() == POLICY
    line = (bundle / "entries" / "000000000000.jsonl").read_bytes().splitlines()[APPROVED]
    assert json.loads(line)["fields"]["policy"] + ".toml" == NAME


CHANGES: dict[str, tuple[Callable[[Path], object], str, int, str]] = {
    "modified": (
        lambda p: (p / NAME).write_bytes(POLICY + b"\n"), "modified", APPROVED, "was modified",
    ),
    "missing": (lambda p: (p / NAME).unlink(), "missing", APPROVED, f"policies/{NAME}"),
    "the folder missing": (
        lambda p: shutil.rmtree(p), "missing", APPROVED, f"policies/{NAME}",
    ),
    "renamed": (
        lambda p: (p / NAME).rename(p / f"{'0' * 64}.toml"), "modified", -1, "its name says",
    ),
    "put in": (
        lambda p: (p / f"{policy_digest(b'x')}.toml").write_bytes(b"x"), "modified", -1,
        "no entry approves",
    ),
    "too large": (lambda p: (p / NAME).write_bytes(bytes(1 << 20)), "unreadable", -1, "too large"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "kind", "index", "words"), CHANGES.values(), ids=CHANGES.keys())
def test_a_policy_that_is(
    change: Callable[[Path], object], kind: str, index: int, words: str, bundle: Path
) -> None:
    change(bundle / "policies")
    found = verdict(bundle)
    assert found[:2] == (kind, index)
    assert words in found[2]


def test_words_in_another_entry_approve_nothing(tmp_path: Path) -> None:
    made = under_policy()
    made.add("tax", 3700, "query.refused", reason='"event":"policy.approved"')
    made.add("tax", 3701, "process.stopped", reason='x","event":"policy.approved","y":"')
    assert verdict(made.write(tmp_path / "b", ["tax"])[0])[0] == "intact"


def test_the_database_of_a_stopped_process_is_held_against_its_policies(tmp_path: Path) -> None:
    """As a process stores them: ``policy`` beside the ledger's tables."""
    path = tmp_path / "tax.db"
    bundle = under_policy().write(tmp_path / "bundles", ["tax"])[0]
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE ledger_leaf (idx INTEGER PRIMARY KEY, entry BLOB)")
        db.execute("CREATE TABLE ledger_node (pos INTEGER PRIMARY KEY, hash BLOB)")
        db.execute("CREATE TABLE ledger_checkpoint (size INTEGER PRIMARY KEY, note BLOB)")
        db.execute("CREATE TABLE ledger_cosignature (size INTEGER, witness TEXT, line BLOB)")
        db.execute("CREATE TABLE ledger_key (vkey TEXT)")
        db.execute("CREATE TABLE policy (digest TEXT, body BLOB)")
        entries = (bundle / "entries" / "000000000000.jsonl").read_bytes().splitlines()
        hashes = (bundle / "hashes" / "000000000000.bin").read_bytes()
        nodes = [hashes[i : i + 32] for i in range(0, len(hashes), 32)]
        db.executemany("INSERT INTO ledger_leaf VALUES (?, ?)", enumerate(entries))
        db.executemany("INSERT INTO ledger_node VALUES (?, ?)", enumerate(nodes))
        note = next((bundle / "checkpoints").iterdir()).read_bytes()
        db.execute("INSERT INTO ledger_checkpoint VALUES (?, ?)", (len(entries), note))
        db.execute("INSERT INTO ledger_key VALUES (?)", (verifier("tax").vkey(),))
        db.execute("INSERT INTO policy VALUES (?, ?)", (policy_digest(POLICY), POLICY))
        db.commit()
        assert verdict(path)[0] == "intact"
        db.execute("UPDATE policy SET body = ?", (POLICY + b"\n",))
        db.commit()
    assert verdict(path)[:2] == ("modified", APPROVED)


def test_no_name_in_a_bundle_can_hide_what_is_said_of_it(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    concealing = "\x1b[8m\u202e.toml"
    (bundle / "policies" / concealing).write_bytes(b"")
    assert verify.main([str(bundle), "--key", verifier("tax").vkey()]) != 0
    said = capsys.readouterr().out
    assert "it was modified" in said
    assert said.isascii() and "\x1b" not in said
    finding = Finding("answer-without-query", "tax", 7, concealing)
    show(Result(findings=[finding]), as_json=False)
    said = capsys.readouterr().out
    assert said.isascii() and "\x1b" not in said
