"""What the coordinator refuses of the holders' messages: a relay, a holder, or both may lie.

Tests design.md 2.6.5, 2.6.12.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from coordinator.opening.transcript import check_mask
from crypto import knowledge, paillier
from crypto.rng import system_rng
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from hedui.v1 import common_pb2, holder_pb2
from holder import messages as holder_messages
from holder.bits import Outcome, Recipient, read_bits
from holder.messages import ALL_HOLDERS, PAD_STEP, Link, mask_link
from model.documents.opening import HolderHeader, Permit, Step, ciphertext_digest
from model.documents.query import Answer
from model.documents.signed import sign
from model.federation import Federation
from model.opening import mask_context
from runtime.errors import Refusal
from runtime.site.identity import read_secret
from runtime.transport.wire import signed_to_wire
from tests.support.homes import make_home

PERMIT, OTHER = "aa" * 32, "bb" * 32
TERMS = "cc" * 32
FLIPS, RESULTS = [0, 1, 1, 0], [0, 1, 0, 1]


@dataclass(frozen=True)
class Scene:
    """Tax masks, bank evaluates, the coordinator reads."""

    federation: Federation
    home: Path

    @property
    def permit(self) -> Permit:
        """A permit for these two."""
        return Permit(
            permit="dd" * 16,
            manifest="ee" * 32,
            kind="rules",
            answers="ff" * 32,
            answering=["tax"],
            silent=[],
            holders=["tax", "bank"],
            skips=[],
            issued_at="2026-11-23T08:00:00Z",
            expires_at="2026-11-23T09:00:00Z",
        )

    @property
    def mask(self) -> HolderHeader:
        """The verified header of the mask."""
        return HolderHeader(
            permit=PERMIT,
            step="mask",
            sender="tax",
            recipient=ALL_HOLDERS,
            ciphertext="11" * 32,
            previous=PERMIT,
            payload="22" * 32,
        )

    def sign_key(self, name: str) -> SigningKey:
        """A process's signing key."""
        return SigningKey(read_secret(self.home / name / "keys" / "sign.key"))

    def sealed(
        self, step: Step, sender: str, bits: list[int] | bytes, **changes: Any
    ) -> common_pb2.SealedMessage:
        """A message to the coordinator; ``changes`` are what somebody has bent."""
        signer = changes.pop("signer", sender)
        link = replace(
            Link(step, sender, "coordinator", PERMIT, "11" * 32, previous=TERMS), **changes
        )
        payload = bits if isinstance(bits, bytes) else holder_messages.encode_bits(bits)
        key = self.sign_key(signer)
        return holder_messages.send(link, payload, key=key, federation=self.federation).message

    def read(self, flips: common_pb2.SealedMessage, results: common_pb2.SealedMessage) -> list[int]:
        """Read the bits as the coordinator does."""
        return read_bits(
            Outcome(flips, results),
            self.permit,
            self.mask,
            count=len(FLIPS),
            to=Recipient(
                "coordinator",
                SealingKey(read_secret(self.home / "coordinator" / "keys" / "seal.key")),
                self.federation,
            ),
        )


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Keys of a small federation."""
    home = make_home(tmp_path_factory.mktemp("scene"))
    yield Scene(home.federation(), home.path)


def test_the_bits_are_flips_xor_results_and_all_messages_have_one_size(scene: Scene) -> None:
    flips, results = scene.sealed("flips", "tax", FLIPS), scene.sealed("results", "bank", RESULTS)
    assert scene.read(flips, results) == [0, 0, 1, 1]
    assert len(flips.sealed) == len(results.sealed) == PAD_STEP + 52


BENT: dict[str, Callable[[Scene], common_pb2.SealedMessage]] = {
    "of another holder": lambda s: s.sealed("flips", "bank", FLIPS),
    "signed by the evaluator in the masker's name": lambda s: s.sealed(
        "flips", "tax", FLIPS, signer="bank"
    ),
    "of another permit": lambda s: s.sealed("flips", "tax", FLIPS, permit=OTHER),
    "about another ciphertext": lambda s: s.sealed("flips", "tax", FLIPS, ciphertext=OTHER),
    "after other terms": lambda s: s.sealed("flips", "tax", FLIPS, previous=OTHER),
    "of another step": lambda s: s.sealed("results", "tax", FLIPS),
    "sealed to another": lambda s: s.sealed("flips", "tax", FLIPS, recipient="bank"),
    "not bits": lambda s: s.sealed("flips", "tax", bytes([2]).ljust(256, b"\0")),
    "more bits than slots": lambda s: s.sealed("flips", "tax", [*FLIPS, 1]),
    "a payload of another length": lambda s: s.sealed("flips", "tax", bytes(4)),
    "nothing": lambda s: common_pb2.SealedMessage(sender="tax", recipient="coordinator"),
}


@pytest.mark.parametrize("bent", BENT.values(), ids=BENT.keys())
def test_a_bent_message_is_not_used(
    scene: Scene, bent: Callable[[Scene], common_pb2.SealedMessage]
) -> None:
    with pytest.raises(Refusal) as refused:
        scene.read(bent(scene), scene.sealed("results", "bank", RESULTS))
    assert refused.value.reason == "message_invalid"


def test_a_changed_byte_does_not_open(scene: Scene) -> None:
    flips = scene.sealed("flips", "tax", FLIPS)
    flips.sealed = flips.sealed[:-1] + bytes([flips.sealed[-1] ^ 1])
    with pytest.raises(Refusal):
        scene.read(flips, scene.sealed("results", "bank", RESULTS))


def test_whoever_is_no_member_is_sent_nothing(scene: Scene) -> None:
    with pytest.raises(Refusal) as refused:
        scene.sealed("flips", "tax", FLIPS, recipient="nobody")
    assert refused.value.reason == "message_invalid"


def test_only_the_mask_is_taken_unsealed_and_no_key_opens_nothing(scene: Scene) -> None:
    link = Link("flips", "tax", "coordinator", PERMIT, "11" * 32, previous=TERMS)
    plain = holder_messages.sign_message(link, bytes(256), key=scene.sign_key("tax"))
    for arrived in (plain, scene.sealed("flips", "tax", FLIPS)):
        with pytest.raises(Refusal) as refused:
            holder_messages.receive(link, arrived, federation=scene.federation)
        assert refused.value.reason == "message_invalid"


# ------------------------------------------------------------------ the mask


def answers(scene: Scene, *values: int) -> list[common_pb2.SignedDocument]:
    """Signed answers whose proofs nobody looks at here."""
    key = scene.federation.joint_key.key.public
    found = []
    for value in values:
        made = paillier.encrypt(key, value, rng=system_rng)
        answer = Answer(
            query="00" * 16,
            manifest="ee" * 32,
            department="tax",
            ciphertext=paillier.encode_ciphertext(key, made.ciphertext).hex(),
            proof="",
            data_dates={},
            answered_at="2026-11-23T08:00:00Z",
        )
        found.append(signed_to_wire(sign(answer, scene.sign_key("tax"), "tax")))
    return found


def masked(
    scene: Scene, there: list[common_pb2.SignedDocument], *, permit: str = PERMIT, **changes: Any
) -> holder_pb2.MaskReply:
    """The masker's reply; ``changes`` go into the header."""
    key = scene.federation.joint_key.key.public
    made = paillier.encrypt_uniform(key, 12345, rng=system_rng)
    bound = mask_context(permit, "tax")
    proof = knowledge.prove_mask(key, made, 12345, context=bound, rng=system_rng)
    factors = [int(Answer.decode(a.body).ciphertext, 16) for a in there]
    product = paillier.product(key, [*factors, made.ciphertext])
    named = ciphertext_digest(paillier.encode_ciphertext(key, product))
    message = holder_messages.sign_message(
        replace(mask_link(PERMIT, "tax", named), **changes),
        paillier.encode_ciphertext(key, made.ciphertext) + proof,
        key=scene.sign_key("tax"),
    )
    share = common_pb2.SealedMessage(sealed=b"share", sender="tax", recipient="bank")
    return holder_pb2.MaskReply(mask=message, share=share)


