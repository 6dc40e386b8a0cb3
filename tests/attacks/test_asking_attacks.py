"""What a coordinator, or a node, tries while departments are asked.

As in test_relay_attacks: each attack is refused, and gains something against a copy that is
weakened in the test alone.

Tests design.md 2.3.9, 2.3.11, 2.3.12, 2.3.13, 2.4.7, 2.4.8, 2.4.21.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from coordinator.asking import answers as asking
from crypto import jcs
from hedui.v1 import node_pb2
from ledger import log
from model.documents.query import RevocationList, Ticket
from model.reasons import Reason
from node.answering import checks, contribution, matching, store
from node.answering.answers import Answers
from node.answering.checks import Examiner, Question
from runtime.errors import Refusal, Refused
from runtime.storage.writer import Tx
from tests.attacks.conftest import Attackers
from tests.support.keys import dealt
from tests.support.recording import shape
from tests.support.relay import Doc, Papers, Relay, opened

KEY = dealt(2, 2).joint.public
YUAN = 100


def refused(act: Callable[[], object]) -> Reason:
    """The reason for which an attack fails."""
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.reason


def size(attackers: Attackers, name: str = "tax") -> int:
    """Entries in a process's ledger."""
    with attackers.county.services[name].parts.database.read() as conn:
        return log.size(conn)


def believing(signed: Any, kind: Any, _signer: Any) -> Any:
    """Weakened ``open_signed``: takes every signature for good."""
    return kind.decode(signed.body)


# ---------------------------------------------------------------- tickets

Bend = Callable[[Relay, Papers], Doc]


def changed(papers: Papers, **fields: Any) -> Ticket:
    """The tax office's ticket, changed."""
    return papers.ticket_of("tax").model_copy(update=fields)


def one_less(papers: Papers) -> Ticket:
    """A member is left out."""
    return changed(papers, pseudonyms=papers.ticket_of("tax").pseudonyms[1:])


def under_the_old_signature(papers: Papers, ticket: Ticket) -> Doc:
    """Other contents, the registrar's signature of before."""
    bent = Doc()
    bent.CopyFrom(papers.ticket("tax"))
    bent.body = ticket.encode()
    return bent


def by_registrar(relay: Relay, ticket: Ticket) -> Doc:
    """As a registrar that has turned, or was deceived, would sign it."""
    return relay.sign_as("registrar", ticket, key=relay.key_of("registrar"))


OTHER = "ab" * 16
TICKETS: dict[str, tuple[Bend, Reason]] = {
    "a member left out": (
        lambda _relay, papers: under_the_old_signature(papers, one_less(papers)),
        Reason.SIGNATURE_INVALID,
    ),
    "a member left out, signed by the relay in the registrar's name": (
        lambda relay, papers: relay.sign_as("registrar", one_less(papers)),
        Reason.SIGNATURE_INVALID,
    ),
    "a member left out, signed by the relay in its own name": (
        lambda relay, papers: relay.sign_as("coordinator", one_less(papers)),
        Reason.SIGNATURE_INVALID,
    ),
    "a member left out, signed by the registrar": (
        lambda relay, papers: by_registrar(relay, one_less(papers)),
        Reason.TICKET_MISMATCH,
    ),
    "one member twice, signed by the registrar": (
        lambda relay, papers: by_registrar(
            relay, changed(papers, pseudonyms=papers.ticket_of("tax").pseudonyms[:1] * 2)
        ),
        Reason.TICKET_MISMATCH,
    ),
    "another id": (
        lambda _relay, papers: under_the_old_signature(papers, changed(papers, query=OTHER)),
        Reason.SIGNATURE_INVALID,
    ),
    "another department's": (
        lambda _relay, papers: papers.ticket("bank"),
        Reason.TICKET_MISMATCH,
    ),
}


