"""A joint key for tests, dealt over fixed safe primes so that no test searches for any.

These primes are public: whatever is sealed under them is open to everybody.
"""

from functools import lru_cache

from crypto.paillier import PublicKey
from crypto.rng import system_rng
from crypto.threshold import Dealt, deal_from_primes

TEST_P = int(
    "d8300255d7f77de7feec035831b4056c4ef3405d503d8a45f7feb37efbab6f90"
    "400e2f639487fa131080a03fa4a116da59a0da7f109ce8620bdc2c49c1d95340"
    "32adcd61df2610c84c1ee8bc49c8e7cf36bc44302a0e4ff8ad226f17b4bc5848"
    "b6ffbb9792cdf9acdd9e8950ba6ec777011014681901373b52b2546c3d3039ef",
    16,
)
TEST_Q = int(
    "dfe169dd2d68c6772b5d49ab68e79377d3400f99756e75b3d271798e5f7d4dc2"
    "91b06f2bc178e070034d10bff16d1f61dc83724ab0c4921759e7d5dcf1f8a729"
    "8e1e81bef3f8d709c97765b7aa997f2711d20cf033f584894d4b67a5477beeac"
    "a11211f3583331ee415976d43035db67da891374b8c891c0d4db4d08e8d0140f",
    16,
)


@lru_cache
def dealt(threshold: int = 2, holders: int = 2) -> Dealt:
    """Deal a 2048-bit key; once for each setting in a test session."""
    return deal_from_primes(TEST_P, TEST_Q, threshold=threshold, holders=holders, rng=system_rng)


def as_signed(key: PublicKey, plaintext: int) -> int:
    """The representative of smallest magnitude of a plaintext mod n."""
    return plaintext - key.n if 2 * plaintext > key.n else plaintext