def check(
    scene: Scene, reply: holder_pb2.MaskReply, there: list[common_pb2.SignedDocument]
) -> HolderHeader:
    """Check as the coordinator does."""
    key = scene.federation.joint_key.key.public
    return check_mask(reply, scene.permit, PERMIT, there, federation=scene.federation, key=key)


def test_a_sound_mask_names_the_product(scene: Scene) -> None:
    there = answers(scene, 7, 8)
    assert check(scene, masked(scene, there), there).step == "mask"


def test_masks_that_are_refused(scene: Scene) -> None:
    there = answers(scene, 7, 8)
    bad = {
        "over one answer left out": masked(scene, there[:1]),
        "over one answer repeated": masked(scene, [there[0], there[0]]),
        "proved for another permit": masked(scene, there, permit=OTHER),
        "after another message": masked(scene, there, previous=OTHER),
        "to one holder": masked(scene, there, recipient="bank"),
    }
    cut = masked(scene, there)
    cut.mask.payload = cut.mask.payload[:-1]
    bad["cut short"] = cut
    astray = masked(scene, there)
    astray.share.recipient = "coordinator"
    bad["with a share for somebody else"] = astray
    for what, reply in bad.items():
        with pytest.raises(Refusal):
            check(scene, reply, there)
            pytest.fail(f"a mask {what} was taken")


def test_another_holders_mask_is_refused(scene: Scene) -> None:
    there = answers(scene, 7, 8)
    with pytest.raises(Refusal):
        check(replace(scene), masked(scene, there, sender="bank"), there)
