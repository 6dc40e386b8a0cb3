"""Write tests/vectors/psi.json with the project's own code: python tests/vectors/write_psi.py

Randomness is a fixed stream, so that two runs write the same file. test_psi_vectors.py verifies
the file without importing the project.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crypto import oprf, psi

SESSION = b"vector session: receiver asks sender"
THEIRS = [b"type:%d" % number for number in (1, 2, 3, 5, 8, 13)]
OURS = [b"type:%d" % number for number in (1, 4, 5, 9, 13)]


def stream(seed: bytes) -> Callable[[int], bytes]:
    state = {"count": 0}

    def rng(count: int) -> bytes:
        state["count"] += 1
        return hashlib.shake_256(seed + state["count"].to_bytes(8, "big")).digest(count)

    return rng


def intersection(mode: oprf.Mode) -> dict[str, Any]:
    rng = stream(b"intersection" + bytes([mode]))
    key = oprf.PrivateKey.generate(oprf.suite(mode=mode), rng=rng)
    blinds, request = psi.request(key.suite, OURS, rng=rng)
    scalars = [scalar.hex() for scalar in blinds.scalars()]
    tags = b"".join(psi.prepare(key, THEIRS).tags(SESSION))
    reply = psi.reply(key, request, rng=rng)
    known = psi.Tags()
    known.add(tags)
    found = psi.intersect(key.public_key, SESSION, known, blinds, reply)
    return {
        "mode": int(mode),
        "key": key.to_bytes().hex(),
        "public": key.public_key.to_bytes().hex(),
        "blinds": scalars,
        "tags": tags.hex(),
        "request": request.hex(),
        "reply": reply.hex(),
        "intersection": [item.decode() for item in found],
    }


def cardinality() -> dict[str, Any]:
    rng = stream(b"cardinality")
    key = oprf.PrivateKey.generate(oprf.suite(mode=oprf.Mode.OPRF), rng=rng)
    mask = psi.Mask(key.suite, rng=rng)
    tags = b"".join(psi.prepare_cardinality(key, THEIRS).tags(SESSION))
    request = psi.request_cardinality(mask, OURS)
    shuffle = psi.Shuffle(key, least=2, most=100)
    shuffle.take(request)
    reply = b"".join(shuffle.release(rng=rng))
    known = psi.Tags()
    known.add(tags)
    return {
        "mode": 0,
        "key": key.to_bytes().hex(),
        "mask": mask.scalar().hex(),
        "tags": tags.hex(),
        "request": request.hex(),
        "reply": reply.hex(),
        "count": psi.count(mask, SESSION, known, reply),
    }


def bad(good: dict[str, Any]) -> dict[str, str]:
    """Replies that must be refused, made from the good one in mode VOPRF."""
    reply = bytes.fromhex(good["reply"])
    elements, proof = reply[:-64], reply[-64:]
    other = oprf.PrivateKey.generate(oprf.suite(), rng=stream(b"other"))
    forged = psi.reply(other, bytes.fromhex(good["request"]), rng=stream(b"forged"))
    cases = {
        "another key throughout": forged,
        "another key for the first element": forged[:32] + reply[32:],
        "two elements swapped": elements[32:64] + elements[:32] + elements[64:] + proof,
        "the identity among the elements": bytes(32) + reply[32:],
        "an element with its highest bit set": _high_bit(reply, 31),
        "a proof with a bit flipped": reply[:-1] + bytes([reply[-1] ^ 1]),
        "no proof": elements,
        "an element missing": reply[32:],
    }
    return {what: data.hex() for what, data in cases.items()}


def _high_bit(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] | 0x80]) + data[position + 1 :]


def main() -> None:
    verifiable = intersection(oprf.Mode.VOPRF)
    document = {
        "session": SESSION.hex(),
        "sender": [item.decode() for item in THEIRS],
        "receiver": [item.decode() for item in OURS],
        "intersections": [intersection(oprf.Mode.OPRF), verifiable],
        "cardinality": cardinality(),
        "bad_replies": bad(verifiable),
    }
    Path(__file__).with_name("psi.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
