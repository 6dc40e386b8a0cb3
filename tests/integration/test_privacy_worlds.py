"""What no party can tell: two worlds, each party in turn in the test process, the rest real.

The worlds have the same keys, letters, rosters and numbers of people. They differ in who has
a record where, in amounts, and in which department has a NULL row; in some households also in
the outcome, which only the coordinator may learn. Each party's transcript (order, methods,
fields, sizes, plain values, statuses, repetitions), its log and its ledger must be the same.

Tests design.md 1.1 to 1.4, 2.4.16, 2.4.21, 5.17.
"""

import pytest

from model.documents.query import Ticket
from model.documents.signed import DocumentError
from tests.support.county import resident
from tests.support.recording import log_shapes, shape
from tests.support.town import found_in, hold_ceremony, world
from tests.support.worlds import (
    FLAGGED,
    FOR_COORDINATOR,
    FOR_JURY,
    FOR_REGISTRAR,
    FOR_TAX,
    HELD,
    HIDDEN,
    HOUSEHOLDS,
    POLLED,
    REFUSED,
    SERVED,
    WAITED,
    Script,
    World,
    documents,
)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, World]:
    """Both, one after the other."""
    folder = tmp_path_factory.mktemp("town")
    hold_ceremony(folder / "ceremony")
    played = {}
    for name in ("A", "B"):
        town = world(folder / "ceremony", folder / name)
        try:
            played[name] = Script(name, town).play()
        finally:
            town.services.clear()
            town.end()
    return played


def test_the_worlds_are_what_they_claim(worlds: dict[str, World]) -> None:
    """Equal rule bits where they should be, another outcome where it should be."""
    a, b = (worlds[name].outcomes for name in "AB")
    for number, kind in HOUSEHOLDS.items():
        if number not in a or number not in b:
            continue
        if kind == HIDDEN:
            assert a[number] == b[number] == ["met", "met", "met"]
        elif kind == FLAGGED:
            assert a[number] == b[number] == ["inconclusive", "met", "met"]
        else:
            assert (a[number][0], b[number][0]) == ("met", "not met")


CASES = [
    *(("registrar", n) for n in (0, *FOR_REGISTRAR, 100)),
    *(("coordinator", n) for n in (*FOR_COORDINATOR, REFUSED, WAITED)),
    *(("tax", n) for n in FOR_TAX),
]


def _named(case: tuple[str, int]) -> str:
    said = {
        0: "enrolment and letters",
        100: "the end of an application",
        REFUSED: "a department that refuses",
        WAITED: "a department that is down for a while",
    }
    return f"{case[0]}: {said.get(case[1]) or HOUSEHOLDS[case[1]]}"


@pytest.mark.parametrize(("party", "number"), CASES, ids=map(_named, CASES))
def test_a_party_sees_the_same_in_both_worlds(
    worlds: dict[str, World], party: str, number: int
) -> None:
    a, b = (worlds[name].seen[party, number] for name in "AB")
    assert a.exchanges
    bad = {e.trailing for e in a.exchanges if e.status not in SERVED}
    assert bad == ({("hedui-reason=policy_unknown",)} if number == REFUSED else set())
    assert a.transcript == b.transcript
    assert a.ledger == b.ledger


def test_nobody_who_answered_is_asked_again(worlds: dict[str, World]) -> None:
    """A department that has answered is left alone while another is waited for."""
    for each in worlds.values():
        for number in (REFUSED, WAITED):
            asked = [
                Ticket.decode(e.request.ticket.body).department
                for e in each.seen["coordinator", number].exchanges
                if e.method.endswith("Answer")
            ]
            assert asked.count("tax") == 1


@pytest.mark.parametrize("role", ["masker", "evaluator"])
def test_a_holder_sees_the_same_in_every_case_of_both_worlds(
    worlds: dict[str, World], role: str
) -> None:
    """Also where the outcome differs: neither role learns a bit."""
    seen = [
        (seen.transcript, seen.ledger)
        for each in worlds.values()
        for (party, number), seen in each.seen.items()
        if party == "jury" and number in FOR_JURY and seen.roles["jury"] == role
    ]
    assert len(seen) >= 2
    assert seen[0][0]
    assert all(each == seen[0] for each in seen)


def test_the_registrar_sees_the_same_whatever_the_outcome(worlds: dict[str, World]) -> None:
    """Of a flagged, a met and a not met household; and of one granted, one refused."""
    seen = [each.seen["registrar", n] for each in worlds.values() for n in FOR_REGISTRAR]
    methods = [[e.method for e in each.exchanges] for each in seen]
    sizes = [[len(leaf) for leaf in each.leaves] for each in seen]
    # A revocation list is fetched once in a while, whoever is asked about.
    quiet = [[m for m in each if "Revocation" not in m] for each in methods]
    assert all(each == quiet[0] for each in quiet)
    assert all(each == sizes[0] for each in sizes)


@pytest.mark.parametrize("party", ["registrar", "coordinator", "tax"])
def test_logs_are_the_same(worlds: dict[str, World], party: str) -> None:
    a, b = (
        log_shapes([x for x in worlds[name].logs[party] if not any(p in x for p in POLLED)], {})
        for name in "AB"
    )
    assert a
    assert a == b


