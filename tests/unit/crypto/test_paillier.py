"""Keys, ciphertexts, encryption; phe as the oracle.

Tests design.md 2.1.6, 3.1, 3.2, 3.6, 3.10.
"""

import threading

import phe
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import paillier
from crypto.errors import InvalidCiphertext, InvalidInput, InvalidKey
from crypto.fixedbase import TABLE_BYTES, FixedBase, plan
from crypto.paillier import PublicKey
from crypto.rng import system_rng
from tests.support.keys import TEST_P, TEST_Q, as_signed, dealt
from tests.support.smallkeys import SMALL_BITS, SMALL_PRIMES, small

KEY = small().joint.public
PRIVATE = phe.PaillierPrivateKey(paillier.as_phe(KEY), *SMALL_PRIMES[:2])
P, Q = SMALL_PRIMES[:2]


def decrypt(ciphertext: int) -> int:
    return as_signed(KEY, PRIVATE.raw_decrypt(ciphertext))


# --- with phe, both ways ----------------------------------------------------------------------

EDGES = [0, 1, -1, KEY.n // 2, -(KEY.n // 2), KEY.n // 3 - 1, 1 - KEY.n // 3, 2**63, -(2**63)]


@pytest.mark.parametrize("value", EDGES)
def test_phe_decrypts_what_we_encrypt_at_the_edges(value: int) -> None:
    made = paillier.encrypt(KEY, value % KEY.n, rng=system_rng)
    assert decrypt(made.ciphertext) == value


@settings(max_examples=30, deadline=None)
@given(st.integers(-(KEY.n // 2), KEY.n // 2))
def test_phe_decrypts_what_we_encrypt(value: int) -> None:
    made = paillier.encrypt(KEY, value % KEY.n, rng=system_rng)
    assert decrypt(made.ciphertext) == value


@settings(max_examples=20, deadline=None)
@given(st.integers(1 - KEY.n // 3, KEY.n // 3 - 1), st.integers(-(2**64), 2**64))
def test_our_sums_take_phes_ciphertexts_and_phes_take_ours(value: int, added: int) -> None:
    theirs = paillier.as_phe(KEY).encrypt(value).ciphertext()
    ours = paillier.encrypt(KEY, added % KEY.n, rng=system_rng).ciphertext
    assert decrypt(paillier.product(KEY, [theirs, ours])) == value + added
    total = phe.EncryptedNumber(paillier.as_phe(KEY), theirs) + phe.EncryptedNumber(
        paillier.as_phe(KEY), ours
    )
    assert decrypt(total.ciphertext()) == value + added


def test_the_threshold_opening_decrypts_phe() -> None:
    from crypto import threshold

    joint, shares = dealt(2, 3).joint, dealt(2, 3).shares
    c = paillier.as_phe(joint.public).encrypt(-42).ciphertext()
    opened = threshold.combine(
        joint, c, {s.index: threshold.share(joint, s, c) for s in shares[:2]}
    )
    assert as_signed(joint.public, opened.plaintext) == -42


# --- encryption -------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, KEY.n - 1), st.integers(0, 2**KEY.short_bits - 1))
def test_encryption_is_the_formula(plaintext: int, r: int) -> None:
    expected = (1 + plaintext * KEY.n) * pow(KEY.h_s, r, KEY.n2) % KEY.n2
    assert paillier.encrypt_with(KEY, plaintext, r) == expected
    assert paillier.encrypt_uniform_with(KEY, plaintext, r) == expected


def test_an_audit_recomputes_the_ciphertext_from_plaintext_and_r() -> None:
    made = paillier.encrypt(KEY, 77, rng=system_rng)
    assert paillier.encrypt_with(KEY, 77, made.r) == made.ciphertext


def test_a_maskers_exponent_is_longer_and_refused_where_an_answers_is_due() -> None:
    made = paillier.encrypt_uniform(KEY, 5, rng=lambda count: b"\xff" * count)
    assert made.r.bit_length() == KEY.bits + 128
    assert decrypt(made.ciphertext) == 5
    with pytest.raises(InvalidInput, match="half"):
        paillier.encrypt_with(KEY, 5, made.r)


@pytest.mark.parametrize("plaintext", [-1, KEY.n, KEY.n + 1, True, 1.0])
def test_plaintexts_out_of_range_are_refused(plaintext: int) -> None:
    with pytest.raises(InvalidInput):
        paillier.encrypt(KEY, plaintext, rng=system_rng)


def test_randomness_does_not_print() -> None:
    made = paillier.encrypt(KEY, 1, rng=system_rng)
    assert str(made.r) not in repr(made)


# --- the pool ---------------------------------------------------------------------------------


def test_prepared_randomisers_are_used_once_each_by_many_threads() -> None:
    pool = paillier.RandomiserPool(KEY, capacity=64)
    assert pool.prepare(1000, rng=system_rng) == 64
    made: list[paillier.Encryption] = []

    def work() -> None:
        made.extend(pool.encrypt(3, rng=system_rng) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 100
    assert len({e.r for e in made}) == 100
    assert len(pool) == 0
    assert all(paillier.encrypt_with(KEY, 3, e.r) == e.ciphertext for e in made)


def test_a_refused_plaintext_does_not_cost_a_randomiser() -> None:
    pool = paillier.RandomiserPool(KEY, capacity=1)
    pool.prepare(1, rng=system_rng)
    with pytest.raises(InvalidInput):
        pool.encrypt(-1, rng=system_rng)
    assert len(pool) == 1


# --- the table --------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2 ** (KEY.uniform_bits + 256) - 1))
def test_the_table_computes_powers_of_every_length(exponent: int) -> None:
    assert KEY.table.power(exponent) == pow(KEY.h_s, exponent, KEY.n2)


@pytest.mark.parametrize("exponent", [-1, 1 << (KEY.uniform_bits + 512)])
def test_the_table_refuses_exponents_beyond_it(exponent: int) -> None:
    with pytest.raises(InvalidInput):
        KEY.table.power(exponent)


@pytest.mark.parametrize("bits", [2048, 3072, 4096, 6144, 8192])
def test_the_table_stays_within_its_memory(bits: int) -> None:
    spans = plan(bits // 2, bits + 384, bits // 8)
    assert sum(span.table_bytes(bits // 8) for span in spans) <= TABLE_BYTES
    assert sum(span.digits * span.window for span in spans) >= bits + 384
    assert sum(span.digits * span.window for span in spans[:2]) >= bits // 2


def test_threads_share_one_table() -> None:
    table = FixedBase(KEY.h_s, KEY.n, short_bits=64, long_bits=64)
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(id(table.rows()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1


# --- ciphertexts ------------------------------------------------------------------------------

REFUSED = {
    "zero": 0,
    "n": KEY.n,
    "a multiple of n": 12345 * KEY.n,
    "a multiple of p": P,
    "a multiple of q": Q * 7,
    "n squared": KEY.n2,
    "beyond n squared": KEY.n2 + 1,
    "negative": -1,
    "a boolean": True,
}


@pytest.mark.parametrize("ciphertext", REFUSED.values(), ids=REFUSED.keys())
def test_ciphertexts_are_refused_wherever_they_arrive(ciphertext: int) -> None:
    for entry in (
        lambda: paillier.check_ciphertext(KEY, ciphertext),
        lambda: paillier.encode_ciphertext(KEY, ciphertext),
        lambda: paillier.product(KEY, [1, ciphertext]),
    ):
        with pytest.raises(InvalidCiphertext):
            entry()


def test_encoded_ciphertexts_have_one_width() -> None:
    data = paillier.encode_ciphertext(KEY, 1)
    assert len(data) == KEY.ciphertext_bytes == SMALL_BITS // 4
    assert paillier.decode_ciphertext(KEY, data) == 1
    for wrong in (data[1:], b"\0" + data, bytes(len(data)), b"\xff" * len(data)):
        with pytest.raises(InvalidInput):
            paillier.decode_ciphertext(KEY, wrong)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=SMALL_BITS // 4 + 2))
def test_any_bytes_are_a_ciphertext_or_refused(data: bytes) -> None:
    try:
        value = paillier.decode_ciphertext(KEY, data)
    except InvalidInput:
        return
    assert paillier.encode_ciphertext(KEY, value) == data


@settings(max_examples=20, deadline=None)
@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_products_add_and_powers_multiply(a: int, b: int, k: int) -> None:
    ca, cb = (paillier.encrypt(KEY, v % KEY.n, rng=system_rng).ciphertext for v in (a, b))
    assert decrypt(paillier.product(KEY, [pow(ca, k, KEY.n2), cb])) == a * k + b


# --- public keys ------------------------------------------------------------------------------


def test_a_key_returns_from_its_bytes() -> None:
    again = PublicKey.from_bytes(KEY.to_bytes(), minimum_bits=SMALL_BITS)
    assert again == KEY
    assert again.fingerprint == KEY.fingerprint


def test_a_production_key_has_at_least_2048_bits() -> None:
    with pytest.raises(InvalidKey, match="2048"):
        PublicKey(KEY.n, KEY.h_s)
    with pytest.raises(InvalidKey):
        PublicKey.from_bytes(KEY.to_bytes())
    assert PublicKey(TEST_P * TEST_Q, 4).bits == 2048


BAD_MODULUS = {
    "even": KEY.n - 1,
    "prime": 2**521 - 1,
    "a small factor": 65521 * ((KEY.n // 65521) | 1),
    "a square": P * P,
    "one bit short": KEY.n >> 1 | 1,
    "a length that is no multiple of 16": KEY.n << 3 | 1,
    "too long": 1 << 9000 | 1,
}


@pytest.mark.parametrize("n", BAD_MODULUS.values(), ids=BAD_MODULUS.keys())
def test_bad_moduli_are_refused(n: int) -> None:
    with pytest.raises(InvalidKey):
        PublicKey(n, 4, SMALL_BITS)


def test_a_prime_of_the_right_length_is_refused_as_a_prime() -> None:
    import gmpy2

    prime = int(gmpy2.next_prime(3 << 510))
    with pytest.raises(InvalidKey, match="prime"):
        PublicKey(prime, 4, SMALL_BITS)


BAD_BASE = {
    "zero": 0,
    "one": 1,
    "1 mod n": 1 + 5 * KEY.n,
    "-1 mod n": KEY.n2 - 1,
    "no unit": P,
    "a multiple of n": KEY.n,
    "beyond n squared": KEY.h_s + KEY.n2,
}


@pytest.mark.parametrize("h_s", BAD_BASE.values(), ids=BAD_BASE.keys())
def test_bad_randomiser_bases_are_refused(h_s: int) -> None:
    with pytest.raises(InvalidKey):
        PublicKey(KEY.n, h_s, SMALL_BITS)


def _claims(bits: int) -> bytes:
    return bits.to_bytes(2, "big") + KEY.to_bytes()[2:]


BAD_BYTES = {
    "empty": b"",
    "cut short": KEY.to_bytes()[:-1],
    "a byte too many": KEY.to_bytes() + b"\0",
    "claims another length": _claims(SMALL_BITS + 16),
    "claims no multiple of 16": _claims(SMALL_BITS + 1),
}


@pytest.mark.parametrize("data", BAD_BYTES.values(), ids=BAD_BYTES.keys())
def test_bad_key_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidKey):
        PublicKey.from_bytes(data, minimum_bits=SMALL_BITS)
