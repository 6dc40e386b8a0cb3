"""TOML, read within bounds and written: policies, mappings, letters, settings, plans, federations.

Source: TOML 1.0.0; the parser itself is Python's tomllib.
Why bounds: tomllib takes time and memory quadratic in the parts of a dotted key. 32 KB of
``a.a.a.a…=1`` take a gigabyte. So bytes, values and depth are counted before it is called.
The count errs upwards: a dot in a number counts like one in a key.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 8
"""Parts of a dotted key, and brackets within brackets."""
MAX_DIGITS: Final = 100
"""Of one number; Python itself refuses thousands, in words that name no line."""
_LONGEST_REASON: Final = 200

# Strings and comments whole, so that nothing inside them counts; then what is counted. All
# repetitions are possessive: without a way back there is nothing to remember.
_TOKEN: Final = re.compile(
    r"""
      \#[^\n]*+
    | "{3}(?:[^"\\]++|\\.|"(?!""))*+"{3,5}+
    | '{3}(?:[^']++|'(?!''))*+'{3,5}+
    | (?P<open_text>"{3}|'{3})
    | "(?:[^"\\\n]++|\\[^\n])*+"
    | '[^'\n]*+'
    | (?P<open_line>["'])
    | (?P<digits>[0-9][0-9_]++)
    | (?P<part>\.)
    | (?P<open>[\[{])
    | (?P<close>[\]}])
    | (?P<item>[=,])
    | (?P<line>\n)
    """,
    re.VERBOSE | re.DOTALL,
)
_AT: Final = re.compile(r"(.*) \(at (?:(line \d+, column \d+)|end of document)\)", re.DOTALL)


class TomlError(ValueError):
    """Not TOML, or beyond a bound. The message names file, line and column, and may be shown."""


def parse_toml(data: bytes, *, source: str, max_bytes: int, max_values: int) -> dict[str, Any]:
    """Return the table that tomllib makes of ``data``.

    Args:
        data: The whole file, UTF-8 without a byte order mark.
        source: The file's name, for messages.
        max_bytes: Its length at most.
        max_values: Keys, parts of dotted keys, tables and list items at most, all together.

    Raises:
        TomlError: for what is not TOML 1.0 and for what is beyond a bound.
    """
    if len(data) > max_bytes:
        raise TomlError(f"{source}: {len(data)} bytes; at most {max_bytes} are taken")
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        _refuse(source, _place(before, len(before)), "not TOML in UTF-8: a byte that is not UTF-8")
    _check_bounds(text, source, max_values)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT.fullmatch(str(error))
        said = found[1] if found else str(error)
        place = (found and found[2]) or _place(text, len(text))
        _refuse(source, place, f"not TOML: {said[:1].lower()}{said[1:_LONGEST_REASON]}")


def _check_bounds(text: str, source: str, max_values: int) -> None:
    values = brackets = parts = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        parts = parts + 1 if kind == "part" else parts if kind in (None, "digits") else 0
        brackets += (kind == "open") - (kind == "close")
        values += kind in ("part", "open", "item")
        problem = _beyond(kind, len(token[0]), values - max_values, max(parts + 1, brackets))
        if problem:
            _refuse(source, _place(text, token.start()), problem.format(max_values=max_values))


def _beyond(kind: str | None, length: int, too_many: int, depth: int) -> str:
    if kind in ("open_text", "open_line"):
        return "not TOML: a text that does not end"
    if kind == "digits" and length > MAX_DIGITS:
        return f"a number of more than {MAX_DIGITS} digits"
    if too_many > 0:
        return "more than {max_values} keys, tables and list items"
    return f"nested more than {MAX_DEPTH} deep" if depth > MAX_DEPTH else ""


def _place(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"


def _refuse(source: str, place: str, problem: str) -> NoReturn:
    raise TomlError(f"{source}: {place}: {problem}") from None


def to_toml(table: Mapping[str, Any]) -> str:
    """Write strings, integers, booleans, lists of these, tables, and lists of tables, as TOML.

    ``parse_toml`` gives the table back. Raises TypeError for anything else.
    """
    return "\n".join(_lines(table, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for key, value in table.items():
        if not (isinstance(value, Mapping) or _is_tables(value)):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        inner = (*path, key)
        name = ".".join(_key(part) for part in inner)
        if isinstance(value, Mapping):
            yield f"\n[{name}]"
            yield from _lines(value, inner)
        elif _is_tables(value):
            for row in value:
                yield f"\n[[{name}]]"
                yield from _lines(row, inner)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no place in a file of settings")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _text(text: str) -> str:
    # JSON's escapes are TOML's; only the delete character is allowed in one and not the other.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