def test_every_ledger_has_the_same_size(worlds: dict[str, World]) -> None:
    """Of the real processes too; the department's own leaf by leaf."""
    a, b = (worlds[name].ledgers for name in "AB")
    assert {k: len(v) for k, v in a.items()} == {k: len(v) for k, v in b.items()}
    assert [shape(leaf, {}) for leaf in a["tax"]] == [shape(leaf, {}) for leaf in b["tax"]]
    assert [len(leaf) for leaf in a["tax"]] == [len(leaf) for leaf in b["tax"]]


@pytest.fixture(params=["A", "B"])
def either(request: pytest.FixtureRequest, worlds: dict[str, World]) -> World:
    """Each world."""
    return worlds[request.param]


EVERYBODY = [resident(10 * n + member) for n in HOUSEHOLDS for member in (1, 2)]


def everything(world: World, party: str) -> bytes:
    """What lies in its folder, and what it was told."""
    return world.town.traces(party) + world.received[party]


@pytest.mark.parametrize("party", ["coordinator", "registrar", "jury"])
def test_nobody_else_holds_an_amount_or_an_identifier(either: World, party: str) -> None:
    """The registrar holds letters, sealed; in what it was told the clerk's letters stand."""
    amounts = [a for each in either.amounts.values() for a in each]
    assert len(set(amounts)) >= 3
    assert not either.town.integers(party) & {*amounts, *(-a for a in amounts)}
    lying = either.town.traces(party)
    assert found_in(lying, EVERYBODY, amounts) == []
    told = either.received[party]
    assert found_in(told, EVERYBODY if party != "registrar" else [], amounts) == []


def test_the_search_finds_what_does_lie_there(either: World) -> None:
    """At the tax office its own people, in the registrar's mail the letters."""
    own = [resident(p) for p in either.rows["tax.wages"] if p < 500]
    found = found_in(either.town.traces("tax"), own, either.amounts["tax.wages"])
    assert {line.split()[0] for line in found} >= set(own)
    assert either.town.integers("tax") >= set(either.amounts["tax.wages"])
    assert len(found_in(either.received["registrar"], EVERYBODY, [])) >= len(EVERYBODY)


def test_a_node_holds_nothing_of_the_others(either: World) -> None:
    """Neither people whom it does not know, nor the bank's amounts, nor its pseudonyms."""
    own = {p for resource in ("tax.wages", "tax.homes") for p in either.rows[resource]}
    others = [p for p in (resident(10 * n + m) for n in HOUSEHOLDS for m in (1, 2))]
    strangers = [p for p in others if p not in {resident(each) for each in own}]
    assert len(strangers) > 10
    assert not either.town.integers("tax") & set(either.amounts["bank.interest"])
    held = everything(either, "tax")
    assert found_in(held, strangers, either.amounts["bank.interest"]) == []
    for pseudonym in either.pseudonyms("bank"):
        assert pseudonym not in held
        assert pseudonym.hex().encode() not in held


def test_a_node_is_shown_all_pseudonyms_and_knows_its_own_only(either: World) -> None:
    """Those of its ticket that are not in its index stand nowhere in its folder."""
    (number,) = FOR_TAX
    own, shown = set(either.pseudonyms("tax")), set()
    for document in documents(either.seen["tax", number].exchanges):
        try:
            shown |= {bytes.fromhex(p) for p in Ticket.decode(document.body).pseudonyms}
        except DocumentError:
            continue
    assert len(shown) == 2
    assert len(shown & own) == 1
    lying = either.town.traces("tax")
    for stranger in shown - own:
        assert stranger not in lying
        assert stranger.hex().encode() not in lying


def test_what_a_holder_unseals_and_opens_holds_no_amount(either: World) -> None:
    """The messages inside the seals, and the evaluator's opened plaintexts, slot by slot."""
    amounts = {a for each in either.amounts.values() for a in each}
    assert either.opened
    assert either.unsealed
    assert found_in(b"\0".join(either.unsealed), EVERYBODY, sorted(amounts)) == []
    assert not {number for slots in either.opened for number in slots} & amounts
    # Each slot's mask has 41 bits more than any difference to a limit.
    assert all(number.bit_length() > 40 for slots in either.opened for number in slots)


def test_a_holder_is_never_shown_a_pseudonym(either: World) -> None:
    held = everything(either, "jury")
    pseudonyms = [*either.pseudonyms("tax"), *either.pseudonyms("bank")]
    assert len(pseudonyms) == 2 * HELD
    for pseudonym in pseudonyms:
        assert pseudonym not in held
        assert pseudonym.hex().encode() not in held


OUTCOMES = ("not met", "inconclusive", "exceeds", "outcome", "case.determined", "case.decided")


@pytest.mark.parametrize("party", ["registrar", "tax", "jury"])
def test_an_outcome_stands_at_the_coordinator_alone(either: World, party: str) -> None:
    """A verdict in no word, and the officer's decision no more than that."""
    leaves = b"\0".join(either.ledgers[party])
    told = b"\0".join(
        message.SerializeToString()
        for (name, number), seen in either.seen.items()
        for exchange in seen.exchanges
        if name == party and number
        for message in exchange.messages
    )
    assert told
    for word in (*OUTCOMES, "granted", "refused"):
        assert word.encode() not in leaves + told
    assert b"case.determined" in b"\0".join(either.ledgers["coordinator"])
