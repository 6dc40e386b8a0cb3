"""One query's evidence: what it holds, that the verifier takes it, and every way to change it.

Tests design.md 1.5.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.errors import ExportError
from ledger.export import policy_digest
from ledger.verify import verdict as verify
from reviewer.evidence import write_evidence
from tests.support.ledgers import POLICY, QUERIES, Ledgers, honest, under_policy, verifier

TAX, BANK = QUERIES["tax"], QUERIES["bank"]
KEYS = [
    verifier(name).vkey()
    for name in ("registrar", "coordinator", "tax", "bank", "audit", "housing")
]


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    write_evidence(TAX, under_policy().write(tmp_path / "bundles"), tmp_path / "evidence")
    return tmp_path / "evidence"


def verdict(folder: Path, keys: list[str] = KEYS) -> tuple[str, int]:
    report, _ = verify.verify(folder, keys, [], lambda _done, _all: None)
    return report["kind"], report["index"]


def events(folder: Path, process: str) -> list[str]:
    files = sorted((folder / "logs" / process).glob("*.entry"), key=lambda p: int(p.stem))
    return [json.loads(file.read_bytes())["event"] for file in files]


def test_it_holds_what_is_about_the_query_and_nothing_of_other_departments(evidence: Path) -> None:
    assert verdict(evidence) == ("intact", -1)
    assert events(evidence, "tax") == ["policy.approved", "query.received", "query.answered"]
    assert events(evidence, "registrar") == [
        "policy.approved", "authorization.given", "manifest.issued", "permit.issued",
        "authorization.ended",
    ]  # fmt: skip
    coordinator = events(evidence, "coordinator")
    assert coordinator.count("query.sent") == coordinator.count("answer.received") == 1
    assert {"case.opened", "case.determined", "case.decided"} <= set(coordinator)
    assert events(evidence, "bank") == [
        "policy.approved", "opening.accepted", "opening.joined", "opening.step",
    ]  # fmt: skip
    assert [p.read_bytes() for p in evidence.glob("policies/*")] == [POLICY]
    named = [p for p in evidence.rglob("*.entry") if BANK.encode() in p.read_bytes()]
    assert [p.parent.name for p in named] == ["registrar"]


def change(folder: Path, pattern: str, before: bytes, after: bytes) -> None:
    """In the first file that holds it."""
    for path in sorted(folder.rglob(pattern)):
        if before in (data := path.read_bytes()):
            path.write_bytes(data.replace(before, after))
            return
    raise AssertionError(f"no {pattern} holds {before!r}")


def forge(folder: Path) -> None:
    """Swap in a log of the same name that another key signed."""
    made = Ledgers()
    for name in ("tax",):
        made.add(name, 0, "query.answered", query=TAX, manifest="c3" * 32, answer="11" * 32)
    other = made.write(folder.parent / "forged", ["tax"])
    note = next((other[0] / "checkpoints").iterdir()).read_bytes()
    target = next((folder / "logs" / "tax").glob("*.note"))
    target.write_bytes(note)


def leave_out_approvals(folder: Path) -> None:
    """As if nobody had approved the policy: its entries and the file are not there."""
    about = json.loads((folder / "evidence.json").read_bytes())
    for name, rows in about["entries"].items():
        kept = [events(folder, name)[i] != "policy.approved" for i in range(len(rows))]
        about["entries"][name] = [row for row, keep in zip(rows, kept, strict=True) if keep]
    (folder / "evidence.json").write_text(json.dumps(about))
    next(folder.glob("policies/*")).unlink()


def put_in(policies: Path) -> None:
    """A policy that nobody approved."""
    (policies / f"{policy_digest(b'')}.toml").write_bytes(b"")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "an entry": (lambda f: change(f, "*.entry", b"query.answered", b"query.received"), "modified"),
    "a proof": (lambda f: change(f, "tax/*.proof", b"\n", b"\n" + b"00" * 32 + b"\n"), "modified"),
    "a checkpoint's size": (lambda f: change(f, "tax/*.note", b"\n5\n", b"\n6\n"), "modified"),
    "another checkpoint": (forge, "modified"),
    "an entry gone": (lambda f: next(f.glob("logs/tax/*.entry")).unlink(), "missing"),
    "a checkpoint gone": (lambda f: next(f.glob("logs/tax/*.note")).unlink(), "missing"),
    "the policy": (lambda f: change(f, "policies/*", b"policy", b"favour"), "modified"),
    "the policy gone": (lambda f: next(f.glob("policies/*")).unlink(), "missing"),
    "the approvals left out": (leave_out_approvals, "missing"),
    "a policy put in": (lambda f: put_in(f / "policies"), "modified"),
    "the query of the contents": (
        lambda f: change(f, "evidence.json", TAX.encode(), BANK.encode()), "nothing"),
    "contents that lead elsewhere": (
        lambda f: change(f, "evidence.json", b'"tax":', b'"../tax":'), "unreadable"),
    "no contents": (lambda f: (f / "evidence.json").write_bytes(b"[]"), "unreadable"),
}  # fmt: skip


@pytest.mark.parametrize(("act", "kind"), CHANGES.values(), ids=CHANGES.keys())
def test_whatever_is_changed_is_found(
    act: Callable[[Path], object], kind: str, evidence: Path
) -> None:
    act(evidence)
    assert verdict(evidence)[0] == kind


def test_under_other_keys_nothing_is_signed(evidence: Path) -> None:
    assert verdict(evidence, [KEYS[0]])[0] == "unsigned"


def test_the_command_takes_it(evidence: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main([str(evidence)]) == 0
    assert (
        f"query {TAX} in audit, bank, coordinator, housing, registrar, tax"
        in capsys.readouterr().out
    )


def test_an_unknown_query_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="none of these bundles"):
        write_evidence("00" * 16, honest().write(tmp_path / "b"), tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_an_entry_that_names_a_path_for_its_policy_moves_no_file(tmp_path: Path) -> None:
    """Whose ledger it is chose the words; the reviewer's disk is none of its business."""
    made = under_policy()
    for name in ("query.received", "query.answered"):
        made.change("tax", name, policy="../../outside")
    bundles = made.write(tmp_path / "bundles")
    (tmp_path / "bundles" / "outside.toml").write_text("the reviewer's own")
    write_evidence(TAX, bundles, tmp_path / "evidence")
    assert {path.name for path in tmp_path.iterdir()} == {"bundles", "evidence"}
    assert list((tmp_path / "evidence" / "policies").iterdir()) == []
