"""Every error that crypto raises.

CryptoError
├── InvalidInput        a value that no honest party sends: out of range, not canonical, wrong width
│   ├── InvalidCiphertext   not a unit mod n², or out of range
│   ├── InvalidElement      not a canonical, non-identity group element
│   └── InvalidKey          a public key that fails validation or is not the pinned one
├── ProofError          a proof or signature that does not verify
│   └── SignatureError
├── ShareError          shares that do not combine to the root of the ciphertext
├── OpenError           a sealed message or file that does not open
└── BackendError        this installation lacks something that is needed (C arithmetic, a curve)
"""


class CryptoError(Exception):
    """Root of the tree above."""


class InvalidInput(CryptoError):
    """A value that no honest party sends."""


class InvalidCiphertext(InvalidInput):
    """Not ``0 < c < n²`` with ``gcd(c, n) = 1``."""


class InvalidElement(InvalidInput):
    """Not a canonical encoding of a group element other than the identity."""


class InvalidKey(InvalidInput):
    """A public key that fails validation, or is not the pinned one."""


class ProofError(CryptoError):
    """A proof that does not verify. It never says which equation failed."""


class SignatureError(ProofError):
    """A signature that does not verify under the pinned key."""


class ShareError(CryptoError):
    """Shares of an opening do not combine; ``holder`` names the sender once proofs are in."""

    def __init__(self, message: str, holder: int | None = None) -> None:
        super().__init__(message)
        self.holder = holder


class OpenError(CryptoError):
    """A sealed message or file that does not open under this key and these associated data."""


class BackendError(CryptoError):
    """This installation lacks something that the protocol needs."""
