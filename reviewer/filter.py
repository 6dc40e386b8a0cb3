"""Which entries a reviewer wants to see, and which of them belong together.

An entry names what it is about by random numbers and digests (``IDS``): a case, its manifest, its
queries, its permit. In one ledger an id is first named beside one that was named before, so one
pass in order finds the whole thread.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.event import Entry
from reviewer.entries import Row

IDS: Final = ("case", "manifest", "query", "permit")
PERSONS = ("officer", "person", "clerk", "checker", "reader", "reviewer")
"""Fields that commit to a person, or name a reader's role."""


@dataclass(frozen=True)
class Filter:
    """All that is given must hold. Times as the ledger writes them; empty for any."""

    about: tuple[str, ...] = ()
    person: str = ""
    department: str = ""
    events: tuple[str, ...] = ()
    reason: str = ""
    since: str = ""
    until: str = ""

    def rows(
        self, rows: Iterable[Row], *, before: Callable[[], Iterable[Row]] | None = None
    ) -> Iterator[Row]:
        """Those of ``rows``, in order, that are wanted.

        ``before`` gives the same entries anew; they are looked through for ids until no more are
        found. Then a case that is meant by a later id (its manifest) belongs here from its first
        entry on.
        """
        thread = Thread(self.about) if self.about else None
        while thread is not None and before is not None:
            known = len(thread)
            for row in before():
                thread.takes(row.entry.fields)
            if len(thread) == known:
                break
        for row in rows:
            # The thread goes on through entries that other filters leave out.
            belongs = thread is None or thread.takes(row.entry.fields)
            if belongs and self._holds(row.entry):
                yield row

    def _holds(self, entry: Entry) -> bool:
        fields = entry.fields
        return (
            (not self.since or entry.at >= self.since)
            and (not self.until or entry.at < self.until)
            and (not self.events or any(_is(entry.event, wanted) for wanted in self.events))
            and self.department in ("", fields.get("department"))
            and self.reason in ("", fields.get("reason"))
            and (not self.person or any(self._names(fields.get(name)) for name in PERSONS))
        )

    def _names(self, value: object) -> bool:
        return isinstance(value, str) and value.startswith(self.person)


def _is(event: str, wanted: str) -> bool:
    """``query`` and ``query.`` mean every event of queries; ``query.sent`` that one."""
    return event == wanted or event.startswith(wanted.rstrip(".") + ".")


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
