"""Every call names wire and federation file; the door tells older, newer and forked apart.

Tests design.md 14.1.
"""

from collections.abc import Callable

import grpc
import pytest

from ledger import log
from ledger.event import decode
from model.federation import Federation, FederationError
from model.reasons import Reason
from model.toml import to_toml
from runtime.transport.door import DoorRecord
from runtime.transport.guard import AT_THE_DOOR
from runtime.transport.versions import DIGEST_KEY, NUMBER_KEY, WIRE_KEY
from tests.support.calls import Site, bare, reason_of, refused, start_node
from tests.support.homes import Home, who

HELD = "ab" * 32


def test_a_caller_with_the_file_before_is_refused_until_it_has_the_next(home: Home) -> None:
    before = home.federation()
    home.follow()
    site = start_node(home)
    try:
        site.home = _holding(home, before)
        fault = refused(site, Reason.FEDERATION_OLDER)
        assert "older federation file" in str(fault)
        assert site.node.callers == []
        site.home = home
        site.ask()
    finally:
        site.close()


def test_a_caller_with_the_next_file_is_told_that_the_other_side_is_behind(site: Site) -> None:
    site.home.follow()
    fault = refused(site, Reason.FEDERATION_NEWER)
    assert "newer federation file" in str(fault)
    assert site.node.callers == []


def test_two_files_of_one_number_are_a_fork(site: Site) -> None:
    site.home.tables["olga"]["office"] = "another"
    site.home.sign()
    refused(site, Reason.FEDERATION_FORKED)
    assert site.node.callers == []


def test_a_new_certificate_in_the_next_file_is_no_stranger_but_a_version_ahead(site: Site) -> None:
    site.home.certify(who("coordinator"))
    site.home.follow()
    refused(site, Reason.FEDERATION_NEWER)


def stated(wire: str = "2", number: str = "1", digest: str = HELD) -> list[tuple[str, str]]:
    return [(WIRE_KEY, wire), (NUMBER_KEY, number), (DIGEST_KEY, digest)]


REFUSED = {
    "nothing is stated": ([], "wire_version"),
    "the wire before": (stated(wire="1"), "wire_version"),
    "a wire to come": (stated(wire="3"), "wire_version"),
    "two wires": ([(WIRE_KEY, "2"), *stated()], "wire_version"),
    "the wire alone": ([(WIRE_KEY, "2")], "malformed"),
    "number 0": (stated(number="0"), "malformed"),
    "a number with a sign": (stated(number="+1"), "malformed"),
    "a number without end": (stated(number="1" * 4000), "malformed"),
    "a digest cut short": (stated(digest=HELD[:-2]), "malformed"),
    "two digests": ([*stated(), (DIGEST_KEY, HELD)], "malformed"),
    "another file of this number": (stated(), "federation_forked"),
    "a newer file": (stated(number="2"), "federation_newer"),
}


@pytest.mark.parametrize(("metadata", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_a_call_states_is_read_strictly(
    site: Site, metadata: list[tuple[str, str]], reason: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        bare(site, "QueryService/Answer", metadata=tuple(metadata))
    assert reason_of(caught.value) == reason
    assert site.node.callers == []
    assert site.service.counters.snapshot()[f"{AT_THE_DOOR}{reason}"] == 1


def test_a_burst_of_calls_under_another_file_stands_in_the_ledger(site: Site) -> None:
    site.home.follow()
    for _ in range(10):
        refused(site, Reason.FEDERATION_NEWER)
    DoorRecord(counters=site.service.counters, writer=site.service.parts.writer).record()
    with site.service.parts.database.read() as conn:
        last = decode(log.leaf(conn, log.size(conn) - 1))
    assert last.event == "call.refused"
    assert last.fields == {"reason": "federation_newer", "count": 10}


def without(*keys: str) -> Callable[[dict[str, object]], dict[str, object]]:
    return lambda table: {key: value for key, value in table.items() if key not in keys}


def changed(**keys: object) -> Callable[[dict[str, object]], dict[str, object]]:
    return lambda table: table | keys


TAKEN = {
    "as the ceremony writes it": changed(),
    "of before versions were counted": without("number", "previous", "wire"),
    "a second one": changed(number=2, previous=HELD),
}
NOT_TAKEN = {
    "the first with a file before it": (changed(previous=HELD), "previous is empty"),
    "the second without": (changed(number=2), "previous is empty"),
    "number 0": (changed(number=0), "number"),
    "another wire": (changed(wire=3), "wire"),
    "a digest that is none": (changed(number=2, previous="file"), "previous"),
}


@pytest.mark.parametrize("change", TAKEN.values(), ids=TAKEN.keys())
def test_files_that_are_taken(home: Home, change: Callable[..., dict[str, object]]) -> None:
    found = Federation.parse(to_toml(change(home.table())).encode())
    assert (found.wire, found.number) == (2, 2 if found.previous else 1)


@pytest.mark.parametrize(("change", "words"), NOT_TAKEN.values(), ids=NOT_TAKEN.keys())
def test_files_that_are_not(
    home: Home, change: Callable[..., dict[str, object]], words: str
) -> None:
    with pytest.raises(FederationError, match=words):
        Federation.parse(to_toml(change(home.table())).encode())


class _Holding(Home):
    """A home whose people hold another federation file than the one on disk."""

    held: Federation

    def federation(self) -> Federation:
        return self.held


def _holding(home: Home, federation: Federation) -> Home:
    other = _Holding(home.path, home.root, home.authority, home.now)
    other.held = federation
    return other
