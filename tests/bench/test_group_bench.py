"""OPRF, set intersection and comparison."""

import time
from concurrent.futures import Executor
from typing import Any

from crypto import comparison, oprf, psi
from crypto.packing import Layout, draw_masks
from crypto.rng import random_bits, system_rng
from tests.bench.conftest import Peer, Ratios, best, figure

ITEMS = 100_000
ELEMENTS = 2000


def test_evaluate_one_blinded_element(benchmark: Any, ratios: Ratios, peer: Peer) -> None:
    suite = oprf.suite(mode=oprf.Mode.OPRF)
    key = oprf.PrivateKey.generate(suite, rng=system_rng)
    _, elements = oprf.blind(suite, [b"%d" % i for i in range(ELEMENTS)], rng=system_rng)
    benchmark.pedantic(
        lambda: oprf.blind_evaluate(key, elements, rng=system_rng), rounds=8, warmup_rounds=1
    )
    printed = peer("psi", "bench_openmined_psi.py", "20000")
    total = figure(r"RAW n=20000 .*?resp=([\d.]+)", printed)
    against = "OpenMined ProcessRequest" if total else "OpenMined ProcessRequest (recorded)"
    theirs = total / 20000 if total else 47e-6
    ratios.add(
        "evaluate one blinded element",
        best(benchmark) / ELEMENTS,
        against,
        theirs,
        1.1,
        "32 bytes each way, theirs 33",
    )


def _intersect(pool: Executor) -> int:
    suite = oprf.suite(mode=oprf.Mode.OPRF)
    key = oprf.PrivateKey.generate(suite, rng=system_rng)
    session = system_rng(32)
    ours = [b"E%d" % i for i in range(ITEMS)]
    theirs = [b"E%d" % (2 * i) for i in range(ITEMS)]
    prepared = psi.prepare(key, theirs, executor=pool)
    tags = psi.Tags()
    for message in prepared.tags(session, batch=10_000):
        tags.add(message)
    found = 0
    for at in range(0, ITEMS, 20_000):
        blinds, request = psi.request(suite, ours[at : at + 20_000], rng=system_rng, executor=pool)
        reply = psi.reply(key, request, rng=system_rng, executor=pool)
        found += len(psi.intersect(key.public_key, session, tags, blinds, reply, executor=pool))
    return found


def test_set_intersection_on_two_cores(
    benchmark: Any, ratios: Ratios, peer: Peer, two_processes: Executor
) -> None:
    found = benchmark.pedantic(lambda: _intersect(two_processes), rounds=2)
    assert found == ITEMS // 2
    total = figure(
        r"RAW n=100000 total=([\d.]+)", peer("psi", "bench_openmined_psi.py", str(ITEMS))
    )
    against = "OpenMined RAW" if total else "OpenMined RAW (recorded)"
    ratios.add(
        "set intersection 100k x 100k",
        best(benchmark),
        against,
        total or 23.0,
        2,
        "80 bytes an item, theirs 105",
    )


def _compare(bit_proofs: bool) -> tuple[float, int]:
    layout = Layout(value_bits=32, slots=1)
    agreed = comparison.Comparison(layout, b"bench", bit_proofs)
    masks = draw_masks(layout, rng=system_rng)
    numbers = [masks[0] + random_bits(32, rng=system_rng)]
    start = time.perf_counter()
    state, request = comparison.evaluator_start(agreed, numbers, rng=system_rng)
    reply = comparison.masker_respond(agreed, masks, request, rng=system_rng)
    comparison.evaluator_finish(agreed, state, reply.message)
    return time.perf_counter() - start, len(request) + len(reply.message)


def test_compare_one_value(benchmark: Any, ratios: Ratios, peer: Peer) -> None:
    benchmark.pedantic(lambda: _compare(True), rounds=20, warmup_rounds=2)
    printed = peer("tno", "bench_tno_compare.py", "32", BITS="2048")
    least_ms = figure(r"compare=(\d+)-", printed)
    against = "TNO secure comparison" if least_ms else "TNO secure comparison (recorded)"
    theirs = (least_ms or 83.0) / 1e3
    for bit_proofs in (False, True):
        runs = [_compare(bit_proofs) for _ in range(20)]
        what = "with" if bit_proofs else "without"
        ratios.add(
            f"compare one 32-bit value, {what} bit proofs",
            min(seconds for seconds, _ in runs),
            against,
            theirs,
            7,
            f"{runs[0][1]} bytes, theirs 18900: {18900 / runs[0][1]:.1f} x fewer",
        )