@pytest.mark.parametrize(("bend", "reason"), TICKETS.values(), ids=TICKETS.keys())
def test_a_ticket_is_for_the_whole_household_under_one_id(
    attackers: Attackers, bend: Bend, reason: Reason
) -> None:
    relay, papers = attackers.relay, attackers.case("earner", "modest")
    bent = bend(relay, papers)
    assert refused(lambda: relay.ask("tax", papers, ticket=bent)) is reason
    # The manifest is not spent: the whole household can still be asked about.
    assert opened(papers, [relay.ask("tax", papers).answer])[0] == 8000 * YUAN


def test_a_ticket_serves_no_other_household(attackers: Attackers) -> None:
    relay, one, two = attackers.relay, attackers.case("modest"), attackers.case("modest")
    ticket = one.ticket("tax")
    assert refused(lambda: relay.ask("tax", two, ticket=ticket)) is Reason.TICKET_MISMATCH


def test_a_node_that_believes_tickets_tells_of_one_member(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def question(self: Examiner, manifest: Any, ticket: Any, terms: Any) -> Question:
        resources = terms.layout.resources_of(self.member.department)
        return Question(manifest, ticket.manifest, ticket, terms, resources)

    monkeypatch.setattr(checks, "open_signed", believing)
    monkeypatch.setattr(Examiner, "_question", question)
    relay, papers = attackers.relay, attackers.case("earner", "modest")
    ticket = under_the_old_signature(papers, one_less(papers))
    answer = relay.ask("tax", papers, ticket=ticket).answer
    assert opened(papers, [answer])[0] in (1000 * YUAN, 7000 * YUAN)


def test_a_manifest_is_answered_once_whatever_the_registrar_signs(attackers: Attackers) -> None:
    relay, papers = attackers.relay, attackers.case("modest")
    first = relay.ask("tax", papers)
    entries = size(attackers)
    again = relay.ask("tax", papers)
    assert again.answer == first.answer
    assert again.receipt.leaf == first.receipt.leaf
    assert size(attackers) == entries
    second = by_registrar(relay, changed(papers, query=OTHER))
    assert refused(lambda: relay.ask("tax", papers, ticket=second)) is Reason.MANIFEST_SPENT


def test_a_node_that_forgets_answers_one_manifest_twice(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two answers of one household, days apart, are a choice of which to open."""
    receive = store.receive

    def unbound(conn: Any, query: str, _manifest: str, policy: str, *, now: str) -> None:
        receive(conn, query, query * 2, policy, now=now)

    monkeypatch.setattr(checks, "open_signed", believing)
    monkeypatch.setattr(store, "receive", unbound)
    monkeypatch.setattr(store, "by_manifest", lambda *_: None)
    relay, papers = attackers.relay, attackers.case("modest")
    first = relay.ask("tax", papers).answer
    second = under_the_old_signature(papers, changed(papers, query="cd" * 16))
    other = relay.ask("tax", papers, ticket=second).answer
    assert first != other
    assert opened(papers, [first]) == opened(papers, [other])


# ---------------------------------------------------------------- revocation


def test_a_list_from_before_the_revocation_does_not_serve_once_a_newer_was_seen(
    attackers: Attackers,
) -> None:
    relay, number = attackers.relay, attackers.letter("modest")
    papers, other = relay.issue(number), attackers.case("modest")
    held_back = relay.revocations()
    attackers.county.revoke(number)
    relay.ask("tax", other)
    stale = refused(lambda: relay.ask("tax", papers, revocations=held_back))
    assert stale is Reason.REVOCATIONS_STALE
    assert refused(lambda: relay.ask("tax", papers)) is Reason.TICKET_REVOKED


def forged_lists(relay: Relay) -> dict[str, Doc]:
    """Lists without the revoked ticket."""
    newest = relay.revocations()
    empty = RevocationList.decode(newest.body).model_copy(update={"queries": []})
    under_old = Doc()
    under_old.CopyFrom(newest)
    under_old.body = empty.encode()
    return {
        "emptied": under_old,
        "signed by the relay": relay.sign_as("registrar", empty),
        "signed in its own name": relay.sign_as("coordinator", empty),
    }


def test_a_list_of_the_relays_own_is_none(attackers: Attackers) -> None:
    relay, number = attackers.relay, attackers.letter("modest")
    papers = relay.issue(number)
    attackers.county.revoke(number)
    for forged in forged_lists(relay).values():
        found = refused(partial(relay.ask, "tax", papers, revocations=forged))
        assert found is Reason.SIGNATURE_INVALID


def test_a_list_that_was_held_back_ages(attackers: Attackers) -> None:
    """Longest: two minutes, for a node that is asked about nobody else meanwhile."""
    relay, number = attackers.relay, attackers.letter("modest")
    papers, held_back = relay.issue(number), relay.revocations()
    attackers.county.revoke(number)
    attackers.county.clock.move(seconds=121)
    stale = refused(lambda: relay.ask("tax", papers, revocations=held_back))
    assert stale is Reason.REVOCATIONS_STALE


def test_a_node_without_this_check_answers_who_has_withdrawn(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Examiner, "_check_revocations", lambda *_, **__: None)
    relay, number = attackers.relay, attackers.letter("modest")
    papers, held_back = relay.issue(number), relay.revocations()
    attackers.county.revoke(number)
    answer = relay.ask("tax", papers, revocations=held_back).answer
    assert opened(papers, [answer])[0] == 1000 * YUAN


# ---------------------------------------------------------------- receipts

Replies = dict[str, node_pb2.AnswerReply]


def bent(reply: node_pb2.AnswerReply, **receipt: Any) -> node_pb2.AnswerReply:
    """With another receipt."""
    found = node_pb2.AnswerReply()
    found.CopyFrom(reply)
    for name, value in receipt.items():
        if name == "path":
            del found.receipt.path[:]
            found.receipt.path.extend(value)
        else:
            setattr(found.receipt, name, value)
    return found


def flipped(data: bytes, at: int) -> bytes:
    """One bit changed."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def moved(reply: node_pb2.AnswerReply, source: node_pb2.AnswerReply) -> node_pb2.AnswerReply:
    """With the whole receipt of another reply."""
    found = node_pb2.AnswerReply(answer=reply.answer)
    found.receipt.CopyFrom(source.receipt)
    return found


def says_otherwise(reply: node_pb2.AnswerReply) -> bytes:
    """A leaf that names this answer, which no tree holds."""
    leaf = jcs.decode(reply.receipt.leaf, max_bytes=4096)
    leaf["fields"]["policy"] = "ab" * 32
    return jcs.encode(leaf)


RECEIPTS: dict[str, Callable[[Replies], node_pb2.AnswerReply]] = {
    "none": lambda r: node_pb2.AnswerReply(answer=r["this"].answer),
    "that of another household's answer": lambda r: moved(r["this"], r["other"]),
    "that of another department's answer": lambda r: moved(r["this"], r["bank"]),
    "another department's checkpoint": lambda r: bent(
        r["this"], checkpoint=r["bank"].receipt.checkpoint
    ),
    "an older checkpoint": lambda r: bent(r["this"], checkpoint=r["older"].receipt.checkpoint),
    "a checkpoint with a bent signature": lambda r: bent(
        r["this"], checkpoint=flipped(r["this"].receipt.checkpoint, -8)
    ),
    "another index": lambda r: bent(r["this"], index=r["this"].receipt.index + 1),
    "a path too short": lambda r: bent(r["this"], path=list(r["this"].receipt.path)[:-1]),
    "a bent path": lambda r: bent(
        r["this"],
        path=[flipped(r["this"].receipt.path[0], 3), *list(r["this"].receipt.path)[1:]],
    ),
    "a leaf that was never written": lambda r: bent(r["this"], leaf=says_otherwise(r["this"])),
}


@pytest.fixture(scope="module")
def receipted(attackers: Attackers) -> tuple[Papers, Replies]:
    """Answers of two households and two departments, one after the other."""
    relay, older, papers = attackers.relay, attackers.case("unknown"), attackers.case("unknown")
    other = attackers.case("unknown")
    return papers, {
        "older": relay.ask("tax", older),
        "this": relay.ask("tax", papers),
        "other": relay.ask("tax", other),
        "bank": relay.ask("bank", papers),
    }


def check(attackers: Attackers, papers: Papers, reply: node_pb2.AnswerReply) -> None:
    """As the coordinator checks it on arrival."""
    asking.check_answer(
        reply, papers.ticket_of("tax"), federation=attackers.relay.federation, key=KEY
    )


@pytest.mark.parametrize("bend", RECEIPTS.values(), ids=RECEIPTS.keys())
def test_an_answer_without_its_own_receipt_is_not_taken(
    attackers: Attackers,
    receipted: tuple[Papers, Replies],
    bend: Callable[[Replies], node_pb2.AnswerReply],
) -> None:
    papers, replies = receipted
    check(attackers, papers, replies["this"])
    with pytest.raises(Refusal) as caught:
        check(attackers, papers, bend(replies))
    assert caught.value.reason is Reason.PROOF_INVALID


def test_another_tickets_answer_is_not_taken(
    attackers: Attackers, receipted: tuple[Papers, Replies]
) -> None:
    papers, replies = receipted
    for name, reason in (
        ("other", Reason.ANSWER_SET_INVALID),
        ("bank", Reason.SIGNATURE_INVALID),
    ):
        with pytest.raises(Refusal) as caught:
            check(attackers, papers, replies[name])
        assert caught.value.reason is reason


def test_without_this_check_a_node_answers_and_leaves_no_trace(
    attackers: Attackers, receipted: tuple[Papers, Replies], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_check_receipt", lambda *_: None)
    papers, replies = receipted
    check(attackers, papers, RECEIPTS["none"](replies))


# ---------------------------------------------------------------- a node that shows a match


def outside(attackers: Attackers, kind: str) -> tuple[Any, ...]:
    """What the coordinator and a reviewer see of one question to the tax office."""
    papers, before = attackers.case(kind), size(attackers)
    try:
        reply = attackers.relay.ask("tax", papers)
        said: Any = shape(reply.answer, {}), shape(reply.receipt.leaf, {}), len(reply.answer.body)
    except Refused as error:
        said = error.reason, error.detail
    with attackers.county.services["tax"].parts.database.read() as conn:
        leaves = list(log.entries(conn, before, log.size(conn)))
    return said, [(len(leaf), shape(leaf, {})) for leaf in leaves]


def refuses_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that has nothing to say says so."""
    read = matching.read_household

    def honest_but_frank(*args: Any, **kwargs: Any) -> Any:
        rows = read(*args, **kwargs)
        if not any(rows.values()):
            raise Refusal(Reason.RESOURCE_UNKNOWN)
        return rows

    monkeypatch.setattr(contribution, "read_household", honest_but_frank)


def ledgers_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that writes down when somebody was found."""
    read, keep, matched = matching.read_household, Answers._keep, [False]

    def noted(*args: Any, **kwargs: Any) -> Any:
        rows = read(*args, **kwargs)
        matched[0] = any(rows.values())
        return rows

    def kept(self: Answers, tx: Tx, question: Question, *rest: Any) -> Any:
        if matched[0]:
            fields = {"query": question.ticket.query, "manifest": question.manifest_digest}
            tx.append("query.refused", reason="internal", **fields)
        return keep(self, tx, question, *rest)

    monkeypatch.setattr(contribution, "read_household", noted)
    monkeypatch.setattr(Answers, "_keep", kept)


def test_a_question_looks_the_same_whoever_is_asked_about(attackers: Attackers) -> None:
    assert outside(attackers, "earner") == outside(attackers, "unknown")


WEAKENED = {"refuses strangers": refuses_strangers, "ledgers matches": ledgers_matches}


@pytest.mark.parametrize("weaken", WEAKENED.values(), ids=WEAKENED.keys())
def test_the_comparison_finds_a_node_that_shows_a_match(
    attackers: Attackers,
    monkeypatch: pytest.MonkeyPatch,
    weaken: Callable[[pytest.MonkeyPatch], None],
) -> None:
    weaken(monkeypatch)
    assert outside(attackers, "earner") != outside(attackers, "unknown")
