"""What a coordinator tries that relays other messages than the parties sent.

Every attack is run twice: against the federation, which refuses it with the reason shown, and
against a copy of it, weakened in the test alone, where it gains what design.md 2.6 says it would.

Tests design.md 2.4.6, 2.6.1, 2.6.2, 2.6.6, 2.6.9, 2.6.10, 2.6.12, 2.6.13.
"""

from collections.abc import Callable
from typing import Any

import pytest

from crypto import knowledge, packing, paillier
from crypto.rng import system_rng
from hedui.v1 import common_pb2, holder_pb2
from holder import messages as holder_messages
from holder import store as holder_store
from model.documents.opening import (
    HolderHeader,
    Permit,
    answer_set_digest,
    ciphertext_digest,
)
from model.documents.query import Answer
from model.opening import mask_context
from model.policy.compiling import limits
from model.reasons import Reason
from registrar.manifests import permit_store
from runtime.documents import open_signed
from runtime.errors import Refusal, Refused
from runtime.transport.wire import signed_from_wire
from tests.attacks.conftest import Attackers
from tests.support.keys import dealt
from tests.support.relay import Doc, Papers, Relay, Round

KEY = dealt(2, 2).joint.public
YUAN = 100
INCOME = 0
"""Slot of the income rule: 1 says that the limit is exceeded."""


def trusting(_link: Any, message: common_pb2.HolderMessage, _federation: Any) -> HolderHeader:
    """Weakened ``receive``: believes whatever the relay brings."""
    return HolderHeader.decode(message.header.body)


def refused(act: Callable[[], object]) -> Reason:
    """The reason for which an attack fails."""
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.reason


# ---------------------------------------------------------------- a relay that plays masker


def shifted(reply: holder_pb2.MaskReply, by: int) -> holder_pb2.MaskReply:
    """The masker's message with a mask that moves the first limit by so many fen.

    M·(1 + k·n) has the same n-th root, so the masker's honest share opens it as well.
    """
    width = KEY.ciphertext_bytes
    mask = paillier.decode_ciphertext(KEY, reply.mask.payload[:width])
    moved = mask * (1 + by * KEY.n) % KEY.n2
    bent = holder_pb2.MaskReply()
    bent.CopyFrom(reply)
    bent.mask.payload = paillier.encode_ciphertext(KEY, moved) + reply.mask.payload[width:]
    return bent


def own_mask(
    relay: Relay, papers: Papers, opening: Round, reply: holder_pb2.MaskReply, *, signer: str
) -> holder_pb2.MaskReply:
    """A mask of the relay's own, with a sound proof, in a header that names the masker."""
    layout = papers.terms.layout
    shape = packing.Layout(layout.ell, len(layout.slots))
    masks = packing.draw_masks(shape, rng=system_rng)
    plaintext = packing.pack_masks(KEY, shape, limits(layout, papers.terms.inputs), masks)
    made = paillier.encrypt_uniform(KEY, plaintext, rng=system_rng)
    permit = opening.digest.hex()
    bound = mask_context(permit, opening.permit.masker)
    payload = paillier.encode_ciphertext(KEY, made.ciphertext) + knowledge.prove_mask(
        KEY, made, plaintext, context=bound, rng=system_rng
    )
    answers = [Answer.decode(a.body).ciphertext for a in opening.context.answers]
    factors = [paillier.decode_ciphertext(KEY, bytes.fromhex(a)) for a in answers]
    product = paillier.product(KEY, [*factors, made.ciphertext])
    link = holder_messages.mask_link(
        permit,
        opening.permit.masker,
        ciphertext_digest(paillier.encode_ciphertext(KEY, product)),
    )
    message = holder_messages.sign_message(link, payload, key=relay.identity.sign_key)
    message.header.signer = signer or opening.permit.masker
    return holder_pb2.MaskReply(mask=message, share=reply.share)


Forge = Callable[[Relay, Papers, Round, holder_pb2.MaskReply], holder_pb2.MaskReply]
MASKS: dict[str, tuple[Forge, Reason]] = {
    "the masker's, a limit moved": (
        lambda _relay, _papers, _round, reply: shifted(reply, 5500 * YUAN),
        Reason.PROOF_INVALID,
    ),
    "its own, signed in the masker's name": (
        lambda relay, papers, opening, reply: own_mask(relay, papers, opening, reply, signer=""),
        Reason.MESSAGE_INVALID,
    ),
    "its own, signed in its own name": (
        lambda relay, papers, opening, reply: own_mask(
            relay, papers, opening, reply, signer="coordinator"
        ),
        Reason.MESSAGE_INVALID,
    ),
}


