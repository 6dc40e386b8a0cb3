"""What is wrong with an input, in words for whoever wrote it: the place, the key, the near name.

Never the value: it may be a person's.
"""

import difflib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from inspect import isclass
from typing import Annotated, Any, Final, Union

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from model.limits import MAX_NAME
from model.messages import N_, gettext

_MOST_TOLD: Final = 3
_MOST_KNOWN: Final = 20
_UNKNOWN: Final = "extra_forbidden"
_MISSING: Final = "missing"
_OURS: Final = "Value error, "
_FORMS: Final = {
    r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$": (
        N_("lower-case letters, digits, dots and hyphens, such as tax.wages")
    ),
    r"^[0-9]{6}$": N_("six digits"),
    r"^[0-9a-f]{64}$": N_("64 lower-case hex digits"),
    r"^[A-Za-z0-9][A-Za-z0-9-]{2,39}$": N_(
        "3 to 40 letters, digits and hyphens, not beginning with a hyphen"
    ),
    r"^[^\s:/]+:[0-9]{1,5}$": N_("host:port, such as 127.0.0.1:7000"),
}
"""Patterns that people meet, in words."""

_Place = tuple[int | str, ...]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``. Did you mean "listen"?``, the known words where none is near, or nothing."""
    names = sorted(known)
    near = nearest(word, names)
    if near:
        return ". " + gettext('Did you mean "{near}"?', near=near)
    return " " + gettext("(known: {names})", names=listed(names)) if names else ""


def nearest(word: str, known: Sequence[str]) -> str:
    """The known word that was probably meant, or nothing."""
    # A longer one is no misspelling, and comparing takes time with the square of the length.
    near = difflib.get_close_matches(word, known, n=1) if len(word) <= MAX_NAME else []
    return near[0] if near else ""


def listed(names: Sequence[str]) -> str:
    """The first twenty of them, with commas."""
    return ", ".join(names[:_MOST_KNOWN]) + (", …" if len(names) > _MOST_KNOWN else "")


def explain(
    error: ValidationError,
    model: type[BaseModel] | None = None,
    table: Mapping[str, Any] | None = None,
) -> str:
    """What a person can act on: for up to three mistakes the place and what is wrong there.

    Args:
        error: What validating against ``model`` raised.
        model: Finds the keys that are known where one is not.
        table: What was validated; rows with a ``name`` are called by it, others are counted.
    """
    found = error.errors(include_input=False, include_url=False)
    # A mistyped key is also reported as a missing one.
    unknown = [detail for detail in found if detail["type"] == _UNKNOWN]
    told = (unknown or found)[:_MOST_TOLD]
    return "; ".join(dict.fromkeys(_sentence(detail, model, table) for detail in told))


def _sentence(
    detail: ErrorDetails, model: type[BaseModel] | None, table: Mapping[str, Any] | None
) -> str:
    loc = tuple(part for part in detail["loc"] if part != "[key]")
    if detail["type"] in (_UNKNOWN, _MISSING):
        # The key is not there, or nobody knows it: its table is the last thing to look into.
        place, key = loc[:-1], str(loc[-1])
        if detail["type"] == _MISSING:
            return _where(place, table) + gettext('key "{key}" is missing', key=key)
        hint = did_you_mean(key, _fields(_walk(place, model)[2]))
        return _where(place, table) + gettext('unknown key "{key}"', key=_shown(key)) + hint
    place, key, _ = _walk(loc, model)
    said = _said(detail)
    named = gettext('key "{key}": {what}', key=_shown(key), what=said) if key else said
    return f"{_where(place, table)}{named}"


def _walk(loc: _Place, model: type[BaseModel] | None) -> tuple[_Place, str, Any]:
    """Split a place into its tables, its key ("" for a whole table) and its type."""
    if model is None:
        keys = [index for index, part in enumerate(loc) if isinstance(part, str)]
        return (loc[: keys[-1]], str(loc[keys[-1]]), None) if keys else ((), "", None)
    kind: Any = model
    for index, part in enumerate(loc):
        inner = _inside(kind, part)
        if isinstance(part, str) and (inner is None or not _is_table(inner)):
            # A scalar, a list of scalars, an unknown key: what follows is pydantic's own.
            return loc[:index], part, kind
        kind = inner
    return loc, "", kind


def _options(kind: Any) -> list[Any]:
    origin = typing.get_origin(kind)
    if origin is Annotated:
        return _options(typing.get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return [option for arm in typing.get_args(kind) for option in _options(arm)]
    return [kind]


def _inside(kind: Any, part: int | str) -> Any:
    """The type of what lies behind this key or index, None where nothing does."""
    for option in _options(kind):
        origin, args = typing.get_origin(option), typing.get_args(option)
        if isclass(option) and issubclass(option, BaseModel) and part in option.model_fields:
            return option.model_fields[str(part)].annotation
        if isinstance(part, int) and origin in (list, tuple):
            return args[0]
        if isinstance(part, str) and origin in (dict, Mapping):
            return args[1]
    return None


def _is_table(kind: Any) -> bool:
    """Whether a place below this type is told apart: a table, or a list of tables."""
    for option in _options(kind):
        origin = typing.get_origin(option)
        if origin in (dict, Mapping) or (isclass(option) and issubclass(option, BaseModel)):
            return True
        if origin in (list, tuple) and _is_table(typing.get_args(option)[0]):
            return True
    return False


def _fields(kind: Any) -> list[str]:
    models = [o for o in _options(kind) if isclass(o) and issubclass(o, BaseModel)]
    return [name for model in models for name in model.model_fields]


def _where(place: Sequence[int | str], table: Mapping[str, Any] | None) -> str:
    """``process "tax": ``, ``member 1: ``, ``[measures.cars]: `` or nothing."""
    parts: list[str] = []
    names: list[str] = []
    row: Any = table
    for part in place:
        row = _step(row, part)
        if isinstance(part, str):
            names.append(_shown(part))
            continue
        called = row.get("name") if isinstance(row, Mapping) else None
        parts.append(f"{'.'.join(names)} {_row_name(part, called)}")
        names = []
    if names:
        parts.append(f"[{'.'.join(names)}]")
    return "".join(f"{part}: " for part in parts)


def _row_name(index: int, called: object) -> str:
    return f'"{_shown(called)}"' if isinstance(called, str) else str(index + 1)


def _step(row: Any, part: int | str) -> Any:
    try:
        return row[part]
    except (KeyError, IndexError, TypeError):
        return None


def _said(detail: ErrorDetails) -> str:
    message = detail["msg"]
    if message.startswith(_OURS):
        return message.removeprefix(_OURS)
    if detail["type"] == "string_pattern_mismatch":
        pattern = str(detail["ctx"]["pattern"])
        return (
            gettext(_FORMS[pattern]) if pattern in _FORMS else gettext("not in the required form")
        )
    if detail["type"] == "string_type":
        return gettext("write it in quotes")
    return f"{message[:1].lower()}{message[1:]}"


def _shown(word: str) -> str:
    """What somebody wrote for a name: cut, and without what could rewrite a screen."""
    short = word if len(word) <= MAX_NAME else f"{word[:MAX_NAME]}…"
    return short if short.isprintable() else ascii(short)[1:-1]
