"""The one name of the suite: which mathematics keys, documents and ledgers of a federation rest on.

Source: design.md 2.9.1.
It stands in the federation file (for all keys that the file pins), in manifest, ticket and
permit, and in the first entry of every ledger, for all that follow. The OPRF suites of RFC 9497
(``prf_keys``) are a part of it and keep the names that the RFC gives them. Another suite is
another name here, never a change of what this one means.
"""

from typing import Final, Literal

Suite = Literal["hedui-v1:paillier-threshold-root,ristretto255-SHA512,ed25519,sha256"]
SUITE: Final[Suite] = "hedui-v1:paillier-threshold-root,ristretto255-SHA512,ed25519,sha256"
