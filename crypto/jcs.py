"""Canonical JSON (RFC 8785) for the values that Hedui signs and stores.

Source: design.md 2.0.5, 3.7, 4.1.
The subset: objects with ASCII keys, arrays, strings, booleans, null, and integers whose
magnitude is below 2^53. Floats are refused, so number formatting never matters; larger
integers and bytes travel as strings.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from crypto.errors import InvalidInput

Json = None | bool | int | str | Sequence["Json"] | Mapping[str, "Json"]

MAX_SAFE_INTEGER = (1 << 53) - 1
MAX_DEPTH = 16


def encode(value: Json) -> bytes:
    """Return the canonical UTF-8 bytes. Raises InvalidInput for anything outside the subset."""
    _check(value, 0)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput("a string holds a lone surrogate, which is not text") from None


def decode(data: bytes, *, max_bytes: int) -> Any:
    """Parse canonical JSON; raises InvalidInput unless re-encoding gives the same bytes."""
    if len(data) > max_bytes:
        raise InvalidInput(f"document of {len(data)} bytes; at most {max_bytes} are taken")
    try:
        value = json.loads(data.decode("utf-8"), parse_float=_refuse_float)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"not JSON: {error}") from None
    if encode(value) != data:
        raise InvalidInput("not canonical JSON (RFC 8785)")
    return value


def _refuse_float(text: str) -> Any:
    raise InvalidInput(f"not an integer: {text[:40]}")


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidInput(f"nested deeper than {MAX_DEPTH}")
    if value is None or type(value) in (bool, str):
        return
    if type(value) is int:
        if abs(value) > MAX_SAFE_INTEGER:
            raise InvalidInput("an integer beyond 2^53 must travel as a string")
    elif isinstance(value, dict):
        _check_keys(value)
        for item in value.values():
            _check(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item, depth + 1)
    else:
        raise InvalidInput(f"{type(value).__name__} has no canonical form")


def _check_keys(value: dict[Any, Any]) -> None:
    for key in value:
        if type(key) is not str or not key.isascii():
            raise InvalidInput(f"key {key!r} is not an ASCII string")
