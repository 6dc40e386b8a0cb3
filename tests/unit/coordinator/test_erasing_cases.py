"""Erasure of a case: who may, when, and what is left in the coordinator's files afterwards.

Tests design.md 4.6.
"""

import base64
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from coordinator.case import store
from coordinator.case.erasing import Erasures
from coordinator.case.issued import parse_issued
from coordinator.case.vault import Vault
from coordinator.process import build_desk
from crypto.errors import OpenError
from crypto.sealing import open_at_rest
from hedui.v1 import common_pb2
from hedui.v1 import coordinator_pb2 as pb
from hedui.v1.coordinator_pb2_grpc import CaseServiceStub
from ledger import log, merkle
from model.documents.desk import CaseErasure
from model.documents.query import Answer, Ticket
from model.documents.signed import sign
from model.reasons import Reason
from model.roles import Role
from runtime.errors import Refusal, Refused
from runtime.storage.salting import unseal
from runtime.storage.store import reveals_of
from runtime.transport.wire import signed_to_wire
from tests.support.bench import Bench, exported, hedui, reconciled, rounds
from tests.unit.reviewer.test_recheck import decide, determined


def erase(
    bench: Bench, case: str, by: str, reason: str = "requested", person: str = ""
) -> pb.EraseCaseReply:
    wanted = CaseErasure.model_validate({"case": case, "reason": reason, "person": person or by})
    with bench.county.acting(by) as acting:
        signed = sign(wanted, acting.identity.sign_key, by)
        request = pb.EraseCaseRequest(erasure=signed_to_wire(signed))
        reply: pb.EraseCaseReply = acting.call("coordinator", CaseServiceStub, "EraseCase", request)
    return reply


def row_of(bench: Bench, case: str) -> store.CaseRow:
    with bench.county.services["coordinator"].parts.database.read() as conn:
        found = store.find_case(conn, case)
    assert found is not None
    return found


def closed(bench: Bench) -> pb.Case:
    """A case that was decided, of which the registrar knows that it ended."""
    case = determined(bench)
    decide(bench, case)
    return bench.follow([case], until=lambda c: row_of(bench, c.case_id).told)[0]


def test_an_officer_asks_a_checker_erases_and_each_is_ledgered(bench: Bench) -> None:
    case = closed(bench)
    assert erase(bench, case.case_id, "olga").state == "closed"
    assert erase(bench, case.case_id, "chris").state == "erased"
    asked, erased = bench.county.ledger("coordinator")[-2:]
    assert (asked.event, erased.event) == ("case.erasure_asked", "case.erased")
    assert erased.fields["case"] == asked.fields["case"] == case.case_id
    assert erased.fields["reason"] == asked.fields["reason"] == "requested"


def test_the_commands_ask_and_erase(bench: Bench) -> None:
    case = closed(bench).case_id
    options = ("--reason", "ordered")
    asked = hedui(bench, "case", "erase", case[:12], *options)
    assert f"a checker runs `hedui case erase {case}" in asked.stdout
    short = hedui(bench, "case", "erase", case[:12], "--yes", *options, person="chris")
    assert "give the case's whole id" in str(short.exception)
    stopped = hedui(bench, "case", "erase", case, *options, person="chris")
    assert row_of(bench, case).state == "closed", stopped.stdout
    done = hedui(bench, "case", "erase", case, "--yes", *options, person="chris")
    assert f"{case}: erased, ledger entry" in done.stdout
    shown = hedui(bench, "case", "show", case)
    assert f": erased, case {case}" in shown.stdout
    listed = hedui(bench, "case", "list", "--state", "erased")
    assert listed.exit_code == 0


def _early(bench: Bench) -> None:
    erase(bench, determined(bench).case_id, "olga")


def _alone(bench: Bench) -> None:
    erase(bench, closed(bench).case_id, "chris")


def _for_another_reason(bench: Bench) -> None:
    case = closed(bench).case_id
    erase(bench, case, "olga", "ordered")
    erase(bench, case, "chris", "requested")


def _twice(bench: Bench) -> None:
    case = closed(bench).case_id
    for person in ("olga", "chris", "chris"):
        erase(bench, case, person)


def _unsigned(bench: Bench) -> None:
    with bench.county.acting("olga") as acting:
        request = pb.EraseCaseRequest(erasure={"body": b"{}", "signer": "olga"})
        acting.call("coordinator", CaseServiceStub, "EraseCase", request)


