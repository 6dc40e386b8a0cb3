"""Which entries a reviewer wants to see."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from desk.commands.reading import Row
from ledger.event import Entry
from reviewer.threads import Thread

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
