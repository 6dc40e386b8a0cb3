"""Joint keys of 512 bits, quick and worthless, over fixed safe primes."""

from functools import lru_cache

from crypto.rng import system_rng
from crypto.threshold import Dealt, deal_from_primes

SMALL_BITS = 512
SMALL_PRIMES = (
    0xE6F1E4E3F42754A400F5C8F488B3DBFD1F734B40B1B9C807AE99AF35EC82ED07,
    0xECBAB56564D6D7FD61632318C8F05172D02B4D5B1C514C4D55E7C2519A37753F,
    0xE261011710D8D2D2D20E0E3765A4FD81D78675D15B6696B2EB48D5A1F9DABA0F,
    0xEAF670E8C22F29FFBDF58C82B357B8AD20F9021B6C4E82B00EB35C0279ECBE37,
)


@lru_cache
def small(threshold: int = 2, holders: int = 3, *, other: bool = False) -> Dealt:
    """Deal once for each setting in a test session; ``other`` gives a key over other primes."""
    p, q = SMALL_PRIMES[2:] if other else SMALL_PRIMES[:2]
    return deal_from_primes(
        p, q, threshold=threshold, holders=holders, rng=system_rng, minimum_bits=SMALL_BITS
    )