REFUSED: dict[str, tuple[Callable[[Bench], object], Reason]] = {
    "before its end": (_early, Reason.CASE_NOT_OVER),
    "a checker alone": (_alone, Reason.ERASURE_NOT_ASKED),
    "a checker for another reason": (_for_another_reason, Reason.ERASURE_NOT_ASKED),
    "before the time of keeping is over": (
        lambda b: erase(b, closed(b).case_id, "olga", "retention-over"),
        Reason.RETENTION_NOT_OVER,
    ),
    "a second time": (_twice, Reason.CASE_ERASED),
    "in another's name": (
        lambda b: erase(b, closed(b).case_id, "olga", person="otto"),
        Reason.SIGNATURE_INVALID,
    ),
    "without a signature": (_unsigned, Reason.MALFORMED),
    "a case that nobody opened": (lambda b: erase(b, "ab" * 16, "olga"), Reason.CASE_UNKNOWN),
}


@pytest.mark.parametrize(("act", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_may_not_be_erased_is_refused_and_ledgered(
    bench: Bench, act: Callable[[Bench], object], reason: Reason
) -> None:
    with pytest.raises(Refused) as caught:
        act(bench)
    assert caught.value.reason is reason
    last = bench.county.ledger("coordinator")[-1]
    assert (last.event, last.fields["reason"]) == ("case.erasure_refused", reason)


def test_without_a_reason_it_is_kept_for_three_years_from_its_end(bench: Bench) -> None:
    """Past the calls: certificates do not live so long."""
    case = closed(bench).case_id
    erasures: Erasures = build_desk(bench.county.services["coordinator"].parts).erasures
    wanted = {"case": case, "reason": "retention-over"}
    asked = CaseErasure.model_validate(wanted | {"person": "olga"})
    done = CaseErasure.model_validate(wanted | {"person": "chris"})
    bench.county.clock.move(days=1_095)
    with pytest.raises(Refusal) as early:
        erasures.erase(asked, b"", Role.OFFICER)
    assert "kept until" in early.value.detail
    bench.county.clock.move(days=1)
    erasures.erase(asked, b"", Role.OFFICER)
    erasures.erase(done, b"", Role.CHECKER)
    assert row_of(bench, case).state == "erased"


def test_a_case_that_was_refused_is_erased_as_well(bench: Bench) -> None:
    number = bench.household()
    bench.county.revoke(number)
    (case,) = bench.verify(number)
    assert case.state == "refused"
    for person in ("olga", "chris"):
        erase(bench, case.case_id, person)
    assert row_of(bench, case.case_id).state == "erased"


# ---------------------------------------------------------------- what is left


def _files(bench: Bench) -> dict[str, bytes]:
    folder = bench.county.home / "coordinator"
    paths = (p for name in ("data", "log", "run") for p in (folder / name).rglob("*"))
    return {p.name: p.read_bytes() for p in paths if p.is_file()}


_SEALED = {
    "cases": "request, countersigned, detail, data_key, manifest, determination, request_digest",
    "case_ticket": "ticket, answer",
    "case_decision": "decision",
}


def _sealed_of(bench: Bench, case: str) -> dict[str, bytes]:
    """Everything that lies sealed for one case, by what it is."""
    path = next((bench.county.home / "coordinator" / "data").glob("*.db"))
    found: dict[str, bytes] = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as conn:
        rows = [
            (table, conn.execute(f"select {columns} from {table} where case_id = ?", (case,)))  # noqa: S608
            for table, columns in _SEALED.items()
        ]
        query = "select sealed from ledger_opening where owner = ?"
        rows.append(("opening", conn.execute(query, (case,))))
        for table, cursor in rows:
            for place, row in enumerate(cursor):
                for column, value in enumerate(row):
                    data = value.encode() if isinstance(value, str) else value
                    found |= {f"{table} {place}.{column}": data} if data else {}
    return found


def _clear_of(bench: Bench, case: str) -> dict[str, bytes]:
    """What is behind it and would lead to the household, by what it is."""
    desk = build_desk(bench.county.services["coordinator"].parts)
    row = desk.journal.case(case)
    assert row is not None
    issued = parse_issued(row.manifest)
    found = {f"salt of {o.field}": o.salt for o in issued.reveals}
    found["manifest"] = issued.manifest.body
    found["authorization"] = desk.cases._view(row).authorization.encode()
    for ticket in desk.journal.tickets(case):
        body = common_pb2.SignedDocument.FromString(ticket.ticket).body
        answer = Answer.decode(common_pb2.SignedDocument.FromString(ticket.answer).body)
        found[f"ciphertext of {ticket.department}"] = bytes.fromhex(answer.ciphertext)
        for place, pseudonym in enumerate(Ticket.decode(body).pseudonyms):
            found[f"pseudonym {place} at {ticket.department}"] = bytes.fromhex(pseudonym)
    return found


def _spelled(data: bytes) -> tuple[bytes, ...]:
    return data, data.hex().encode(), base64.b64encode(data)[:-4]


def _found(files: dict[str, bytes], wanted: dict[str, bytes]) -> list[str]:
    return [
        what
        for what, value in wanted.items()
        if any(form in data for data in files.values() for form in _spelled(value))
    ]


def test_the_person_cannot_be_recovered_from_the_coordinators_files(bench: Bench) -> None:
    case, other = closed(bench).case_id, closed(bench).case_id
    sealed, clear = _sealed_of(bench, case), _clear_of(bench, case)
    assert len(sealed) > 12
    assert len(clear) > 8
    assert _found(_files(bench), clear) == [], "sealed from the beginning"
    vault = Vault(bench.county.services["coordinator"].parts.kek, rng=lambda n: bytes(n))
    before = row_of(bench, case)
    assert vault.opened(before).manifest
    erase(bench, case, "olga")
    erase(bench, case, "chris")
    files = _files(bench)
    left = [
        what
        for what, value in sealed.items()
        if any(value in data or value[-32:] in data for data in files.values())
    ]
    assert left == []
    assert _found(files, clear) == []
    after = row_of(bench, case)
    assert vault.opened(after) == after
    assert (after.data_key, after.manifest, after.request, after.determination) == (b"",) * 4
    # And a sealed manifest that somebody kept, without its key: neither the coordinator's own
    # key nor another case's opens it.
    for key in (bench.county.services["coordinator"].parts.kek, vault.key(row_of(bench, other))):
        with pytest.raises(OpenError):
            open_at_rest(key, before.manifest, aad=[b"case", case.encode(), b"manifest"])


def test_what_is_left_names_no_resource_and_no_reason_of_the_registrar(bench: Bench) -> None:
    case = closed(bench).case_id
    desk = build_desk(bench.county.services["coordinator"].parts)
    assert all(b"." in row.data_dates for row in desk.journal.progress(case))
    erase(bench, case, "olga")
    erase(bench, case, "chris")
    assert row_of(bench, case).reason == ""
    left = desk.journal.progress(case)
    assert {row.data_dates for row in left} == {b"{}"}
    assert all(row.department and row.answered_at for row in left)


def test_every_proof_holds_and_everybody_tells_the_same_story(bench: Bench, tmp_path: Path) -> None:
    case = closed(bench).case_id
    rounds(bench).round()
    database = bench.county.services["coordinator"].parts.database
    with database.read() as conn:
        size = log.size(conn)
        before, root = list(log.entries(conn, 0, size)), log.root(conn, size)
    erase(bench, case, "olga")
    erase(bench, case, "chris")
    with database.read() as conn:
        assert list(log.entries(conn, 0, size)) == before
        assert log.root(conn, size) == root
        now = log.size(conn)
        for index in range(now):
            leaf = merkle.leaf_hash(log.leaf(conn, index))
            path = log.inclusion(conn, index, now)
            merkle.verify_inclusion(leaf, index, now, path, log.root(conn, now))
        own = reveals_of(conn, now - 1)
    assert own is not None
    kek = bench.county.services["coordinator"].parts.kek
    shown: dict[str, Any] = {opening.field: opening.value for opening in unseal(kek, own)}
    assert shown == {"officer": "olga", "checker": "chris"}
    result = reconciled(bench, exported(bench, tmp_path / "all"))
    assert (result.findings, result.open) == ([], [])


def test_the_same_request_opens_no_erased_case_again(bench: Bench) -> None:
    """Its digest is gone; the registrar's answer to it is what decides."""
    case = closed(bench)
    desk = build_desk(bench.county.services["coordinator"].parts)
    row = desk.journal.case(case.case_id)
    assert row is not None
    request = common_pb2.SignedDocument.FromString(row.request)
    erase(bench, case.case_id, "olga")
    erase(bench, case.case_id, "chris")
    with bench.county.acting("olga") as acting:
        again = pb.OpenCaseRequest(request=request)
        opened = acting.call("coordinator", CaseServiceStub, "OpenCase", again)
    (found,) = bench.follow([opened])
    assert found.case_id != case.case_id
    assert (found.state, found.reason) == ("refused", "authorization_ended")
