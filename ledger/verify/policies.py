"""The offline verifier's policies: every one that was approved lies there, as it was approved.

An entry names a policy by the digest of its exact bytes: SHA-256 over the label and the bytes,
each behind its length in 8 bytes, big-endian. Shares no code with the writer.
Shows: which rules were in force here, and who approved them when follows from the entry. Not
that they are good rules.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Final

from ledger.verify.tree import Broken

FOLDER: Final = "policies"
MAX_POLICY: Final = 256 << 10
_LABEL: Final = b"hedui/policy/v1"
# Canonical JSON: no entry of this event is written otherwise, and no text can hold the quotes.
_EVENT: Final = b'"event":"policy.approved"'


def digest_of(policy: bytes) -> str:
    """The digest under which a policy is approved, hex."""
    parts = (_LABEL, policy)
    return hashlib.sha256(b"".join(len(p).to_bytes(8, "big") + p for p in parts)).hexdigest()


class Approvals:
    """Policies that entries approve, and policies that must lie beside them."""

    def __init__(self) -> None:
        self._approved: dict[str, int] = {}

    def take(self, first: int, entries: Iterable[bytes]) -> None:
        """Note the approvals among entries that stand in a row. Raises ValueError."""
        for index, entry in enumerate(entries, first):
            if _EVENT in entry:
                self._approve(index, entry)

    def _approve(self, index: int, entry: bytes) -> None:
        try:
            found = json.loads(entry)
            if found["event"] == "policy.approved":
                self._approved.setdefault(str(found["fields"]["policy"]), index)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError(f"entry {index} is not an entry of this format") from None

    def demand(self, digest: str) -> None:
        """Raises Broken where no entry approves the policy under which a query was asked."""
        if digest not in self._approved:
            sentence = f"no entry here approves the policy {digest}, under which it was asked"
            raise Broken("missing", -1, sentence)

    def check(self, policies: Iterable[tuple[str, bytes]]) -> int:
        """Hold name and bytes of each policy against the approvals; return how many there are.

        Raises Broken for a policy that is not what was approved, for one that nobody approved,
        and for one that is missing.
        """
        seen = set()
        for name, policy in policies:
            digest = name.removesuffix(".toml")
            index = self._approved.get(digest, -1)
            if digest_of(policy) != digest:
                sentence = f"the policy {FOLDER}/{name} is not what its name says"
                raise Broken("modified", index, f"{sentence}: it was modified")
            if index < 0:
                raise Broken("modified", -1, f"no entry approves the policy {FOLDER}/{name}")
            seen.add(digest)
        for digest, index in self._approved.items():
            if digest not in seen:
                sentence = f"the policy that entry {index} approved is missing"
                raise Broken("missing", index, f"{sentence}: {FOLDER}/{digest}.toml")
        return len(seen)
