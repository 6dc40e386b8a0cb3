"""The checks of one opened answer: recomputed, and held against everybody's ledger.

Source: design.md 2.4.22, 1.8: a node keeps plaintext and randomness, so that its ciphertext can be
recomputed; a lie about that is caught here, a lie about its own records is not.
Learns: whoever runs it, where values were opened, what this department contributed to each rule
of this household.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from crypto import integers, packing, paillier
from ledger.verify.reconcile_facts import Fact
from model.disclosure import AnswerDisclosure
from model.documents.query import Answer, Ticket
from model.federation import Process
from model.policy import Comparison
from reviewer.papers import Check, NotLookedAt, Papers, Wrong, hold, judge, signed_by


@dataclass(frozen=True)
class Contribution:
    """What a department sent for one comparison: the rules that use it, its form, value, flag."""

    department: str
    rules: str
    form: str
    value: int
    """In the base unit: fen, 0.01 m², or pieces."""
    flag: int
    """1 where the department could not read, or not bound, what it holds."""


def check_answer(papers: Papers, ticket: Ticket, disclosure: AnswerDisclosure) -> Iterator[Check]:
    """Every check of one department's answer; without values, those of which ticket it answered."""
    node = papers.sources.federation.department(ticket.department)
    if node is None:
        raise Wrong(f"no member serves {ticket.department}")
    about = f"answer: {ticket.department}"
    checks = [
        (f"{node.name} signed this answer to this query", _signed),
        (f"{node.name}'s ledger has this answer, to the ticket that the registrar opened", _node),
        ("the coordinator's ledger has the same answer", _coordinator),
    ]
    if disclosure.plaintext:
        checks += [
            ("plaintext and randomness give exactly its ciphertext", _recompute),
            ("it contributes to its own rules alone, within the policy's bounds", _bounds),
        ]
    for sentence, act in checks:
        yield judge(about, sentence, partial(act, papers, ticket, disclosure, node))


def contributions(
    papers: Papers, ticket: Ticket, disclosure: AnswerDisclosure
) -> list[Contribution]:
    """What the department sent, for each comparison that it serves. Raises InvalidInput.

    Empty where values were not wanted.
    """
    rows: list[Contribution] = []
    layout = papers.layout
    if not disclosure.plaintext:
        return rows
    for index, comparison in enumerate(layout.comparisons):
        if ticket.department in comparison.departments:
            value, flag = _slots(papers, disclosure)[2 * index : 2 * index + 2]
            used = [
                name
                for name, terms in layout.rules.items()
                if any(term.comparison == index for term in terms)
            ]
            form = _form(papers, ticket.department, comparison)
            rows.append(Contribution(ticket.department, ", ".join(used), form, value, flag))
    return rows


def _form(papers: Papers, department: str, comparison: Comparison) -> str:
    """The department's own part of a form: ``wages + 2 * bonus``."""
    policy = papers.layout.policy
    mine = [(n, w) for n, w in comparison.form if policy.entry(n).department == department]
    return " + ".join(name if weight == 1 else f"{weight} * {name}" for name, weight in mine)


def _answer(disclosure: AnswerDisclosure) -> Answer:
    return Answer.decode(disclosure.answer.signed.body)


def _signed(papers: Papers, ticket: Ticket, disclosure: AnswerDisclosure, node: Process) -> None:
    signed_by(disclosure.answer, Answer, node)
    answer = _answer(disclosure)
    named = (answer.query, answer.manifest, answer.department)
    if (
        named != (ticket.query, ticket.manifest, ticket.department)
        or disclosure.query != ticket.query
    ):
        raise Wrong("the answer is to another query")


def _recompute(papers: Papers, ticket: Ticket, disclosure: AnswerDisclosure, node: Process) -> None:
    key = papers.sources.federation.joint_key.key.public
    plaintext = integers.decode(bytes.fromhex(disclosure.plaintext), key.plaintext_bytes)
    r = int.from_bytes(bytes.fromhex(disclosure.randomness), "big")
    made = paillier.encode_ciphertext(key, paillier.encrypt_with(key, plaintext, r))
    if made.hex() != _answer(disclosure).ciphertext:
        raise Wrong("they give another ciphertext: the node did not answer what it now shows")


def _node(papers: Papers, ticket: Ticket, disclosure: AnswerDisclosure, node: Process) -> None:
    fact = _fact(papers, node.name, "query.answered", ticket)
    if fact.text("answer") != disclosure.answer.signed.digest:
        raise Wrong(f"entry {fact.index} of {node.name} names another answer")
    expected = {"ticket": ticket.terms_digest}
    hold(f"entry {fact.index} of {node.name}", fact.fields, [disclosure.ticket], expected)


def _coordinator(
    papers: Papers, ticket: Ticket, disclosure: AnswerDisclosure, node: Process
) -> None:
    name = papers.requester
    fact = _fact(papers, name, "answer.received", ticket)
    if fact.text("answer") != disclosure.answer.signed.digest:
        raise Wrong(f"entry {fact.index} of {name} names another answer")


def _fact(papers: Papers, process: str, event: str, ticket: Ticket) -> Fact:
    ledger = papers.sources.ledger(process)
    if ledger is None:
        raise NotLookedAt(f"hand in the bundle of {process}")
    found = papers.sources.about(ledger, event, ticket.query)
    if found is None:
        raise Wrong(f"the ledger of {process} has no {event} for this query")
    return found


def _bounds(papers: Papers, ticket: Ticket, disclosure: AnswerDisclosure, node: Process) -> None:
    slots = _slots(papers, disclosure)
    for index, comparison in enumerate(papers.layout.comparisons):
        value, flag = slots[2 * index : 2 * index + 2]
        mine = ticket.department in comparison.departments
        if not mine and (value, flag) != (0, 0):
            raise Wrong(f"a contribution to comparison {index}, which is none of its business")
        if flag not in (0, 1) or (flag and value) or not comparison.low <= value <= comparison.high:
            raise Wrong(f"comparison {index}: a value or a flag that no honest node sends")


def _slots(papers: Papers, disclosure: AnswerDisclosure) -> list[int]:
    key = papers.sources.federation.joint_key.key.public
    shape = packing.Layout(papers.layout.ell, len(papers.layout.slots))
    plaintext = integers.decode(bytes.fromhex(disclosure.plaintext), key.plaintext_bytes)
    return packing.unpack_signed(key, shape, plaintext)
