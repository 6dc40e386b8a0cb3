"""Coverage-guided fuzzing of every decoder that takes bytes from others.

    python tests/fuzz/decoders.py NAME [libFuzzer options]

A decoder may refuse with its own error and nothing else; what it accepts must encode to the
same bytes again where it has one encoding. Without a name, the names are printed.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["crypto", "ledger", "model"]):
    from crypto import comparison, jcs, knowledge, paillier, threshold
    from crypto.errors import CryptoError
    from crypto.group import RISTRETTO255
    from crypto.packing import Layout
    from crypto.signing import SigningKey
    from ledger import checkpoint, event, merkle, note
    from model.disclosure import AnswerDisclosure, EntryDisclosure, Granted, OfficersDisclosure
    from model.documents.opening import HolderHeader, Permit, RecheckPermit
    from model.documents.query import Answer, Manifest, OfficerRequest, RevocationList, Ticket
    from model.documents.sampling import SampleGrant
    from model.documents.signed import DocumentError
    from tests.support.smallkeys import SMALL_BITS, small

JOINT = small().joint
AGREED = comparison.Comparison(Layout(4, 1), b"fuzz", bit_proofs=True)
STATE = comparison.evaluator_start(AGREED, [3], rng=lambda n: b"\x07" * n)[0]
DOCUMENTS = (
    *(Manifest, Ticket, Answer, Permit, HolderHeader, OfficerRequest, RevocationList),
    RecheckPermit,
    *(SampleGrant, Granted, EntryDisclosure, AnswerDisclosure, OfficersDisclosure),
)


def _document(data: bytes) -> None:
    kind = DOCUMENTS[data[0] % len(DOCUMENTS)] if data else Manifest
    body = data[1:]
    if kind.decode(body).encode() != body:
        raise AssertionError("accepted, but encodes otherwise")


def _jcs(data: bytes) -> None:
    if jcs.encode(jcs.decode(data, max_bytes=4096)) != data:
        raise AssertionError("accepted, but encodes otherwise")


def _joint_key(data: bytes) -> None:
    if threshold.JointKey.from_bytes(data, minimum_bits=SMALL_BITS).to_bytes() != data:
        raise AssertionError("accepted, but encodes otherwise")


def _ciphertext(data: bytes) -> None:
    key = JOINT.public
    padded = data[: key.ciphertext_bytes].rjust(key.ciphertext_bytes, b"\0")
    if paillier.encode_ciphertext(key, paillier.decode_ciphertext(key, padded)) != padded:
        raise AssertionError("accepted, but encodes otherwise")


def _proof(data: bytes) -> None:
    width = knowledge.proof_bytes(JOINT.public)
    knowledge.verify(JOINT.public, 2, data[:width].ljust(width, b"\1"), context=b"fuzz")
    raise AssertionError("a proof out of nothing")


def _bits(data: bytes) -> None:
    message = data[: AGREED.request_bytes].ljust(AGREED.request_bytes, b"\2")
    comparison.masker_respond(AGREED, [5], message, rng=lambda n: b"\3" * n)
    raise AssertionError("bit proofs out of nothing")


def _terms(data: bytes) -> None:
    message = data[: AGREED.reply_bytes].ljust(AGREED.reply_bytes, b"\2")
    comparison.evaluator_finish(AGREED, STATE, message)


def _element(data: bytes) -> None:
    if RISTRETTO255.decode_element(data[:32].ljust(32, b"\0")) != data[:32].ljust(32, b"\0"):
        raise AssertionError("accepted, but encodes otherwise")


def _event(data: bytes) -> None:
    event.decode(data)


def _note(data: bytes) -> None:
    checkpoint.parse_text(note.parse_note(data).text)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "document": _document,
    "jcs": _jcs,
    "joint-key": _joint_key,
    "ciphertext": _ciphertext,
    "plaintext-proof": _proof,
    "encrypted-bits": _bits,
    "terms": _terms,
    "element": _element,
    "event": _event,
    "note": _note,
}


def _permit() -> bytes:
    permit = Permit(
        permit="11" * 16,
        manifest="22" * 32,
        kind="rules",
        answers="33" * 32,
        answering=["tax", "banks"],
        silent=[],
        holders=["tax", "audit-office"],
        skips=[],
        issued_at="2026-11-23T08:00:00Z",
        expires_at="2026-11-23T09:00:00Z",
    )
    return bytes((DOCUMENTS.index(Permit),)) + permit.encode()


def _signed_note() -> bytes:
    head = checkpoint.Checkpoint("hedui/demo/tax", 3, merkle.Root(b"\5" * 32))
    return checkpoint.sign(head, SigningKey(b"\6" * 32))


SEEDS: dict[str, Callable[[], bytes]] = {
    "document": _permit,
    "jcs": lambda: jcs.encode({"a": [1, True, None, "核对"], "b": {"c": -5}}),
    "joint-key": JOINT.to_bytes,
    "element": lambda: RISTRETTO255.generator,
    "event": lambda: event.encode("process.started", {"version": "1"}, at="2026-11-23T08:00:00Z"),
    "note": _signed_note,
}
"""What a target starts from: one input that is accepted."""

REFUSALS = (CryptoError, DocumentError)


def main() -> None:
    """Fuzz one target until libFuzzer's limits, or list the targets."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        print("\n".join(TARGETS))
        return
    name = sys.argv.pop(1)
    target = TARGETS[name]
    if name in SEEDS:
        corpus = Path("corpus")
        corpus.mkdir(exist_ok=True)
        (corpus / "seed").write_bytes(SEEDS[name]())
        target((corpus / "seed").read_bytes())
        sys.argv.append(str(corpus))

    def once(data: bytes) -> None:
        try:
            target(data)
        except REFUSALS:
            return

    atheris.Setup(sys.argv, once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
