"""Import and enrolment through the running node: all or nothing, resumable, under one key only.

Tests design.md 2.2.2, 2.2.3, 2.2.4, 2.2.8.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from crypto import oprf
from crypto.rng import system_rng
from hedui.v1 import node_pb2
from hedui.v1.node_pb2_grpc import NodeAdminServiceStub
from ledger import event, log
from model.reasons import Reason
from node.index.store import BATCHES, PSEUDONYMS
from node.records.store import PERSONS, ROWS
from runtime import errors
from tests.support.homes import Home
from tests.support.nodes import HOMES, WAGES, World, make_node_home, person, run_node, serve_node
from tests.support.postgres import ENGINES, database_for

ANN, BEN, CAT = (person(i) for i in (1, 2, 3))
HEAD = "id_no,month,amount\n"


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = database_for(request.param, request)
    with run_node(tmp_path / "home", enrol_batch=2, database_url=url) as world:
        yield world


def dump(world: World) -> dict[str, list[tuple[object, ...]]]:
    """Everything that an import may change."""
    with world.service.parts.database.read() as conn:
        tables = (PERSONS, ROWS, PSEUDONYMS)
        rows = {t.name: [tuple(r) for r in conn.execute(select(t))] for t in tables}
        rows["ledger"] = [(log.size(conn),)]
        return rows


def count(world: World, table: object) -> int:
    with world.service.parts.database.read() as conn:
        return conn.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


def reason_of(call: Callable[[], object]) -> errors.Refused:
    with pytest.raises(errors.Refused) as caught:
        call()
    return caught.value


def status(world: World) -> tuple[int, int]:
    reply = world.admin("GetStatus", node_pb2.GetStatusRequest())
    return reply.persons, reply.indexed


# ------------------------------------------------------------------ import


def test_an_import_is_ledgered_without_anybody_in_it(world: World) -> None:
    reply = world.load(WAGES, f"{HEAD}{ANN},2026-10,5\n{ANN},2026-09,5\n{BEN},2026-10,5\n")
    assert (reply.rows, reply.persons, reply.not_indexed) == (3, 2, 2)
    with world.service.parts.database.read() as conn:
        entry = event.decode(log.leaf(conn, log.size(conn) - 1))
    assert entry.event == "resource.imported"
    assert entry.fields.keys() == {"resource", "data_date", "person"}
    assert "adam" not in str(entry)


WRONG = {
    "a bad amount in the last line": (WAGES, f"{HEAD}{BEN},2026-10,5\n{CAT},2026-10,x\n"),
    "an empty file": (WAGES, ""),
    "a wrong mapping": (WAGES.replace(b"yuan", b"dollar"), f"{HEAD}{BEN},2026-10,5\n"),
    "data of the day after tomorrow": (
        WAGES.replace(b"2026-10-31", b"2026-11-25"), f"{HEAD}{BEN},2026-10,5\n"),
    "another department's resource": (
        WAGES.replace(b"tax.wages", b"bank.wages"), f"{HEAD}{BEN},2026-10,5\n"),
}  # fmt: skip


@pytest.mark.parametrize(("mapping", "csv"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_import_changes_nothing(world: World, mapping: bytes, csv: str) -> None:
    world.load(WAGES, f"{HEAD}{ANN},2026-10,5\n")
    world.enrol()
    before = dump(world)
    refused = reason_of(lambda: world.load(mapping, csv))
    assert refused.reason is Reason.IMPORT_INVALID
    assert BEN not in refused.detail and CAT not in refused.detail
    assert dump(world) == before
    assert list((world.home.path / "tax" / "data").glob("import-*")) == []


def test_a_file_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    with run_node(tmp_path / "home", max_csv_bytes=1024) as world:
        rows = "".join(f"{person(i)},2026-10,5\n" for i in range(100))
        assert "max_csv_bytes" in reason_of(lambda: world.load(WAGES, HEAD + rows)).detail
        assert status(world) == (0, 0)


def test_pieces_without_a_mapping_are_refused(world: World) -> None:
    refused = reason_of(lambda: world.admin("ImportResource", [node_pb2.ImportRequest(csv=b"a")]))
    assert refused.reason is Reason.MALFORMED


def test_who_is_in_no_resource_any_more_leaves_the_index(world: World) -> None:
    world.load(WAGES, f"{HEAD}{ANN},2026-10,5\n{BEN},2026-10,5\n")
    world.load(HOMES, f"id_no,home,area\n{BEN},H1,50\n")
    world.enrol()
    assert count(world, PSEUDONYMS) == 2
    world.load(WAGES, f"{HEAD}{CAT},2026-10,5\n")
    assert status(world) == (2, 1)
    assert count(world, PSEUDONYMS) == 1
    world.load(HOMES, f"id_no,home,area\n{ANN},H1,50\n")
    assert status(world) == (2, 0)
    world.enrol()
    assert status(world) == (2, 2)


def test_another_organisations_admin_is_refused(world: World) -> None:
    with world.dialer("olga") as dialer, pytest.raises(errors.Refused) as caught:
        request = node_pb2.GetStatusRequest()
        dialer.call("tax", NodeAdminServiceStub, "GetStatus", request, timeout_s=20)
    assert caught.value.reason is Reason.WRONG_ROLE


# ------------------------------------------------------------------ the stale index


def test_people_outside_the_index_make_it_stale(world: World) -> None:
    world.load(WAGES, f"{HEAD}{ANN},2026-10,5\n")
    world.load(HOMES, f"id_no,home,area\n{ANN},H1,50\n")
    world.approve()
    case = world.case([BEN])
    assert reason_of(lambda: world.ask(case)).reason is Reason.INDEX_STALE
    world.enrol()
    world.ask(case)
    world.load(WAGES, f"{HEAD}{ANN},2026-10,5\n{CAT},2026-10,5\n")
    assert reason_of(lambda: world.ask(world.case([BEN]))).reason is Reason.INDEX_STALE


def test_within_its_update_cycle_a_node_answers(tmp_path: Path) -> None:
    with run_node(tmp_path / "home", index_grace_s=3600) as world:
        world.load(WAGES, f"{HEAD}{ANN},2026-10,5\n")
        world.load(HOMES, f"id_no,home,area\n{ANN},H1,50\n")
        world.approve()
        world.ask(world.case([BEN]))
        world.clock.move(hours=2)
        world.revocation_number += 1
        assert reason_of(lambda: world.ask(world.case([BEN]))).reason is Reason.INDEX_STALE


@pytest.mark.parametrize(
    ("mapping", "csv"),
    [
        (WAGES.replace(b'period = "month"\n', b""), f"id_no,amount\n{ANN},5\n"),
        (WAGES.replace(b'"yuan"', b'"m2"'), f"{HEAD}{ANN},2026-10,5\n"),
    ],
    ids=["no periods where the policy has a window", "another unit"],
)
def test_a_resource_that_cannot_serve_the_policy_is_refused_for_everybody(
    world: World, mapping: bytes, csv: str
) -> None:
    world.load(mapping, csv)
    world.load(HOMES, f"id_no,home,area\n{ANN},H1,50\n")
    world.enrol()
    world.approve()
    for somebody in (ANN, BEN):
        refused = reason_of(lambda p=somebody: world.ask(world.case([p])))  # type: ignore[misc]
        assert refused.reason is Reason.RESOURCE_UNKNOWN


# ------------------------------------------------------------------ enrolment


def five(world: World) -> None:
    rows = "".join(f"{person(i)},2026-10,5\n" for i in range(1, 6))
    world.load(WAGES, HEAD + rows)


def test_enrolment_streams_its_progress(world: World) -> None:
    five(world)
    steps = [(step.done, step.total) for step in world.enrol()]
    assert steps == [(0, 5), (2, 5), (4, 5), (5, 5)]
    with world.service.parts.database.read() as conn:
        found = set(conn.scalars(select(PSEUDONYMS.c.pseudonym)))
    assert found == {bytes.fromhex(world.pseudonym(person(i))) for i in range(1, 6)}


def test_a_batch_whose_reply_was_lost_is_counted_once(world: World) -> None:
    five(world)
    world.simulator.lose_replies = 1
    assert reason_of(world.enrol).reason is Reason.OVERLOADED
    world.enrol()
    assert status(world) == (5, 5)
    assert world.simulator.used == 5


def test_a_node_killed_before_it_stored_its_batch_sends_the_same_again(tmp_path: Path) -> None:
    home, prf = make_node_home(tmp_path / "home")
    before, used = _killed_amid_a_batch(home, prf)
    with serve_node(home, prf, enrol_batch=2) as world:
        world.simulator.batches = dict(before)
        world.enrol()
        assert status(world) == (5, 5)
        assert (used, world.simulator.used) == (2, 5)
        assert before.keys() <= world.simulator.batches.keys()


def _killed_amid_a_batch(
    home: Home, prf: oprf.PrivateKey
) -> tuple[dict[bytes, tuple[bytes, ...]], int]:
    """Stop after the registrar has evaluated and before the node has stored."""
    with serve_node(home, prf, enrol_batch=2) as world:
        five(world)
        writer = world.service.parts.writer
        # The database refuses the pseudonyms, as a full disk would.
        block = text(
            "create trigger block before insert on pseudonym begin select raise(abort, 'full'); end"
        )
        writer.run(lambda tx: tx.conn.execute(block))
        with pytest.raises(errors.CallError):
            world.enrol()
        assert count(world, BATCHES) == 1
        writer.run(lambda tx: tx.conn.execute(text("drop trigger block")))
        return world.simulator.batches, world.simulator.used


def test_an_evaluation_under_another_key_is_refused_whole(world: World) -> None:
    five(world)
    pinned = world.simulator.key
    world.simulator.key = oprf.PrivateKey.generate(oprf.suite(), rng=system_rng)
    assert reason_of(world.enrol).reason is Reason.PROOF_INVALID
    assert status(world) == (5, 0)
    world.simulator.key = pinned
    world.enrol()
    assert status(world) == (5, 5)


def test_a_used_up_budget_is_passed_on_and_enrolment_goes_on_later(world: World) -> None:
    five(world)
    world.simulator.budget = 3
    assert reason_of(world.enrol).reason is Reason.BUDGET_EXHAUSTED
    assert status(world) == (5, 2)
    world.simulator.budget = 5
    world.enrol()
    assert status(world) == (5, 5)


def test_a_registrar_that_is_down_is_named(world: World) -> None:
    five(world)
    (world.home.path / "registrar" / "run" / "process.json").unlink()
    refused = reason_of(world.enrol)
    assert refused.reason is Reason.UNREACHABLE
    assert "registrar" in refused.detail
    assert status(world) == (5, 0)


def test_who_left_while_a_batch_was_under_way_stays_out_of_the_index(world: World) -> None:
    five(world)
    world.simulator.lose_replies = 1
    reason_of(world.enrol)
    assert count(world, BATCHES) == 1
    gone = "".join(f"{person(i)},2026-10,5\n" for i in range(3, 6))
    world.load(WAGES, HEAD + gone)
    world.enrol()
    assert status(world) == (3, 3)
    assert count(world, PSEUDONYMS) == 3
