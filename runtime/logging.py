"""Logs are facts: an event's name, then keys from an allow-list; one JSON object a line.

Source: design.md 7.3.
Learns: whoever reads a log, which events happened when. Never identifiers, values or counts of
people: keys outside the list are dropped and counted, an exception leaves its type and place
and not its message, because messages quote what they choked on.
"""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from traceback import walk_tb
from typing import Any, Final, Protocol

import structlog

from model.fields import format_time
from runtime.clock import Clock
from runtime.counters import Counters

ALLOWED_KEYS: Final = frozenset(
    {
        # the process and its surroundings
        "process", "role", "version", "address", "health_address", "setting", "path",
        "not_after", "days_left", "exit_code", "signal",
        # the call
        "method", "peer", "peer_role", "reason", "status", "duration_ms", "deadline_ms",
        "request_bytes", "attempt", "step", "holder", "holder_index",
        # documents, by random number or digest
        "query_id", "case_id", "manifest", "ticket", "permit", "policy", "programme", "epoch",
        "resource", "department", "rules", "entry", "size", "tree_size", "checkpoint",
        # faults
        "error", "where", "cause", "dropped",
    }
)  # fmt: skip

_EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_MAX_TEXT = 200
_MAX_FRAMES = 12
_Fields = MutableMapping[str, Any]


class Sink(Protocol):
    """Takes finished lines."""

    def write(self, line: bytes) -> None:
        """Take one line with its end."""
        ...


class FileSink:
    """Appends whole lines, so that a rotation by copy and truncate loses none halfway."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, line: bytes) -> None:
        """Append one line."""
        os.write(self._file, line)

    def close(self) -> None:
        """Close the file; a later write fails."""
        os.close(self._file)


class UnknownKey(Exception):
    """Raised by a strict log: a key outside the allow-list, or a malformed event name."""


class Log:
    """``log.info("query.answered", query_id=…, rules=6, duration_ms=41)``.

    A strict log raises UnknownKey where the usual one drops the key and counts ``log.dropped``.
    A line that the disk does not take is counted as ``log.unwritten`` and lost: what is refused
    because a disk is full must still be refused with its reason. Evidence is the ledger's part.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        process: str,
        clock: Clock,
        counters: Counters | None = None,
        strict: bool = False,
    ) -> None:
        self._counters = counters or Counters()
        self._strict = strict
        self._clock = clock
        self._logger = structlog.wrap_logger(
            sink,
            processors=[self._stamp, self._filter, _render],
            wrapper_class=_Writer,
            context_class=dict,
            process=process,
        )

    def info(self, event: str, **fields: object) -> None:
        """Write something that happened as it should."""
        self._put("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Write something that a person should look at some day."""
        self._put("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Write something that a person should look at now."""
        self._put("error", event, fields)

    def fault(self, event: str, error: BaseException, **fields: object) -> None:
        """Write an exception that nobody mapped: type and place, never its message."""
        self._put("error", event, {**fields, **describe(error)})

    def _put(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        try:
            self._logger.put(level, event, fields)
        except OSError:
            self._counters.add("log.unwritten")

    def _stamp(self, _logger: object, method: str, fields: _Fields) -> dict[str, Any]:
        return {"time": format_time(self._clock.now()), "level": method, **fields}

    def _filter(self, _logger: object, _method: str, fields: _Fields) -> dict[str, Any]:
        event = fields.pop("event")
        head = {"time": fields.pop("time"), "level": fields.pop("level"), "event": event}
        if not _EVENT.fullmatch(event):
            self._drop(f"event {event!r}")
            head["event"] = "log.malformed_event"
        kept = {key: value for key, value in fields.items() if _allowed(key, value)}
        for key in fields.keys() - kept.keys():
            self._drop(f"key {key!r}")
        return head | {key: _shorten(value) for key, value in kept.items()}

    def _drop(self, what: str) -> None:
        if self._strict:
            raise UnknownKey(f"{what} may not be logged; see ALLOWED_KEYS in runtime/logging.py")
        self._counters.add("log.dropped")


class _Writer(structlog.BoundLoggerBase):
    """The one way through structlog's processors to the sink."""

    def put(self, level: str, event: str, fields: Mapping[str, object]) -> None:
        args, _ = self._process_event(level, event, dict(fields))
        self._logger.write(*args)


def describe(error: BaseException) -> dict[str, str]:
    """Return ``error`` (its type) and ``where`` (file:line in function, innermost first)."""
    frames = [
        f"{Path(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    where = " < ".join(reversed(frames[-_MAX_FRAMES:]))
    found = {"error": type(error).__name__, "where": where}
    if error.__cause__ is not None:
        found["cause"] = type(error.__cause__).__name__
    return found


def _allowed(key: str, value: object) -> bool:
    return key in ALLOWED_KEYS and (value is None or type(value) in (str, int, bool, bytes))


def _shorten(value: Any) -> Any:
    if isinstance(value, bytes):
        value = value.hex()
    if isinstance(value, str) and len(value) > _MAX_TEXT:
        return value[:_MAX_TEXT] + "…"
    return value


def _render(_logger: object, _method: str, fields: _Fields) -> tuple[tuple[bytes], dict[str, Any]]:
    line = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return (line.encode("utf-8", "backslashreplace") + b"\n",), {}
