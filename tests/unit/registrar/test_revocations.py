"""Revocation lists: of one requester at one department, whole whatever its length."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from hedui.v1 import registrar_pb2 as pb
from hedui.v1.registrar_pb2_grpc import ManifestServiceStub
from model.documents.query import RevocationList
from model.documents.signed import Signed
from model.fields import format_time
from model.limits import (
    MAX_DOCUMENT_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_REVOCATION_PAGES,
    MAX_REVOKED_A_PAGE,
)
from model.reasons import Reason
from registrar.manifests import permit_store as permits
from registrar.manifests import store, tickets
from registrar.manifests.permit_store import PermitRow
from registrar.manifests.store import ManifestRow, TicketRow
from runtime.documents import Revocations, open_revocations
from runtime.errors import Refused
from runtime.transport.wire import signed_from_wire
from tests.unit.registrar.conftest import World

DEPARTMENTS = ("bank", "cars", "tax")


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def ended(
    world: World,
    count: int,
    *,
    requester: str = "coordinator",
    opened: bool = False,
    life: timedelta = timedelta(hours=2),
) -> list[str]:
    """So many letters that ended with tickets in hand; return their tax queries, sorted.

    Args:
        opened: Whether their answers have their permit, as of every case that was decided.
        life: Of their tickets, from now.
    """
    expires_at = format_time(world.clock.now() + life)
    manifests = [digest(requester, opened, life, i) for i in range(count)]

    def write(conn: Connection) -> None:
        for manifest in manifests:
            row = ManifestRow(
                digest=manifest, number="N-1", sequence=1, request=manifest, nonce=manifest[:32],
                body=b"", signature=b"", reveals=b"", asked=b"", requester=requester,
            )  # fmt: skip
            rows = [
                TicketRow(digest(manifest, d)[:32], manifest, "N-1", d, i, b"", expires_at, 1)
                for i, d in enumerate(DEPARTMENTS)
            ]
            store.add_manifest(conn, row, rows)
            if opened:
                permits.add(conn, PermitRow(manifest, "rules", "", b"", b""))

    world.registrar.parts.writer.run(lambda tx: write(tx.conn), timeout_s=60)
    return sorted(digest(manifest, "tax")[:32] for manifest in manifests)


def pages(world: World, department: str = "tax") -> list[Signed]:
    """What the registrar gives the coordinator. Raises Refused."""
    request = pb.GetRevocationListRequest(department=department)
    reply = world.call("coordinator", ManifestServiceStub, "GetRevocationList", request)
    return [signed_from_wire(page) for page in reply.pages]


def listed(world: World, department: str = "tax") -> Revocations:
    """The whole list, verified."""
    return open_revocations(pages(world, department), department, "coordinator", world.federation)


def refused(world: World, department: str = "tax") -> Reason:
    with pytest.raises(Refused) as caught:
        pages(world, department)
    return caught.value.reason


def test_letters_that_ended_within_two_hours_stop_no_department(world: World) -> None:
    """More than 1,600 tickets, decided cases and withdrawn ones, three departments."""
    ended(world, 400, opened=True)
    withdrawn = ended(world, 200)
    for department in DEPARTMENTS:
        assert len(listed(world, department).queries) == 200
    assert listed(world).queries == set(withdrawn)


def test_one_list_for_all_departments_answered_tickets_included_stops_them_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """134 ended letters of twelve departments were enough: the list held 1,600 tickets."""

    def of_everybody(
        conn: Connection, _department: str, _requester: str, *, now: str, limit: int
    ) -> list[str]:
        here = (store.TICKETS.c.revoked == 1) & (store.TICKETS.c.expires_at > now)
        return list(conn.scalars(select(store.TICKETS.c.query).where(here).limit(limit)))

    monkeypatch.setattr(store, "revoked_queries", of_everybody)
    monkeypatch.setattr(tickets, "MAX_REVOKED", 1600)
    ended(world, 400, opened=True)
    assert {len(listed(world, d).queries) for d in DEPARTMENTS} == {1200}
    ended(world, 134)
    assert {refused(world, department) for department in DEPARTMENTS} == {Reason.OVERLOADED}


def test_a_long_list_is_whole_on_its_pages(world: World) -> None:
    expected = ended(world, MAX_REVOKED_A_PAGE + 1)
    found = pages(world)
    bodies = [RevocationList.decode(page.body) for page in found]
    assert [(b.page, b.pages, len(b.queries)) for b in bodies] == [(1, 2, 1600), (2, 2, 1)]
    assert {(b.number, b.issued_at, b.department, b.requester) for b in bodies} == {
        (bodies[0].number, bodies[0].issued_at, "tax", "coordinator")
    }
    assert listed(world).queries == set(expected)


LEFT_OUT = {
    "cases that have their permit": {"opened": True},
    "tickets past their expiry": {"life": timedelta(seconds=-1)},
    "another requester's": {"requester": "housing"},
}


@pytest.mark.parametrize("kind", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_what_a_list_leaves_out(world: World, kind: dict[str, object]) -> None:
    ended(world, 3, **kind)  # type: ignore[arg-type]
    assert listed(world).queries == frozenset()


def test_a_list_that_would_not_hold_all_is_given_to_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "MAX_REVOKED", 10)
    ended(world, 11)
    assert refused(world) is Reason.OVERLOADED
    assert refused(world, "police") is Reason.WRONG_DEPARTMENT


def test_no_list_outgrows_a_message() -> None:
    """A full page of the longest names, as often as a list may have one."""
    page = RevocationList(
        department="d" * 64, requester="r" * 64, number=2**53 - 1, page=MAX_REVOCATION_PAGES,
        pages=MAX_REVOCATION_PAGES, issued_at="2026-11-23T08:00:00Z",
        queries=["f" * 32] * MAX_REVOKED_A_PAGE,
    )  # fmt: skip
    size = len(page.encode())
    assert size <= MAX_DOCUMENT_BYTES
    assert MAX_REVOCATION_PAGES * (size + 256) <= MAX_MESSAGE_BYTES // 2
