"""Encryption, proofs and opening of packed answers, 3072 bits."""

from typing import Any

import pytest

from crypto import knowledge, paillier, threshold
from crypto.rng import random_below, system_rng
from crypto.threshold import Dealt
from tests.bench.conftest import Peer, Ratios, best, best_of, figure
from tests.bench.damgard_jurik import DamgardJurik

BATCH = 50


@pytest.fixture(scope="module")
def phe_encrypt_s(dealt: Dealt) -> float:
    """Seconds of one phe.encrypt with gmpy2 under the same key."""
    key = paillier.as_phe(dealt.joint.public)
    return best_of(lambda: key.raw_encrypt(123456789), 30)


def test_encrypt_sustained(
    benchmark: Any, dealt: Dealt, ratios: Ratios, phe_encrypt_s: float, peer: Peer
) -> None:
    key = dealt.joint.public
    values = [random_below(key.n, rng=system_rng) for _ in range(BATCH)]

    def run() -> None:
        for value in values:
            paillier.encrypt(key, value, rng=system_rng)

    benchmark.pedantic(run, rounds=12, warmup_rounds=1)
    ours = best(benchmark) / BATCH
    note = f"table {key.table.table_bytes >> 20} MiB, answer {key.ciphertext_bytes} bytes"
    ratios.add("encrypt one packed answer", ours, "phe.encrypt, gmpy2", phe_encrypt_s, 25, note)
    rate = figure(r"enc=(\d+)/s", peer("heu", "bench_heu.py", "ZPaillier", KEY="3072"))
    against = "HEU ZPaillier" if rate else "HEU ZPaillier (recorded)"
    ratios.add("the same", ours, against, 1 / (rate or 742), 1.2)


def test_encrypt_from_a_pool(
    benchmark: Any, dealt: Dealt, ratios: Ratios, phe_encrypt_s: float
) -> None:
    key = dealt.joint.public
    pool = paillier.RandomiserPool(key, capacity=400)

    def prepared() -> None:
        pool.prepare(BATCH, rng=system_rng)

    def run() -> None:
        for value in range(BATCH):
            pool.encrypt(value, rng=system_rng)

    benchmark.pedantic(run, setup=prepared, rounds=12)
    ours = best(benchmark) / BATCH
    ratios.add("encrypt online, from a pool", ours, "phe.encrypt, gmpy2", phe_encrypt_s, 200)


def test_prove_and_verify_plaintext_knowledge(
    benchmark: Any, dealt: Dealt, ratios: Ratios, phe_encrypt_s: float
) -> None:
    key = dealt.joint.public
    made = paillier.encrypt(key, 42, rng=system_rng)

    def run() -> None:
        proof = knowledge.prove(key, made, 42, context=b"bench", rng=system_rng)
        knowledge.verify(key, made.ciphertext, proof, context=b"bench")

    benchmark.pedantic(run, rounds=20, warmup_rounds=1)
    note = f"{knowledge.proof_bytes(key)} bytes"
    ratios.add(
        "prove and verify knowledge", best(benchmark), "phe.encrypt, gmpy2", phe_encrypt_s, 1, note
    )


def test_open_two_of_three(benchmark: Any, dealt: Dealt, ratios: Ratios) -> None:
    joint = dealt.joint
    made = paillier.encrypt_uniform(joint.public, 7, rng=system_rng)

    def run() -> None:
        shares = {s.index: threshold.share(joint, s, made.ciphertext) for s in dealt.shares[:2]}
        threshold.combine(joint, made.ciphertext, shares)

    benchmark.pedantic(run, rounds=10)
    peer = DamgardJurik.deal(3072, rng=system_rng)
    ciphertext = peer.encrypt(7, rng=system_rng)
    assert peer.open_checked(ciphertext, rng=system_rng) == 7
    theirs = best_of(lambda: peer.open_checked(ciphertext, rng=system_rng), 3)
    note = f"{2 * joint.share_bytes} bytes of shares"
    ratios.add(
        "open one ciphertext, 2 of 3, checked",
        best(benchmark),
        "Damgård-Jurik shares with proofs",
        theirs,
        4,
        note,
    )
