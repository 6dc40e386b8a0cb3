"""The reviewer's tools on the ledgers of a federation that really ran, setbacks included."""

from pathlib import Path
from typing import Any

from coordinator.cli.exporting import export
from ledger.reconcile import Result, reconcile
from model.reasons import Reason
from runtime.errors import Refusal
from tests.support.county import PROCESSES
from tests.unit.coordinator.conftest import Bench


def exported(bench: Bench, folder: Path) -> list[Path]:
    """A bundle of every process."""
    folder.mkdir(exist_ok=True)
    names = [name for name, _, _, _ in PROCESSES]
    with bench.county.acting("rosa") as acting:
        for name in names:
            export(acting, name, folder / name, extra={})
    return [folder / name for name in names]


def reconciled(bench: Bench, paths: list[Path], grace_s: float = 0) -> Result:
    """As the reviewer does; nothing may be missing even for a moment."""
    federation = (bench.county.home / "federation.toml").read_bytes()
    return reconcile(paths, federation, grace_s=grace_s)


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
    bench.follow(cases, until=lambda c: any(d.reason for d in c.departments))
    bench.county.revoke(number)
    bench.county.clock.move(minutes=3)
    bench.county.stop("coordinator")
    bench.start("bank")
    bench.start("coordinator")
    bench.follow(cases)
    result = reconciled(bench, exported(bench, tmp_path / "all"))
    assert (result.findings, result.open, result.absent) == ([], [], [])


def _bend(reply: Any) -> Any:
    reply.receipt.index += 1
    return reply
