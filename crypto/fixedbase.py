"""Powers of one public base mod n², from a table: the fast path of Paillier's randomisers.

Source: Brickell, Gordon, McCurley and Wilson, Eurocrypt 1992 (fixed base, windows), with one
turn of our own. A table entry T mod n² is kept as the pair (A, c) with T = A (1 + c n) and
A < n, so that a product of entries is the product of half-sized A with a sum of the c.
Not protected: gmpy2 is not constant-time and entries are found by secret digits. This is the
exception to constant-time exponents that DESIGN.md section 3 states; it serves answers, never a
masker's randomiser and never a key share.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import gmpy2

from crypto.errors import InvalidInput

TABLE_BYTES = 64 << 20
_INT_OVERHEAD_BYTES = 56  # an mpz object, its allocation, and its slot in a row

Entry = tuple[Any, Any]


class Span(NamedTuple):
    """``digits`` digits of ``window`` bits each."""

    digits: int
    window: int

    def table_bytes(self, modulus_bytes: int) -> int:
        """Memory for the pairs (A, c) of this span."""
        return self.digits * (1 << self.window) * 2 * (modulus_bytes + _INT_OVERHEAD_BYTES)


def plan(short_bits: int, long_bits: int, modulus_bytes: int) -> tuple[Span, Span]:
    """Return the widest windows for the short exponents that leave room for the long ones.

    Long exponents are rare (checking a masker's proof), so their upper part has narrow windows.
    Raises InvalidInput if nothing fits into ``TABLE_BYTES``.
    """
    for window in range(8, 1, -1):
        low = Span(-(-short_bits // window), window)
        rest = max(0, long_bits - low.digits * window)
        high = Span(-(-rest // 4), 4)
        if low.table_bytes(modulus_bytes) + high.table_bytes(modulus_bytes) <= TABLE_BYTES:
            return low, high
    raise InvalidInput(f"no table for a modulus of {8 * modulus_bytes} bits fits the memory bound")


class FixedBase:
    """``base^e mod n²`` for ``0 <= e < 2^long_bits``; fast below ``2^short_bits``.

    Built once on first use, then read by any number of threads without a lock. At most
    ``TABLE_BYTES`` of memory.
    """

    def __init__(self, base: int, n: int, *, short_bits: int, long_bits: int) -> None:
        self._base = gmpy2.mpz(base)
        self._n = gmpy2.mpz(n)
        self._n2 = self._n * self._n
        self.low, self.high = plan(short_bits, long_bits, (n.bit_length() + 7) // 8)
        self._low_bits = self.low.digits * self.low.window
        self._bits = self._low_bits + self.high.digits * self.high.window
        self._rows: list[list[Entry]] | None = None
        self._building = threading.Lock()

    @property
    def table_bytes(self) -> int:
        """The bound on this table's memory, in bytes."""
        width = (self._n.bit_length() + 7) // 8
        return self.low.table_bytes(width) + self.high.table_bytes(width)

    def power(self, exponent: int) -> int:
        """Return ``base^exponent mod n²``; raises InvalidInput for an exponent out of range."""
        if exponent < 0 or exponent.bit_length() > self._bits:
            raise InvalidInput("exponent out of the table's range")
        n2, product, carry = self._n2, gmpy2.mpz(1), gmpy2.mpz(0)
        # Every digit costs one product, zero digits too.
        for row, digit in zip(self.rows(), self._digits(exponent), strict=False):
            part, lift = row[digit]
            product = product * part % n2
            carry += lift
        return int(product * (1 + carry % self._n * self._n) % n2)

    def rows(self) -> list[list[Entry]]:
        """Return the table, building it if this is the first use."""
        if self._rows is None:
            with self._building:
                if self._rows is None:
                    self._rows = list(self._build())
        return self._rows

    def _digits(self, exponent: int) -> Iterator[int]:
        short = exponent.bit_length() <= self._low_bits
        yield from _cut(exponent & ((1 << self._low_bits) - 1), self.low)
        if not short:
            yield from _cut(exponent >> self._low_bits, self.high)

    def _build(self) -> Iterator[list[Entry]]:
        step = self._base
        for span in (self.low, self.high):
            for _ in range(span.digits):
                row = [gmpy2.mpz(1)]
                for _ in range((1 << span.window) - 1):
                    row.append(row[-1] * step % self._n2)
                step = row[-1] * step % self._n2
                yield _paired(row, self._n)


def _cut(value: int, span: Span) -> Iterable[int]:
    if span.window == 8:
        return value.to_bytes(span.digits, "little")
    mask = (1 << span.window) - 1
    return [(value >> at) & mask for at in range(0, span.digits * span.window, span.window)]


def _paired(row: Sequence[Any], n: Any) -> list[Entry]:
    """Return (A, c) with entry = A (1 + c n) mod n²: A = entry mod n, c = (entry / n) / A."""
    parts = [gmpy2.f_divmod(entry, n) for entry in row]
    inverses = _inverses([low for _, low in parts], n)
    return [(low, high * inv % n) for (high, low), inv in zip(parts, inverses, strict=True)]


def _inverses(values: Sequence[Any], n: Any) -> list[Any]:
    """Invert all at the price of one inversion and three products each (Montgomery)."""
    prefix = [gmpy2.mpz(1)]
    for value in values:
        prefix.append(prefix[-1] * value % n)
    inverse = gmpy2.invert(prefix[-1], n)
    result = []
    for value, (before, _) in zip(reversed(values), reversed(list(pairwise(prefix))), strict=True):
        result.append(before * inverse % n)
        inverse = inverse * value % n
    return result[::-1]
