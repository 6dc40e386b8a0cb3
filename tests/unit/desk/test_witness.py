"""A reviewer's own witness: it remembers, and an old backup that is put back shows.

Its key is pinned in the federation file: everybody counts its cosignatures, and no other's.

Tests design.md 2.1.7, 4.7, 4.8.
"""

import shutil
from pathlib import Path

import pytest

from crypto.signing import SigningKey
from desk.command import Options
from desk.commands.witness import CONTRADICTED
from desk.trust import pinned_keys
from hedui.v1 import ledger_pb2 as pb
from hedui.v1.ledger_pb2_grpc import LedgerServiceStub, WitnessServiceStub
from ledger import checkpoint, cosignature, merkle
from ledger.note import parse_note
from ledger.verify.verdict import main as verify
from ledger.verify.verdict import verify as report_of
from model.reasons import Reason
from runtime.errors import Refused
from runtime.site.identity import read_secret
from tests.support.bench import Bench, hedui

WITNESS = "hedui/hexi/rosa/witness"
STRANGER = SigningKey(bytes([9]) * 32)


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


def witnesses(bench: Bench, bundle: Path, *more: str) -> dict[str, int]:
    """Who cosigned a bundle under the keys that the federation file pins, to which size."""
    keys = pinned_keys(Options(bench.county.home))
    report, _ = report_of(bundle, [*keys, *more], [], lambda _done, _all: None)
    assert report["kind"] == "intact", report
    found: dict[str, int] = report["witnesses"]
    return found


def test_its_cosignature_stands_in_the_bundle_and_counts_under_the_pinned_key(
    bench: Bench, tmp_path: Path
) -> None:
    assert once(bench, tmp_path / "mine", "tax")[0] == 0
    size = len(bench.county.ledger("tax"))
    bundle = tmp_path / "shown" / "tax"
    export = ("ledger", "export", "tax", "--to", str(tmp_path / "shown"))
    assert hedui(bench, *export, person="rosa").exit_code == 0
    assert witnesses(bench, bundle)[WITNESS] == size
    # As anybody sees it who has the bundle alone, or the line that the witness keeps.
    vkey = (tmp_path / "mine" / "witness.vkey").read_text().strip()
    assert vkey in [path.read_text().strip() for path in bundle.glob("keys/*.vkey")]
    assert vkey in pinned_keys(Options(bench.county.home))


def test_a_cosignature_under_another_key_is_not_counted(bench: Bench, tmp_path: Path) -> None:
    """Added to a bundle by whoever holds it, under the witness's own name."""
    bundle = tmp_path / "shown" / "bank"
    export = ("ledger", "export", "bank", "--to", str(tmp_path / "shown"))
    assert hedui(bench, *export, person="rosa").exit_code == 0
    newest = sorted(bundle.glob("checkpoints/*.note"))[-1]
    note = newest.read_bytes()
    text = parse_note(note).text
    before = witnesses(bench, bundle)
    forged = cosignature.cosign(text, name=WITNESS, key=STRANGER, time_s=1).line()
    newest.write_bytes(note + forged)
    assert witnesses(bench, bundle) == before
    # Only who hands that key in believes it: then it is his word.
    vkey = cosignature.cosigner(WITNESS, STRANGER).vkey()
    assert witnesses(bench, bundle, vkey)[WITNESS] == checkpoint.unverified(note)[0].size
    # Under the pinned key's id, what it did not sign is no missing signature but a false one.
    own = SigningKey(read_secret(bench.county.home / "people" / "rosa" / "cosign.key"))
    other = checkpoint.Checkpoint("hedui/hexi/bank", 1, merkle.Root(bytes(32))).text()
    false = cosignature.cosign(other, name=WITNESS, key=own, time_s=1).line()
    newest.write_bytes(note + false)
    keys = pinned_keys(Options(bench.county.home))
    assert report_of(bundle, keys, [], lambda _done, _all: None)[0]["kind"] == "modified"


REFUSED = {
    "under another key": (WITNESS, STRANGER, Reason.SIGNATURE_INVALID),
    "in another witness's name": ("hedui/hexi/tax/witness", STRANGER, Reason.SIGNATURE_INVALID),
}


@pytest.mark.parametrize(("name", "key", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_process_keeps_no_cosignature(
    name: str, key: SigningKey, reason: Reason, bench: Bench
) -> None:
    with bench.county.acting("rosa") as acting:
        reply = acting.call("tax", LedgerServiceStub, "GetCheckpoint", pb.GetCheckpointRequest())
        text = parse_note(reply.checkpoint).text
        line = cosignature.cosign(text, name=name, key=key, time_s=1).line()
        size = checkpoint.unverified(reply.checkpoint)[0].size
        request = pb.KeepCosignatureRequest(size=size, cosignature=line)
        with pytest.raises(Refused) as caught:
            acting.call("tax", WitnessServiceStub, "KeepCosignature", request)
    assert caught.value.reason is reason


def test_one_key_has_one_memory_and_is_not_replaced(bench: Bench, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    assert once(bench, mine, "tax")[0] == 0
    assert not (mine / "witness.key").exists()
    vkey = cosignature.cosigner(WITNESS, STRANGER).vkey()
    (mine / "witness.vkey").write_text(vkey + "\n")
    result = hedui(bench, "witness", "serve", "tax", "--to", str(mine), "--once", person="rosa")
    assert "memory of another witness" in str(result.exception)
    assert (mine / "witness.vkey").read_text() == vkey + "\n"
    key = bench.county.home / "people" / "rosa" / "cosign.key"
    key.rename(tmp_path / "elsewhere")
    try:
        result = hedui(bench, "witness", "serve", "tax", "--to", str(mine), "--once", person="rosa")
        assert "cosign.key is missing" in str(result.exception)
        # All else that she does needs no witness's key.
        assert hedui(bench, "ledger", "checkpoint", "tax", person="rosa").exit_code == 0
    finally:
        (tmp_path / "elsewhere").rename(key)
