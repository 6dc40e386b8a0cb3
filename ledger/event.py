"""One entry of a ledger: canonical JSON, readable in ten years.

    {"at":"2026-11-23T08:00:00Z","event":"query.refused","fields":{"reason":"…"},"v":1}

Source: RFC 8785 through crypto.jcs; design.md 4.1, 4.5.
Trusts: nobody; decoding refuses what encoding would not have written.
Learns: whoever reads a ledger reads every field. Callers put in commitments, never persons.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crypto import jcs
from ledger.errors import EventError
from ledger.events import EVENTS

MAX_BYTES = 16 << 10
VERSION = 1
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """A decoded entry: UTC time as ``YYYY-MM-DDThh:mm:ssZ``, event name, fields."""

    at: str
    event: str
    fields: Mapping[str, Any]


def encode(event: str, fields: Mapping[str, Any], *, at: str) -> bytes:
    """Return the exact bytes that are stored and hashed.

    Raises EventError for an event or field that is not in ``ledger.events``, a field that is
    missing, a value that is not text, integer, boolean, list or object, a time that is not
    RFC 3339 in UTC to the second, or more than 16 KiB.
    """
    _check_time(at)
    _check_fields(event, fields)
    for value in fields.values():
        _check_value(value)
    data = jcs.encode({"at": at, "event": event, "fields": dict(fields), "v": VERSION})
    if len(data) > MAX_BYTES:
        raise EventError(f"an entry of {len(data)} bytes; at most {MAX_BYTES} are taken")
    return data


def decode(data: bytes) -> Entry:
    """Parse an entry; raises InvalidInput unless encoding it again gives the same bytes."""
    value = jcs.decode(data, max_bytes=MAX_BYTES)
    if not isinstance(value, dict) or value.keys() != {"at", "event", "fields", "v"}:
        raise EventError("an entry has exactly the keys at, event, fields and v")
    at, event, fields = value["at"], value["event"], value["fields"]
    if value["v"] is True or value["v"] != VERSION:
        raise EventError("this entry's version is not known here")
    if not (isinstance(at, str) and isinstance(event, str) and isinstance(fields, dict)):
        raise EventError("at and event are text, fields is an object")
    encode(event, fields, at=at)
    return Entry(at, event, fields)


def _check_time(at: str) -> None:
    try:
        if not _TIME.fullmatch(at):
            raise ValueError(at)
        datetime.fromisoformat(at)
    except ValueError:
        raise EventError("the time is not RFC 3339 in UTC to the second") from None


def _check_fields(event: str, fields: Mapping[str, Any]) -> None:
    spec = EVENTS.get(event)
    if spec is None:
        raise EventError(f"event {event!r} is not in ledger/events.py")
    missing = sorted(spec.required - fields.keys())
    if missing:
        raise EventError(f"event {event} needs field {missing[0]!r}")
    unknown = sorted(fields.keys() - spec.required - spec.optional)
    if unknown:
        raise EventError(f"event {event} has no field {unknown[0]!r} in ledger/events.py")


def _check_value(value: Any) -> None:
    if type(value) in (str, int, bool):
        return
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        raise EventError(f"a field holds {type(value).__name__}; say what is meant in words")
    for item in value:
        _check_value(item)
