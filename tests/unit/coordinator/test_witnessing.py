"""The reviewer's tools on the ledgers of a federation that really ran, setbacks included.

Tests design.md 4.7, 4.8, 4.10.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from crypto.signing import SigningKey
from desk.client.ledgers import export
from hedui.v1 import ledger_pb2 as pb
from hedui.v1.ledger_pb2_grpc import WitnessServiceStub
from ledger import checkpoint, cosignature, log, merkle
from ledger.checkpoint import Checkpoint
from ledger.errors import ExportError
from ledger.note import parse_note
from ledger.verify.verdict import verify
from model.policy import policy_digest
from model.reasons import Reason
from runtime.errors import Refusal, Refused
from runtime.storage.store import POLICIES
from tests.support.bench import Bench, exported, one_waits, reconciled, rounds
from tests.support.county import POLICY, PROCESSES


def test_a_federation_that_ran_reconciles_whatever_was_lost_on_the_way(
    bench: Bench, tmp_path: Path
) -> None:
    seen: set[tuple[str, str]] = set()

    def loses(process: str, method: str) -> Any:
        def hook(reply: Any) -> Any:
            if (process, method) not in seen:
                seen.add((process, method))
                raise Refusal(Reason.OVERLOADED, "the reply is lost on its way")
            return reply

        return hook

    bench.verify(bench.household())
    for name, bend in bench.bends.items():
        methods = ("Answer", "IssueManifest", "IssuePermit", "Mask", "Open", "Conclude")
        bend.after = {m: loses(name, m) for m in methods} if name != "coordinator" else {}
    bench.verify(bench.household())
    bench.straight()
    bench.bends["tax"].after["Answer"] = _bend
    bench.verify(bench.household())
    bench.straight()
    number = bench.household()
    bench.county.stop("bank")
    cases = bench.open(number)
    bench.follow(cases, until=one_waits)
    bench.county.revoke(number)
    bench.county.clock.move(minutes=3)
    bench.county.stop("coordinator")
    bench.start("bank")
    bench.start("coordinator")
    bench.follow(cases)
    result = reconciled(bench, exported(bench, tmp_path / "all"))
    assert (result.findings, result.open, result.absent) == ([], [], [])


def test_a_bundle_holds_what_was_approved_or_is_not_written(bench: Bench, tmp_path: Path) -> None:
    for path in exported(bench, tmp_path / "all"):
        name = f"{policy_digest(POLICY).hex()}.toml"
        assert (path / "policies" / name).read_bytes() == POLICY
        report, _ = verify(path, [], [], lambda _done, _all: None)
        assert (report["kind"], report["policies"] > 0) == ("intact", True), report
    writer = bench.county.services["police"].parts.writer
    stored = update(POLICIES).where(POLICIES.c.digest == policy_digest(POLICY).hex())
    writer.run(lambda tx: tx.conn.execute(stored.values(body=b"withheld")))
    try:
        with (
            bench.county.acting("rosa") as acting,
            pytest.raises(ExportError, match=r"does not show the policy [0-9a-f]{64}"),
        ):
            export(acting, "police", tmp_path / "one" / "police", extra={})
    finally:
        writer.run(lambda tx: tx.conn.execute(stored.values(body=POLICY)))
    assert list((tmp_path / "one").iterdir()) == []


def _bend(reply: Any) -> Any:
    reply.receipt.index += 1
    return reply


def cosigned(bench: Bench, name: str) -> list[str]:
    """Origins whose checkpoints this process cosigned, from its ledger."""
    return [e.fields["origin"] for e in bench.county.ledger(name, event_name="peer.cosigned.v2")]


def test_everybody_witnesses_the_coordinator_and_it_everybody(bench: Bench, tmp_path: Path) -> None:
    exchange, others = rounds(bench), [n for n, r, _, _ in PROCESSES if r != "coordinator"]
    for _ in range(2):
        bench.verify(bench.household())
        exchange.round()
    assert set(cosigned(bench, "coordinator")) == {f"hedui/hexi/{name}" for name in others}
    for name in others:
        assert set(cosigned(bench, name)) == {"hedui/hexi/coordinator"}
    with bench.county.acting("rosa") as acting:
        export(acting, "coordinator", tmp_path / "coordinator", extra={})
        export(acting, "tax", tmp_path / "tax", extra={})
    for name, count in (("coordinator", len(others)), ("tax", 1)):
        report, _ = verify(tmp_path / name, [], [], lambda _done, _all: None)
        assert (report["kind"], len(report["witnesses"])) == ("intact", count), report


def test_a_round_without_anything_new_writes_nothing(bench: Bench) -> None:
    exchange = rounds(bench)
    exchange.round()
    sizes = {name: len(bench.county.ledger(name)) for name, _, _, _ in PROCESSES}
    exchange.round()
    assert {name: len(bench.county.ledger(name)) for name, _, _, _ in PROCESSES} == sizes


def test_a_peer_that_was_away_is_shown_the_log_when_it_is_back(bench: Bench) -> None:
    exchange = rounds(bench)
    exchange.round()
    bench.county.stop("bank")
    bench.verify(bench.county.authorize(900, confirm=False))
    exchange.round()
    bench.start("bank")
    before = len(cosigned(bench, "bank"))
    exchange.round()
    assert len(cosigned(bench, "bank")) == before + 1


def test_a_coordinator_that_shows_a_node_another_log_is_refused_and_both_sides_are_kept(
    own: Bench, tmp_path: Path
) -> None:
    rounds(own).round()
    parts = own.county.services["coordinator"].parts
    with parts.database.read() as conn:
        size = log.size(conn)
    forged = checkpoint.sign(
        Checkpoint(parts.signer.origin, size + 1, merkle.Root(bytes(32))), parts.identity.sign_key
    )
    stub, name = WitnessServiceStub, "tax"
    empty = parts.dialer.call(name, stub, "AddCheckpoint", _add(forged, 0), timeout_s=20)
    assert (empty.cosignature, empty.size) == (b"", empty.size)
    lie = _add(forged, empty.size, proof=[bytes(32)])
    refused(
        Reason.PROOF_INVALID,
        lambda: parts.dialer.call(name, stub, "AddCheckpoint", lie, timeout_s=20),
    )
    assert own.county.ledger("tax")[-1].event == "peer.forked.v2"
    paths = exported(own, tmp_path / "all")
    (finding,) = reconciled(own, paths).findings
    assert (finding.kind, finding.ledger) == ("forked", "tax")
    assert "its signed checkpoint lies in the bundle" in finding.sentence
    assert (tmp_path / "all" / "tax" / "extra" / "fork-0-theirs.note").read_bytes() == forged


REFUSED: dict[str, tuple[pb.AddCheckpointRequest, Reason]] = {
    "not a note": (pb.AddCheckpointRequest(checkpoint=b"x"), Reason.PROOF_INVALID),
    "too large": (pb.AddCheckpointRequest(checkpoint=bytes(8193)), Reason.MALFORMED),
    "a proof without end": (pb.AddCheckpointRequest(proof=[bytes(32)] * 63), Reason.MALFORMED),
}


@pytest.mark.parametrize(("request_", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_checkpoint_of_the_caller_is_refused(
    bench: Bench, request_: pb.AddCheckpointRequest, reason: Reason
) -> None:
    dialer = bench.county.services["coordinator"].parts.dialer
    refused(
        reason,
        lambda: dialer.call("tax", WitnessServiceStub, "AddCheckpoint", request_, timeout_s=20),
    )


def test_nobody_has_anothers_log_cosigned_or_keeps_a_foreign_cosignature(bench: Bench) -> None:
    registrar = bench.county.services["registrar"].parts
    with registrar.database.read() as conn:
        note = registrar.signer.checkpoint(conn)
    dialer = bench.county.services["coordinator"].parts.dialer
    refused(
        Reason.SIGNATURE_INVALID,
        lambda: dialer.call(
            "tax", WitnessServiceStub, "AddCheckpoint", _add(note, 0), timeout_s=20
        ),
    )
    line = cosignature.cosign(
        parse_note(note).text, name="hedui/hexi/coordinator/witness", key=STRANGER, time_s=1
    ).line()
    keep = pb.KeepCosignatureRequest(size=1, cosignature=line)
    refused(
        Reason.SIGNATURE_INVALID,
        lambda: dialer.call("tax", WitnessServiceStub, "KeepCosignature", keep, timeout_s=20),
    )


STRANGER = SigningKey(bytes([9]) * 32)


def _add(note: bytes, old_size: int, proof: Sequence[bytes] = ()) -> pb.AddCheckpointRequest:
    return pb.AddCheckpointRequest(checkpoint=note, old_size=old_size, proof=proof)


def refused(reason: Reason, act: Callable[[], Any]) -> None:
    """Check that a call is refused for this reason."""
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.reason is reason, caught.value.detail