@pytest.mark.parametrize(("forge", "reason"), MASKS.values(), ids=MASKS.keys())
def test_a_relay_cannot_play_masker(attackers: Attackers, forge: Forge, reason: Reason) -> None:
    relay, papers = attackers.relay, attackers.case("modest")
    opening = relay.begin(papers)
    reply = relay.mask(opening)
    forged = forge(relay, papers, opening, reply)
    assert refused(lambda: relay.open(opening, forged.mask, forged.share)) is reason
    # The evaluator has opened nothing: the honest messages still go through.
    assert relay.finish(papers, opening, reply)[INCOME] == 0


def test_with_an_evaluator_that_believes_it_a_relay_moves_the_limit(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It learns whether 1,000 yuan exceed 500: a predicate of its own choice."""
    monkeypatch.setattr(holder_messages, "_verify", trusting)
    monkeypatch.setattr(knowledge, "verify_mask", lambda *_, **__: None)
    relay, papers = attackers.relay, attackers.case("modest")
    opening = relay.begin(papers)
    forged = shifted(relay.mask(opening), 5500 * YUAN)
    assert relay.finish(papers, opening, forged)[INCOME] == 1


# ---------------------------------------------------------------- the set of answers


def repeated(answers: list[Doc]) -> list[Doc]:
    return [answers[1]] * 7


SETS: dict[str, Callable[[list[Doc]], list[Doc]]] = {
    "one department's, seven times": repeated,
    "one department's in both places": lambda answers: [answers[1], answers[1]],
    "each in the other's place": lambda answers: answers[::-1],
    "one left out": lambda answers: answers[1:],
    "one more": lambda answers: [*answers, answers[1]],
}


@pytest.mark.parametrize("bend", SETS.values(), ids=SETS.keys())
def test_holders_take_one_answer_of_each_department(
    attackers: Attackers, bend: Callable[[list[Doc]], list[Doc]]
) -> None:
    relay, papers = attackers.relay, attackers.case("modest")
    opening = relay.begin(papers)
    answers = list(opening.context.answers)
    bent = relay.round(papers, opening.context.permit, bend(answers))
    reason = refused(lambda: relay.mask(bent))
    assert reason in (Reason.ANSWER_SET_INVALID, Reason.SIGNATURE_INVALID)
    reply = relay.mask(opening)
    assert refused(lambda: relay.open(bent, reply.mask, reply.share)) is reason


def lenient_set(manifest: Any, digest: str, permit: Any, answers: Any, *_: Any) -> tuple[int, ...]:
    """Weakened ``check_answers``: multiplies whatever is there."""
    return tuple(
        paillier.decode_ciphertext(KEY, bytes.fromhex(Answer.decode(a.body).ciphertext))
        for a in answers
    )


def test_holders_that_multiply_anything_isolate_a_department(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven times the tax office's answer alone: does this person earn more than 6,000 / 7?"""
    monkeypatch.setattr("holder.checks.check_answers", lenient_set)
    relay, papers = attackers.relay, attackers.case("modest")
    answers = relay.answers(papers)
    permit = relay.permit(papers, {"bank": answers[0], "tax": answers[1]})
    honest = relay.round(papers, permit, answers)
    bent = relay.round(papers, honest.context.permit, repeated(answers))
    assert relay.run(papers, bent)[INCOME] == 1


# ---------------------------------------------------------------- another's inverse


def inverse_of(answer: Doc, relay: Relay, papers: Papers, proof: str) -> Doc:
    """The bank's answer: the inverse of the tax office's, which the coordinator showed it."""
    seen = Answer.decode(answer.body)
    ciphertext = pow(int(seen.ciphertext, 16), -1, KEY.n2)
    forged = Answer(
        query=papers.ticket_of("bank").query,
        manifest=papers.digest,
        department="bank",
        ciphertext=paillier.encode_ciphertext(KEY, ciphertext).hex(),
        proof=proof or seen.proof,
        data_dates={"bank.interest": "2026-10-31"},
        answered_at=seen.answered_at,
    )
    return relay.sign_as("bank", forged, key=relay.key_of("bank"))


def own_proof(relay: Relay, papers: Papers) -> str:
    """The proof of an answer that the bank did make itself."""
    return Answer.decode(relay.ask("bank", papers).answer.body).proof


PROOFS = {"the other's proof": lambda *_: "", "a proof of its own": own_proof}


@pytest.mark.parametrize("proof", PROOFS.values(), ids=PROOFS.keys())
def test_an_answer_that_is_anothers_inverse_is_refused(
    attackers: Attackers, proof: Callable[[Relay, Papers], str]
) -> None:
    relay, papers = attackers.relay, attackers.case("earner")
    honest = relay.ask("tax", papers).answer
    forged = inverse_of(honest, relay, papers, proof(relay, papers))
    permit = relay.permit(papers, {"bank": forged, "tax": honest})
    opening = relay.round(papers, permit, [forged, honest])
    assert refused(lambda: relay.mask(opening)) is Reason.PROOF_INVALID


def test_without_proofs_an_inverse_takes_the_victim_out_of_the_sum(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7,000 yuan of wages are above the limit, and the household seems to have nothing."""
    monkeypatch.setattr(knowledge, "verify", lambda *_, **__: None)
    relay, papers = attackers.relay, attackers.case("earner")
    honest = relay.ask("tax", papers).answer
    forged = inverse_of(honest, relay, papers, "")
    permit = relay.permit(papers, {"bank": forged, "tax": honest})
    assert relay.run(papers, relay.round(papers, permit, [forged, honest]))[INCOME] == 0


# ---------------------------------------------------------------- a second permit


def test_the_registrar_signs_no_second_permit(attackers: Attackers) -> None:
    relay, papers = attackers.relay, attackers.case("indebted")
    answers = dict(zip(("bank", "tax"), relay.answers(papers), strict=True))
    first = relay.permit(papers, answers)
    assert refused(lambda: relay.permit(papers, {"tax": answers["tax"]})) is Reason.PERMIT_SECOND
    assert relay.permit(papers, answers) == first


def test_a_registrar_that_forgets_signs_again_and_holders_still_refuse(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two openings of one case would mask it twice; the holders' tombstones stand before it."""
    relay, papers = attackers.relay, attackers.case("indebted")
    answers = dict(zip(("bank", "tax"), relay.answers(papers), strict=True))
    opening = relay.round(papers, relay.permit(papers, answers), list(answers.values()))
    monkeypatch.setattr(permit_store, "get", lambda *_: None)
    monkeypatch.setattr(permit_store, "add", lambda *_: None)
    second = relay.round(papers, relay.permit(papers, answers), list(answers.values()))
    assert second.permit.permit != opening.permit.permit
    assert relay.run(papers, opening)[INCOME] == 0
    assert refused(lambda: relay.mask(second)) is Reason.ALREADY_OPENED


def second_permit(relay: Relay, papers: Papers, opening: Round) -> Round:
    """What a registrar that has turned would sign: the tax office alone, the bank silent."""
    answer = opening.context.answers[1]
    permit = opening.permit.model_copy(
        update={
            "permit": "ab" * 16,
            "answers": answer_set_digest(papers.digest, [None, answer.body]),
            "answering": ["tax"],
            "silent": ["bank"],
        }
    )
    signed = relay.sign_as("registrar", permit, key=relay.key_of("registrar"))
    return relay.round(papers, signed, [answer])


def test_holders_refuse_a_second_permit_even_of_the_registrar(attackers: Attackers) -> None:
    relay, papers = attackers.relay, attackers.case("indebted")
    opening = relay.begin(papers)
    masked = relay.mask(opening)
    assert relay.finish(papers, opening, masked)[INCOME] == 0
    second = second_permit(relay, papers, opening)
    assert refused(lambda: relay.mask(second)) is Reason.ALREADY_OPENED


def test_holders_that_forget_tell_the_departments_apart(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sums are below the limit or not: the bank's 2,000 yuan of debt have shown."""
    add = holder_store.add_participation
    monkeypatch.setattr(holder_store, "participation_of", lambda *_: None)
    monkeypatch.setattr(
        holder_store,
        "add_participation",
        lambda conn, row, at: add(
            conn, holder_store.Participation(**{**vars(row), "manifest": row.permit}), at
        ),
    )
    relay, papers = attackers.relay, attackers.case("indebted")
    opening = relay.begin(papers)
    assert relay.run(papers, opening)[INCOME] == 0
    second = second_permit(relay, papers, opening)
    assert relay.run(papers, second)[INCOME] == 1


# ---------------------------------------------------------------- messages of another permit


def alike(attackers: Attackers, kind: str, like: Round) -> tuple[Papers, Round]:
    """A case whose holders have the same roles: they are drawn by lot."""
    while True:
        papers = attackers.case(kind)
        opening = attackers.relay.begin(papers)
        if opening.permit.holders == like.permit.holders:
            return papers, opening


def test_no_message_serves_under_another_permit(attackers: Attackers) -> None:
    relay, papers = attackers.relay, attackers.case("earner")
    old = relay.begin(papers)
    masked = relay.mask(old)
    bits = relay.open(old, masked.mask, masked.share)
    compared = relay.compare(old, bits)
    results = relay.conclude(old, compared.terms)
    other, new = alike(attackers, "unknown", old)
    fresh = relay.mask(new)
    attempts: dict[str, Callable[[], object]] = {
        "mask": lambda: relay.open(new, masked.mask, fresh.share),
        "share": lambda: relay.open(new, fresh.mask, masked.share),
        "bits": lambda: relay.compare(new, bits),
        "answers": lambda: relay.mask(
            relay.round(other, new.context.permit, list(old.context.answers))
        ),
        "permit": lambda: relay.mask(
            relay.round(other, old.context.permit, list(new.context.answers))
        ),
    }
    found = {name: refused(attempt) for name, attempt in attempts.items()}
    assert found == {
        "mask": Reason.PROOF_INVALID,
        "share": Reason.MESSAGE_INVALID,
        "bits": Reason.MESSAGE_INVALID,
        "answers": Reason.ANSWER_SET_INVALID,
        "permit": Reason.PERMIT_MISMATCH,
    }
    relay.compare(new, relay.open(new, fresh.mask, fresh.share))
    assert refused(lambda: relay.conclude(new, compared.terms)) is Reason.MESSAGE_INVALID
    with pytest.raises(Refusal) as caught:
        relay.read(other, new, fresh, compared.flips, results)
    assert caught.value.reason is Reason.MESSAGE_INVALID


def test_messages_bound_to_no_permit_pass_one_households_outcome_off_as_anothers(
    attackers: Attackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds old results closes a case with them."""
    monkeypatch.setattr(holder_messages, "_verify", trusting)
    monkeypatch.setattr(holder_messages, "_bound_to", lambda *_: [b"nothing"])
    relay, papers = attackers.relay, attackers.case("earner")
    old = relay.begin(papers)
    masked = relay.mask(old)
    compared = relay.compare(old, relay.open(old, masked.mask, masked.share))
    results = relay.conclude(old, compared.terms)
    other, new = alike(attackers, "unknown", old)
    assert relay.read(other, new, relay.mask(new), compared.flips, results)[INCOME] == 1


def test_a_repeated_step_brings_the_stored_message_and_no_second_mask(
    attackers: Attackers,
) -> None:
    relay, papers = attackers.relay, attackers.case("modest")
    opening = relay.begin(papers)
    first = relay.mask(opening)
    assert relay.mask(opening) == first
    bits = relay.open(opening, first.mask, first.share)
    assert relay.open(opening, first.mask, first.share) == bits
    compared = relay.compare(opening, bits)
    assert relay.compare(opening, bits) == compared


def test_a_permit_of_the_coordinators_own_is_none(attackers: Attackers) -> None:
    relay, papers = attackers.relay, attackers.case("modest")
    opening = relay.begin(papers)
    forged = relay.sign_as("registrar", opening.permit)
    bent = relay.round(papers, forged, list(opening.context.answers))
    assert refused(lambda: relay.mask(bent)) is Reason.SIGNATURE_INVALID
    registrar = attackers.county.federation.registrar
    assert open_signed(signed_from_wire(opening.context.permit), Permit, registrar)
