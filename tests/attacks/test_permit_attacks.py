"""Permits that a turned registrar signs, and answers exchanged behind a permit.

Tests design.md 2.6.6, 2.6.10, 2.6.14.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select

from crypto import knowledge, packing, paillier
from crypto.rng import system_rng
from holder import store as holder_store
from model.documents.opening import Permit, answer_set_digest
from model.documents.query import Answer
from model.opening import answer_context
from model.reasons import Reason
from node.process import forget_expired
from runtime.errors import Refused
from tests.attacks.conftest import Attackers
from tests.support.keys import dealt
from tests.support.relay import DEPARTMENTS, HOLDERS, Doc, Papers, Relay, Round

KEY = dealt(2, len(HOLDERS)).joint.public
INCOME = 0
"""The slot of the rule that both departments serve."""
YUAN = 100


def refusal_of(relay: Relay, opening: Round) -> Reason:
    with pytest.raises(Refused) as caught:
        relay.mask(opening)
    return caught.value.reason


def turned(relay: Relay, papers: Papers, received: Mapping[str, Doc], **changed: Any) -> Round:
    """An opening under a permit that the registrar would not sign, with its true signature."""
    everything = relay.permit(papers, dict(received))
    answering = changed.get("answering", list(received))
    bodies = [received[d].body if d in answering else None for d in DEPARTMENTS]
    fields = {"answers": answer_set_digest(papers.digest, bodies)} | changed
    bent = Permit.decode(everything.body).model_copy(update=fields)
    signed = relay.sign_as("registrar", bent, key=relay.key_of("registrar"))
    return relay.round(papers, signed, [received[d] for d in answering])


def all_answers(relay: Relay, papers: Papers) -> dict[str, Doc]:
    return dict(zip(DEPARTMENTS, relay.answers(papers), strict=True))


TURNED: dict[str, tuple[dict[str, Any], Reason]] = {
    "a rule's only department called silent": (
        {"answering": ["bank"], "silent": ["tax"]},
        Reason.TOO_FEW_DEPARTMENTS,
    ),
    "departments in another order": ({"answering": ["tax", "bank"]}, Reason.PERMIT_MISMATCH),
    "a department twice": (
        {"answering": ["bank", "bank"], "silent": ["tax"]},
        Reason.PERMIT_MISMATCH,
    ),
    "a department on neither side": ({"answering": ["tax"]}, Reason.PERMIT_MISMATCH),
    "a department on both sides": ({"silent": ["tax"]}, Reason.PERMIT_MISMATCH),
    "other answers than are shown": ({"answers": "00" * 32}, Reason.ANSWER_SET_INVALID),
}


@pytest.mark.parametrize(("changed", "reason"), TURNED.values(), ids=TURNED.keys())
def test_a_holder_checks_a_turned_registrars_permit_for_itself(
    attackers: Attackers, changed: dict[str, Any], reason: Reason
) -> None:
    relay, papers = attackers.relay, attackers.case("modest")
    opening = turned(relay, papers, all_answers(relay, papers), **changed)
    assert refusal_of(relay, opening) is reason


def test_holders_without_a_minimum_open_one_department_alone(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7,000 yuan of wages are above the limit; what is opened is the bank's share of nothing."""
    monkeypatch.setattr("holder.checks.require_minimum", lambda *_: None)
    relay, papers = attackers.relay, attackers.case("earner")
    answers = all_answers(relay, papers)
    opening = turned(relay, papers, answers, answering=["bank"], silent=["tax"])
    assert relay.run(papers, opening)[INCOME] == 0


# ---------------------------------------------------------------- a second answer behind a permit


def another_answer(relay: Relay, papers: Papers, fen: int, first: Doc) -> Doc:
    """What a corrupt bank signs afterwards: a sound answer of another amount, well proved."""
    layout = papers.terms.layout
    slots = [fen] + [0] * (len(layout.slots) - 1)
    plain = packing.pack(KEY, packing.Layout(layout.ell, len(layout.slots)), slots)
    made = paillier.encrypt(KEY, plain, rng=system_rng)
    context = answer_context(papers.digest, "bank")
    fields = {
        "ciphertext": paillier.encode_ciphertext(KEY, made.ciphertext).hex(),
        "proof": knowledge.prove(KEY, made, plain, context=context, rng=system_rng).hex(),
    }
    second = Answer.decode(first.body).model_copy(update=fields)
    return relay.sign_as("bank", second, key=relay.key_of("bank"))


def exchanged(attackers: Attackers) -> tuple[Papers, Round]:
    """The permit is for the bank's first answer; holders are shown its second."""
    relay, papers = attackers.relay, attackers.case("modest")
    answers = all_answers(relay, papers)
    permit = relay.permit(papers, answers)
    second = another_answer(relay, papers, 6000 * YUAN, answers["bank"])
    return papers, relay.round(papers, permit, [second, answers["tax"]])


def test_an_answer_exchanged_behind_the_permit_is_refused(attackers: Attackers) -> None:
    _, opening = exchanged(attackers)
    assert refusal_of(attackers.relay, opening) is Reason.ANSWER_SET_INVALID


def test_holders_that_do_not_compare_the_digest_open_what_no_ledger_has(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 yuan are within the limit of 6,000; with the second answer they are not."""
    papers, opening = exchanged(attackers)
    agreed = opening.permit.answers
    monkeypatch.setattr("holder.checks.answer_set_digest", lambda *_: agreed)
    assert attackers.relay.run(papers, opening)[INCOME] == 1


def kept_by(attackers: Attackers, holder: str, opening: Round) -> set[str]:
    """The names of a holder's secrets under a permit, once it has forgotten what is over."""
    parts = attackers.county.services[holder].parts
    forget_expired(parts)
    here = holder_store.SECRETS.c.permit == opening.digest.hex()
    with parts.database.read() as conn:
        return set(conn.scalars(select(holder_store.SECRETS.c.name).where(here)))


def test_holders_forget_masks_and_numbers_of_an_opening_that_was_broken_off(
    attackers: Attackers,
) -> None:
    """Whoever seizes both holders later would have the sums."""
    relay, clock = attackers.relay, attackers.county.clock
    opening = relay.begin(attackers.case("earner"))
    masked = relay.mask(opening)
    relay.open(opening, masked.mask, masked.share)
    masker, evaluator = opening.permit.masker, opening.permit.evaluator
    assert kept_by(attackers, masker, opening) == {"masks", "product"}
    assert kept_by(attackers, evaluator, opening) == {"numbers", "evidence"}
    before = clock.ahead
    clock.move(hours=2)
    try:
        assert kept_by(attackers, masker, opening) == set()
        assert kept_by(attackers, evaluator, opening) == set()
    finally:
        clock.ahead = before
