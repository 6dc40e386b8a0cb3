"""Writes paillier.json: Hedui's own vectors, made by crypto/.

    .venv/bin/python tests/vectors/write_paillier_vectors.py

test_paillier_vectors.py verifies the file by formulas of its own, without crypto/. The key is of
512 bits, over public primes: arithmetic, not security.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from crypto import comparison, knowledge, packing, paillier, threshold  # noqa: E402
from crypto.packing import Layout  # noqa: E402
from crypto.rng import system_rng  # noqa: E402
from tests.support.smallkeys import SMALL_PRIMES, small  # noqa: E402

TARGET = Path(__file__).with_name("paillier.json")
DEALT = small(2, 3)
JOINT, KEY = DEALT.joint, DEALT.joint.public
CONTEXT = b"manifest 1, node a"


def flip(data: bytes, at: int) -> str:
    return (data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]).hex()


def key() -> dict[str, Any]:
    return {
        "p": hex(SMALL_PRIMES[0]),
        "q": hex(SMALL_PRIMES[1]),
        "public": KEY.to_bytes().hex(),
        "public_fingerprint": KEY.fingerprint.hex(),
        "joint": JOINT.to_bytes().hex(),
        "joint_fingerprint": JOINT.fingerprint.hex(),
        "shares": [share.to_bytes(JOINT).hex() for share in DEALT.shares],
    }


def opening(plaintext: int) -> dict[str, Any]:
    made = paillier.encrypt(KEY, plaintext, rng=system_rng)
    every = {s.index: threshold.share(JOINT, s, made.ciphertext) for s in DEALT.shares}
    opened = threshold.combine(JOINT, made.ciphertext, {i: every[i] for i in (1, 3)})
    context = b"permit 1, holder 2"
    proof = threshold.prove_share(
        JOINT, DEALT.shares[1], made.ciphertext, context=context, rng=system_rng
    )
    return {
        "plaintext": hex(plaintext),
        "r": hex(made.r),
        "ciphertext": paillier.encode_ciphertext(KEY, made.ciphertext).hex(),
        "shares": [threshold.encode_share(JOINT, every[i]).hex() for i in (1, 2, 3)],
        "root": hex(opened.root),
        "share_proof": {
            "holder": 2,
            "context": context.hex(),
            "proof": proof.hex(),
            "bad": [flip(proof, 0), flip(proof, len(proof) - 1)],
        },
    }


def refused_ciphertexts() -> dict[str, str]:
    width = KEY.ciphertext_bytes
    values = {
        "zero": 0,
        "n": KEY.n,
        "a multiple of n": 9 * KEY.n,
        "a multiple of p": SMALL_PRIMES[0],
        "n squared": KEY.n2,
    }
    named = {name: value.to_bytes(width, "big").hex() for name, value in values.items()}
    return {**named, "a byte short": bytes(width - 1).hex(), "a byte long": "00" * width + "01"}


def proofs() -> list[dict[str, Any]]:
    answer = paillier.encrypt(KEY, 4711, rng=system_rng)
    mask = paillier.encrypt_uniform(KEY, 4711, rng=system_rng)
    pairs = (
        ("answer", answer, knowledge.prove(KEY, answer, 4711, context=CONTEXT, rng=system_rng)),
        ("mask", mask, knowledge.prove_mask(KEY, mask, 4711, context=CONTEXT, rng=system_rng)),
    )
    return [
        {
            "kind": kind,
            "context": CONTEXT.hex(),
            "ciphertext": paillier.encode_ciphertext(KEY, made.ciphertext).hex(),
            "proof": proof.hex(),
            "bad": [flip(proof, 0), flip(proof, 20), flip(proof, len(proof) - 1), proof[1:].hex()],
        }
        for kind, made, proof in pairs
    ]


def packed() -> dict[str, Any]:
    layout = Layout(32, 4)
    values, limits = [-5, 0, 2**32 - 1, -(10**9)], [-5, -1, 7, 10**9]
    masks = packing.draw_masks(layout, rng=system_rng)
    answer = packing.pack(KEY, layout, values)
    mask = packing.pack_masks(KEY, layout, limits, masks)
    return {
        "value_bits": 32,
        "slots": 4,
        "values": values,
        "limits": limits,
        "masks": [hex(r) for r in masks],
        "answer": hex(answer),
        "mask": hex(mask),
        "opened": hex((answer + mask) % KEY.n),
        "refused": {
            "bits above the last slot": hex(1 << (4 * 74)),
            "a negative sum": hex(KEY.n - 1),
            "a slot beyond mask and value": hex(((1 << 73) + (1 << 33) - 1) << 74),
        },
    }


def compared() -> dict[str, Any]:
    agreed = comparison.Comparison(Layout(5, 3), b"permit 1, evaluator to masker")
    differences, masks = [32, 31, 63], [1234, 31, 5000]
    masked = [d + r for d, r in zip(differences, masks, strict=True)]
    state, request = comparison.evaluator_start(agreed, masked, rng=system_rng)
    reply = comparison.masker_respond(agreed, masks, request, rng=system_rng)
    blinded = comparison.evaluator_finish(agreed, state, reply.message)
    proof_at = 32 + 64 * 15
    return {
        "value_bits": 5,
        "context": agreed.context.hex(),
        "masked": masked,
        "masks": masks,
        "secret": state.secret.hex(),
        "request": request.hex(),
        "reply": reply.message.hex(),
        "flips": list(reply.flips),
        "blinded": blinded,
        "bits": comparison.reveal(blinded, reply.flips),
        "bad_requests": {
            "a response changed": flip(request, proof_at + 32 * 16),
            "the key's response changed": flip(request, len(request) - 64),
            "the last scalar changed": flip(request, len(request) - 32),
            "a ciphertext exchanged": (request[:32] + request[96:160] + request[32:96]).hex()
            + request[160:].hex(),
        },
    }


def main() -> None:
    vectors = {
        "about": "Hedui's own vectors; written by write_paillier_vectors.py",
        "key": key(),
        "openings": [opening(m) for m in (0, 1, KEY.n - 1, 123456789)],
        "refused_ciphertexts": refused_ciphertexts(),
        "proofs": proofs(),
        "packing": packed(),
        "comparison": compared(),
    }
    TARGET.write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
