"""Bursts of calls that fail before a handler runs enter the ledger, as counts.

One refusal is a log line. Many in a minute are somebody who tries, or something that is broken,
and a reviewer is to see that without the log: logs can be deleted.
"""

from typing import Final

from runtime.counters import Counters
from runtime.storage.writer import Tx, Writer
from runtime.transport.guard import AT_THE_DOOR

_EVERY_S: Final = 60.0
_LEAST: Final = 10


class DoorRecord:
    """Ledgers ``call.refused`` for each reason that was given ``least`` times since last time."""

    def __init__(self, *, counters: Counters, writer: Writer, least: int = _LEAST) -> None:
        self._counters = counters
        self._writer = writer
        self._least = least
        self._seen: dict[str, int] = {}
        self.every_s = _EVERY_S

    def record(self) -> None:
        """Write what is new; below the least it is forgotten. Raises LedgerUnavailable."""
        now = {k: v for k, v in self._counters.snapshot().items() if k.startswith(AT_THE_DOOR)}
        grown = {name: count - self._seen.get(name, 0) for name, count in now.items()}
        bursts = {name: count for name, count in grown.items() if count >= self._least}

        def write(tx: Tx) -> None:
            for name, count in bursts.items():
                tx.append("call.refused", reason=name.removeprefix(AT_THE_DOOR), count=count)

        if bursts:
            self._writer.run(write)
        self._seen = now
