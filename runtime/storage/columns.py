"""The columns that stores share: one width for each kind of value, so that tables can be read.

Source: design.md 6.3.
Not null unless said otherwise: what is not there yet is empty, and a query cannot forget it.
A width is part of the schema. Changing one is a migration.
"""

from typing import Any, Final

from sqlalchemy import Column, LargeBinary, String

from ledger.log import NUMBER

_DIGEST: Final = 64
_RANDOM_ID: Final = 32
_NAME: Final = 64
_MOMENT: Final = 20
_DAY: Final = 10
_WORD: Final = 16
_REASON: Final = 40
_TAG_BYTES: Final = 32


def digest(name: str, /, *more: Any, **options: Any) -> Column[str]:
    """SHA-256 in hex: a manifest, a policy, a request."""
    return _column(name, String(_DIGEST), more, options)


def random_id(name: str, /, *more: Any, **options: Any) -> Column[str]:
    """16 random bytes in hex: a query, a case, a sample."""
    return _column(name, String(_RANDOM_ID), more, options)


def name(name: str, /, *more: Any, **options: Any) -> Column[str]:
    """A member, a department, a programme, a resource."""
    return _column(name, String(_NAME), more, options)


def moment(name: str, /, *more: Any, **options: Any) -> Column[str]:
    """``2026-11-23T08:00:00Z``, as ``model.fields.format_time`` writes it; sorts by time."""
    return _column(name, String(_MOMENT), more, options)


def day(name: str, /, *more: Any, **options: Any) -> Column[str]:
    """``2026-11-23``."""
    return _column(name, String(_DAY), more, options)


def word(name: str, /, *more: Any, **options: Any) -> Column[str]:
    """One of a few words: a state, a kind, a role."""
    return _column(name, String(_WORD), more, options)


def reason(name: str, /, *more: Any, **options: Any) -> Column[str]:
    """A code of ``model.reasons``; empty for none."""
    return _column(name, String(_REASON), more, options)


def number(name: str, /, *more: Any, **options: Any) -> Column[int]:
    """64 bits: a ledger index, a count, a row's own number."""
    return _column(name, NUMBER, more, options)


def blob(name: str, /, *more: Any, **options: Any) -> Column[bytes]:
    """Sealed bytes, a wrapped key, a message as it arrived; empty for none."""
    return _column(name, LargeBinary(), more, options)


def tag(name: str, /, *more: Any, **options: Any) -> Column[bytes]:
    """A keyed hash or pseudonym, 32 bytes."""
    return _column(name, LargeBinary(_TAG_BYTES), more, options)


def _column(name: str, kind: Any, more: tuple[Any, ...], options: dict[str, Any]) -> Column[Any]:
    return Column(name, kind, *more, **{"nullable": False, **options})
