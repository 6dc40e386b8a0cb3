"""Errors of the database and its writer, hung into the tree of ``runtime.errors``.

StorageError (ends a command; the message names path, cause and mend)
├── DatabaseMissing     nothing there
├── DatabaseInUse       another process has it open; ``pid`` where known
├── DatabaseForeign     another service's database, or of a newer version
└── DatabaseUnusable    it is there, and cannot be used: no permission, damaged, no such server
Refusal
└── LedgerUnavailable   a write that was not acknowledged; ``outcome`` says what is known
"""

from typing import Literal

from model.reasons import Reason
from runtime.errors import Refusal, StorageError

Outcome = Literal["not_written", "unknown"]


class DatabaseMissing(StorageError):
    """Nothing stands at the path or URL."""


class DatabaseInUse(StorageError):
    """Another process has the database open. ``pid`` is 0 where it is not known."""

    def __init__(self, message: str, pid: int = 0) -> None:
        super().__init__(message)
        self.pid = pid


class DatabaseForeign(StorageError):
    """A database of another service, or written by a newer version of this one."""


class DatabaseUnusable(StorageError):
    """The database is there and cannot be used."""


class LedgerUnavailable(Refusal):
    """A write that was not acknowledged: the caller refuses, whatever the outcome.

    ``outcome`` is "not_written" where nothing of it is stored or ever will be, and "unknown"
    where it may yet turn out stored: repeat it only under the same idempotency key, and let
    what is stored decide. ``why`` is for logs and health; the peer sees the reason alone.
    """

    def __init__(self, why: str, outcome: Outcome) -> None:
        super().__init__(Reason.LEDGER_UNAVAILABLE)
        self.why = why
        self.outcome: Outcome = outcome

    def __str__(self) -> str:
        return f"{self.why} ({self.outcome})"


class WriterMisuse(RuntimeError):
    """A mistake of ours: ``run`` from inside the writer, or after it was closed."""
