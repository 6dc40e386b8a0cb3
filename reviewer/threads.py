"""Which entries belong together: a case, its manifest, its queries, its permit.

An entry names what it is about by random numbers and digests (``IDS``). In one ledger an id is
first named beside one that was named before, so one pass in order finds the whole thread.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

IDS: Final = ("case", "manifest", "query", "permit")


class Thread:
    """Takes entries in order; remembers what it is about."""

    def __init__(self, about: Iterable[str]) -> None:
        """Begin with one id or several, in full or by their first 8 digits or more."""
        self._wanted = [each for each in about if len(each) >= 8]
        self._ids: set[str] = set()

    def __len__(self) -> int:
        """How many ids are known to belong here."""
        return len(self._ids)

    def takes(self, fields: Mapping[str, Any]) -> bool:
        """Whether an entry with these fields belongs here; if so, what it names does too."""
        ids = named(fields)
        if not any(each in self._ids or self._begins(each) for each in ids):
            return False
        self._ids |= ids
        return True

    def _begins(self, each: str) -> bool:
        return any(each.startswith(wanted) for wanted in self._wanted)


def named(fields: Mapping[str, Any]) -> set[str]:
    """The ids that an entry names."""
    return {v for name in IDS if isinstance(v := fields.get(name), str) and v}
