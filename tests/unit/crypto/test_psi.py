"""Set intersection: exact, streamed, one-sided; and what each side refuses.

Tests design.md 11.5.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import oprf, psi
from crypto.errors import CryptoError, InvalidElement, InvalidInput, ProofError
from crypto.rng import system_rng

SESSION = b"social security asks civil affairs, 2026-11"
SUITES = {
    f"{name} {mode.name}": oprf.suite(name, mode=mode)
    for name in (oprf.RISTRETTO255_SHA512, oprf.P256_SHA256)
    for mode in oprf.Mode
}
SETS: dict[str, tuple[list[bytes], list[bytes]]] = {
    "some in common": ([b"a", b"b", b"c"], [b"x", b"c", b"a", b"y"]),
    "nothing in common": ([b"a"], [b"b", b"A", b"a ", b""]),
    "the same": ([b"a", b"b"], [b"b", b"a"]),
    "an empty sender": ([], [b"a", b"b"]),
    "an empty receiver": ([b"a"], []),
    "a sender that repeats itself": ([b"a", b"a", b"b"], [b"a", b"c"]),
}
each_sets = pytest.mark.parametrize(("theirs", "ours"), SETS.values(), ids=SETS.keys())


def new_key(suite: oprf.Suite | None = None) -> oprf.PrivateKey:
    suite = suite or oprf.suite(mode=oprf.Mode.OPRF)
    return oprf.PrivateKey.generate(suite, rng=system_rng)


def collect(messages: Iterable[bytes]) -> psi.Tags:
    tags = psi.Tags()
    for message in messages:
        tags.add(message)
    return tags


def batches(items: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def intersect(key: oprf.PrivateKey, theirs: list[bytes], ours: list[bytes]) -> list[bytes]:
    tags = collect(psi.prepare(key, theirs).tags(SESSION, batch=2))
    found = []
    for batch in batches(ours, 3):
        blinds, request = psi.request(key.suite, batch, rng=system_rng)
        reply = psi.reply(key, request, rng=system_rng)
        found += psi.intersect(key.public_key, SESSION, tags, blinds, reply)
    return found


def count(key: oprf.PrivateKey, theirs: list[bytes], ours: list[bytes]) -> int:
    tags = collect(psi.prepare_cardinality(key, theirs).tags(SESSION, batch=2))
    mask = psi.Mask(key.suite, rng=system_rng)
    shuffle = psi.Shuffle(key, least=0, most=100)
    for batch in batches(ours, 3):
        shuffle.take(psi.request_cardinality(mask, batch))
    replies = shuffle.release(rng=system_rng, batch=2)
    return sum(psi.count(mask, SESSION, tags, reply) for reply in replies)


@each_sets
@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES.keys())
def test_intersection_is_exact(suite: oprf.Suite, theirs: list[bytes], ours: list[bytes]) -> None:
    assert intersect(new_key(suite), theirs, ours) == [x for x in ours if x in theirs]


@each_sets
@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES.keys())
def test_cardinality_is_exact(suite: oprf.Suite, theirs: list[bytes], ours: list[bytes]) -> None:
    assert count(new_key(suite), theirs, ours) == len(set(ours) & set(theirs))


@settings(max_examples=20, deadline=None)
@given(
    theirs=st.lists(st.binary(max_size=2), max_size=12),
    ours=st.lists(st.binary(max_size=2), max_size=12, unique=True),
)
def test_any_two_sets(theirs: list[bytes], ours: list[bytes]) -> None:
    key, common = new_key(), set(theirs) & set(ours)
    assert set(intersect(key, theirs, ours)) == common
    assert count(key, theirs, ours) == len(common)


def test_tags_of_two_sessions_cannot_be_compared_and_are_not_computed_twice() -> None:
    prepared = psi.prepare(new_key(), [b"a", b"b"])
    assert list(prepared.tags(b"one")) == list(prepared.tags(b"one"))
    one, two = (set(b"".join(prepared.tags(s)).hex(" ", 16).split()) for s in (b"one", b"two"))
    assert len(one) == len(two) == 2 and one.isdisjoint(two)


def test_tags_of_one_session_do_not_match_in_another() -> None:
    key = new_key()
    tags = collect(psi.prepare(key, [b"a"]).tags(b"one"))
    blinds, request = psi.request(key.suite, [b"a"], rng=system_rng)
    reply = psi.reply(key, request, rng=system_rng)
    assert psi.intersect(key.public_key, b"two", tags, blinds, reply) == []


def test_tags_of_the_two_protocols_do_not_match() -> None:
    key = new_key()
    tags = collect(psi.prepare_cardinality(key, [b"a"]).tags(SESSION))
    blinds, request = psi.request(key.suite, [b"a"], rng=system_rng)
    reply = psi.reply(key, request, rng=system_rng)
    assert psi.intersect(key.public_key, SESSION, tags, blinds, reply) == []


def test_a_sender_that_uses_two_keys_is_refused_in_mode_voprf() -> None:
    pinned, other = new_key(oprf.suite()), new_key(oprf.suite())
    tags = collect(psi.prepare(pinned, [b"a"]).tags(SESSION))
    blinds, request = psi.request(pinned.suite, [b"a"], rng=system_rng)
    with pytest.raises(ProofError):
        reply = psi.reply(other, request, rng=system_rng)
        psi.intersect(pinned.public_key, SESSION, tags, blinds, reply)


LOW, HIGH = b"\1" * 16, b"\2" * 16
BAD_TAGS: dict[str, list[bytes]] = {
    "empty": [b""],
    "not a multiple of 16 bytes": [LOW + b"\2"],
    "descending": [HIGH + LOW],
    "repeated": [LOW + LOW],
    "descending over two messages": [HIGH, LOW],
    "repeated over two messages": [LOW, LOW],
}


@pytest.mark.parametrize("messages", BAD_TAGS.values(), ids=BAD_TAGS.keys())
def test_bad_tags_are_refused(messages: list[bytes]) -> None:
    tags = psi.Tags()
    for message in messages[:-1]:
        tags.add(message)
    before = len(tags)
    with pytest.raises(InvalidInput):
        tags.add(messages[-1])
    assert len(tags) == before


def test_cardinality_shuffles_over_the_whole_session() -> None:
    key = new_key()
    shuffle = psi.Shuffle(key, least=2, most=100)
    mask = psi.Mask(key.suite, rng=system_rng)
    sent = [
        psi.request_cardinality(mask, [b"%d" % i for i in part])
        for part in (range(20), range(20, 40))
    ]
    for message in sent:
        shuffle.take(message)
    replies = b"".join(shuffle.release(rng=system_rng))
    in_order = b"".join(key.suite.group.mul_all(key.to_bytes(), _split(b"".join(sent))))
    assert replies != in_order  # by chance once in 40! runs
    assert sorted(_split(replies)) == sorted(_split(in_order))
    assert len(replies) == 40 * 32


def _split(data: bytes) -> list[bytes]:
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def test_attack_repeats_would_number_the_items_behind_the_shuffle() -> None:
    """Items sent once, twice and four times would make the count spell out who is a member."""
    key = new_key()
    mask = psi.Mask(key.suite, rng=system_rng)
    once, twice = (psi.request_cardinality(mask, [item]) for item in (b"a", b"b"))
    second_encoding = once[:31] + bytes([once[31] | 0x80])
    for messages in ([once + twice + twice], [once + twice, twice], [once, second_encoding]):
        shuffle = psi.Shuffle(key, least=0, most=100)
        for message in messages[:-1]:
            shuffle.take(message)
        with pytest.raises(InvalidInput):
            shuffle.take(messages[-1])


def test_attack_a_set_of_one_would_turn_the_count_into_membership() -> None:
    key = new_key()
    shuffle = psi.Shuffle(key, least=2, most=3)
    mask = psi.Mask(key.suite, rng=system_rng)
    shuffle.take(psi.request_cardinality(mask, [b"a"]))
    with pytest.raises(InvalidInput, match="at least"):
        shuffle.release(rng=system_rng)
    with pytest.raises(InvalidInput, match="at most"):
        shuffle.take(psi.request_cardinality(mask, [b"b", b"c", b"d"]))
    shuffle.take(psi.request_cardinality(mask, [b"b"]))
    assert sum(map(len, shuffle.release(rng=system_rng))) == 64
    with pytest.raises(InvalidInput):
        shuffle.release(rng=system_rng)


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=70) | st.binary(min_size=64, max_size=64))
def test_arbitrary_bytes_are_refused_or_answered_in_kind(data: bytes) -> None:
    key = new_key()
    with suppress(InvalidInput):
        assert len(psi.reply(key, data, rng=system_rng)) == len(data)
    with suppress(InvalidInput):
        assert len(_take(key, data)) == len(data)
    blinds, _ = psi.request(key.suite, [b"a", b"b", b"c"], rng=system_rng)
    with pytest.raises(CryptoError):
        psi.intersect(key.public_key, SESSION, psi.Tags(), blinds, data)


def _take(key: oprf.PrivateKey, data: bytes) -> bytes:
    shuffle = psi.Shuffle(key, least=0, most=100)
    shuffle.take(data)
    return b"".join(shuffle.release(rng=system_rng))


def test_malformed_replies_to_a_count_are_refused() -> None:
    mask = psi.Mask(oprf.suite(mode=oprf.Mode.OPRF), rng=system_rng)
    for data in (bytes(32), b"\xff" * 32, b"\1" * 31):
        with pytest.raises(InvalidElement):
            psi.count(mask, SESSION, psi.Tags(), data)
    mask.wipe()
    with pytest.raises(InvalidInput, match="used"):
        psi.count(mask, SESSION, psi.Tags(), b"")


def test_nothing_prints_a_secret() -> None:
    key = new_key()
    mask, prepared = psi.Mask(key.suite, rng=system_rng), psi.prepare(key, [b"secret-item"])
    shown = repr([mask, prepared, psi.Shuffle(key, least=0, most=1), psi.Tags()])
    assert mask.scalar().hex() not in shown and key.to_bytes().hex() not in shown
    assert "secret-item" not in shown
