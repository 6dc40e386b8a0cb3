"""Several signed integers in one plaintext, masked, opened, unpacked.

Source: design.md 2.5.1, 2.5.3, 2.6.1. A plaintext is Σ y_j 2^(w j) mod n with signed y_j;
masked, every slot is non-negative and shorter than w, so the packed integer is the plain
concatenation.
Learns: whoever opens a masked plaintext, each slot within 2^-40 of a uniform number.
Not protected: answers beyond the policy's bounds; a sum of them can carry into the next slot,
which only an audit of that answer shows. An honest node cannot send one (``pack`` refuses).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crypto.errors import InvalidInput
from crypto.paillier import PublicKey
from crypto.rng import Rng, random_bits

MASK_EXTRA_BITS = 41
SLOT_EXTRA_BITS = 42
MAX_SLOTS = 64


@dataclass(frozen=True)
class Layout:
    """How many slots a plaintext has, and their size.

    ``value_bits`` is ℓ: |Σy − T| < 2^ℓ − 1 for every rule. ``slots`` counts the rules.
    """

    value_bits: int
    slots: int

    def __post_init__(self) -> None:
        if not 1 <= self.value_bits <= 512 or not 1 <= self.slots <= MAX_SLOTS:
            raise InvalidInput(f"a layout has 1 to {MAX_SLOTS} slots of 1 to 512 value bits")

    @property
    def mask_bits(self) -> int:
        """Length of a mask: ℓ + 41."""
        return self.value_bits + MASK_EXTRA_BITS

    @property
    def slot_bits(self) -> int:
        """w = ℓ + 42: a value of ℓ + 1 bits plus a mask."""
        return self.value_bits + SLOT_EXTRA_BITS

    @property
    def masked_limit(self) -> int:
        """No honest slot reaches 2^(ℓ+41) + 2^(ℓ+1) − 1, the sum of the largest mask and value
        with room for one."""
        return (1 << self.mask_bits) + (1 << (self.value_bits + 1)) - 1

    def check_fits(self, key: PublicKey) -> None:
        """Raise InvalidInput if a full plaintext might reach n/2."""
        if self.slots > capacity(key, self.value_bits):
            raise InvalidInput(
                f"{self.slots} slots of {self.slot_bits} bits do not fit a key of {key.bits} bits"
            )


def capacity(key: PublicKey, value_bits: int) -> int:
    """Return how many slots of ``value_bits`` value bits a key takes, one bit left for the sign
    and one because n is no power of two."""
    return (key.bits - 2) // (value_bits + SLOT_EXTRA_BITS)


def pack(key: PublicKey, layout: Layout, values: Sequence[int]) -> int:
    """Return the plaintext, in [0, n), of one node's signed values; |y| < 2^ℓ each.

    Raises InvalidInput for a value out of range: nothing is ever cut off.
    """
    _check_count(layout, values)
    layout.check_fits(key)
    for value in values:
        if type(value) is not int or abs(value) >= 1 << layout.value_bits:
            raise InvalidInput("a packed value is an integer below 2^ℓ in magnitude")
    return _place(layout, values) % key.n


def draw_masks(layout: Layout, *, rng: Rng) -> list[int]:
    """Return one uniform mask of ℓ + 41 bits per slot; secret, and used for one permit."""
    return [random_bits(layout.mask_bits, rng=rng) for _ in range(layout.slots)]


def pack_masks(key: PublicKey, layout: Layout, limits: Sequence[int], masks: Sequence[int]) -> int:
    """Return the masker's plaintext Σ (2^ℓ − T_j − 1 + r_j) 2^(w j) mod n.

    Args:
        limits: T_j, signed; |T_j| < 2^ℓ. The comparison asks whether x_j > T_j.
        masks: r_j from ``draw_masks``.
    """
    _check_count(layout, limits)
    _check_count(layout, masks)
    layout.check_fits(key)
    for limit, mask in zip(limits, masks, strict=True):
        if type(limit) is not int or abs(limit) >= 1 << layout.value_bits:
            raise InvalidInput("a limit is an integer below 2^ℓ in magnitude")
        if type(mask) is not int or not 0 <= mask < 1 << layout.mask_bits:
            raise InvalidInput("a mask is an integer of ℓ + 41 bits")
    offset = (1 << layout.value_bits) - 1
    return _place(layout, [offset - t + r for t, r in zip(limits, masks, strict=True)]) % key.n


def unpack_masked(key: PublicKey, layout: Layout, plaintext: int) -> list[int]:
    """Return z_j = d_j + r_j for each slot, d_j = x_j − T_j − 1 + 2^ℓ.

    Raises InvalidInput for bits above the last slot and for a slot that no honest answers and
    mask can give.
    """
    layout.check_fits(key)
    if not 0 <= plaintext < 1 << (layout.slot_bits * layout.slots):
        raise InvalidInput("the opened plaintext has bits above its last slot")
    cut = (1 << layout.slot_bits) - 1
    slots = [(plaintext >> (layout.slot_bits * j)) & cut for j in range(layout.slots)]
    if any(z >= layout.masked_limit for z in slots):
        raise InvalidInput("an opened slot is out of range")
    return slots


def unpack_signed(key: PublicKey, layout: Layout, plaintext: int) -> list[int]:
    """Return the signed values of an unmasked plaintext, for audit and tests.

    Raises InvalidInput unless they pack to this plaintext again.
    """
    rest = plaintext - key.n if 2 * plaintext > key.n else plaintext
    half, whole, values = 1 << (layout.slot_bits - 1), 1 << layout.slot_bits, []
    for _ in range(layout.slots):
        value = (rest + half) % whole - half
        values.append(value)
        rest = (rest - value) // whole
    if rest:
        raise InvalidInput("the plaintext has bits above its last slot")
    return values


def _place(layout: Layout, values: Sequence[int]) -> int:
    return sum(value << (layout.slot_bits * j) for j, value in enumerate(values))


def _check_count(layout: Layout, values: Sequence[int]) -> None:
    if len(values) != layout.slots:
        raise InvalidInput(f"{len(values)} values for {layout.slots} slots")
