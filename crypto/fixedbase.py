"""Powers of one public base mod n², from a table: the fast path of Paillier's randomisers.

Source: Brickell, Gordon, McCurley and Wilson, Eurocrypt 1992 (fixed base, windows), with one
turn of our own. A table entry T mod n² is kept as the pair (A, c) with T = A (1 + c n) and
A < n, so that a product of entries is the product of half-sized A with a sum of the c.
Not protected: gmpy2 is not constant-time and entries are found by secret digits. This is the
exception to constant-time exponents that design.md 3.10 states; it serves answers, never a
masker's randomiser and never a key share.
"""

import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import gmpy2

from crypto.errors import InvalidInput

TABLE_BYTES = 64 << 20
_WIDEST = 9
_NARROW = 4
_INT_OVERHEAD_BYTES = 72  # an mpz object, what malloc adds, and its slot in a row

Row = tuple[list[Any], list[Any]]


class Span(NamedTuple):
    """``digits`` digits of ``window`` bits each."""

    digits: int
    window: int

    def table_bytes(self, modulus_bytes: int) -> int:
        """Memory for the pairs (A, c) of this span."""
        return self.digits * (1 << self.window) * 2 * (modulus_bytes + _INT_OVERHEAD_BYTES)


def plan(
    short_bits: int, long_bits: int, modulus_bytes: int, *, limit: int = TABLE_BYTES
) -> tuple[Span, ...]:
    """Return windows for short exponents, as wide as memory allows, then narrow ones for the rest.

    Exponents beyond ``short_bits`` are proof responses and rarer. As many short windows as fit
    are a bit wider than the others. Raises InvalidInput if nothing fits ``limit`` bytes.
    """
    for window in range(_WIDEST - 1, 1, -1):
        for wide in range(-(-short_bits // (window + 1)), -1, -1):
            narrow = -(-max(0, short_bits - wide * (window + 1)) // window)
            covered = wide * (window + 1) + narrow * window
            rest = -(-max(0, long_bits - covered) // _NARROW)
            spans = Span(wide, window + 1), Span(narrow, window), Span(rest, _NARROW)
            if sum(span.table_bytes(modulus_bytes) for span in spans) <= limit:
                return spans
    raise InvalidInput(f"no table for a modulus of {8 * modulus_bytes} bits fits the memory bound")


class FixedBase:
    """``base^e mod n²`` for ``0 <= e < 2^long_bits``; fast below ``2^short_bits``.

    Built once on first use, then read by any number of threads without a lock. At most
    ``limit`` bytes of memory: less memory, smaller windows, slower.
    """

    def __init__(
        self, base: int, n: int, *, short_bits: int, long_bits: int, limit: int = TABLE_BYTES
    ) -> None:
        self._base = gmpy2.mpz(base)
        self._n = gmpy2.mpz(n)
        self._n2 = self._n * self._n
        self.spans = plan(short_bits, long_bits, (n.bit_length() + 7) // 8, limit=limit)
        self._bits = sum(span.digits * span.window for span in self.spans)
        self._rows: list[Row] | None = None
        self._building = threading.Lock()

    @property
    def table_bytes(self) -> int:
        """The bound on this table's memory, in bytes."""
        width = (self._n.bit_length() + 7) // 8
        return sum(span.table_bytes(width) for span in self.spans)

    def power(self, exponent: int) -> int:
        """Return ``base^exponent mod n²``; raises InvalidInput for an exponent out of range."""
        if exponent < 0 or exponent.bit_length() > self._bits:
            raise InvalidInput("exponent out of the table's range")
        n2, product, carry = self._n2, gmpy2.mpz(1), gmpy2.mpz(0)
        # Every digit costs one product, zero digits too; spans beyond the exponent cost none.
        for (parts, lifts), digit in zip(self.rows(), self._digits(exponent), strict=False):
            product = product * parts[digit] % n2
            carry += lifts[digit]
        return int(product * (1 + carry % self._n * self._n) % n2)

    def rows(self) -> list[Row]:
        """Return the table, building it if this is the first use."""
        if self._rows is None:
            with self._building:
                if self._rows is None:
                    self._rows = list(self._build())
        return self._rows

    def _digits(self, exponent: int) -> Iterator[int]:
        for span in self.spans:
            if not exponent:
                return
            width = span.digits * span.window
            yield from _cut(exponent & ((1 << width) - 1), span)
            exponent >>= width

    def _build(self) -> Iterator[Row]:
        step = self._base
        for span in self.spans:
            for _ in range(span.digits):
                row = [gmpy2.mpz(1)]
                for _ in range((1 << span.window) - 1):
                    row.append(row[-1] * step % self._n2)
                step = row[-1] * step % self._n2
                yield _paired(row, self._n)


def _cut(value: int, span: Span) -> Iterator[int]:
    """Yield the digits, lowest first: eight at a time, for shifts of long integers are dear."""
    window, mask = span.window, (1 << span.window) - 1
    data = value.to_bytes(window * -(-span.digits // 8), "little")
    left = span.digits
    for at in range(0, len(data), window):
        group = int.from_bytes(data[at : at + window], "little")
        for _ in range(min(8, left)):
            yield group & mask
            group >>= window
        left -= 8


def _paired(row: Sequence[Any], n: Any) -> Row:
    """Return all A and all c with entry = A (1 + c n) mod n²: A = entry mod n, c = (entry / n) / A.

    Two lists instead of pairs: a tuple for each entry would take 72 bytes and a cache miss.
    """
    parts = [gmpy2.f_divmod(entry, n) for entry in row]
    lows = [low for _, low in parts]
    inverses = _inverses(lows, n)
    return lows, [high * inv % n for (high, _), inv in zip(parts, inverses, strict=True)]


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
