"""Settings: frozen, with units in their names; a key that nobody knows is refused.

Source: design.md 7.3.
Trusts: whoever may write the process's folder.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from model.limits import MAX_MESSAGE_BYTES
from runtime.errors import SettingsError
from runtime.site.database_url import check_url

MAX_SETTINGS_BYTES = 65_536

HexKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""An Ed25519 or X25519 public key: 32 bytes, lower-case hex."""

Address = Annotated[str, Field(pattern=r"^[^\s:/]+:[0-9]{1,5}$", max_length=255)]
"""``host:port``; port 0 asks the system for a free one."""


class Settings(BaseModel):
    """Base of every file of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ServerSettings(Settings):
    """Bounds of a process's server."""

    threads: int = Field(default=16, ge=1, le=256)
    max_concurrent_calls: int = Field(default=64, ge=1, le=4096)
    max_message_bytes: int = Field(default=MAX_MESSAGE_BYTES, ge=1 << 16, le=MAX_MESSAGE_BYTES)
    max_deadline_s: int = Field(default=600, ge=1, le=3600)
    stop_grace_s: int = Field(default=10, ge=0, le=600)


class ProcessSettings(Settings):
    """``process.toml``. A role with settings of its own subclasses this."""

    name: str
    role: str
    # Ed25519 key of the federation's root: federation.toml is taken under no other.
    root_verify_key: HexKey
    listen: Address = "127.0.0.1:0"
    health_listen: Address = "127.0.0.1:0"
    # Empty: SQLite in the process's own data folder. Else a PostgreSQL URL without a password.
    database_url: str = Field(default="", max_length=2048)
    # The password's file, one line. Empty: libpq's own ways, as ~/.pgpass or peer.
    database_password_file: str = ""
    # Empty: keys/kek. In production a path outside the data folder, as from LoadCredential.
    kek_file: str = ""
    # How long a write may take before the process refuses and turns NOT_SERVING.
    ledger_timeout_ms: int = Field(default=5_000, ge=100, le=60_000)
    # Memory for powers of the joint key's base. 64 encrypts about a quarter faster than 24, and
    # takes a second more to build: for departments that answer thousands of households.
    paillier_table_mib: int = Field(default=24, ge=16, le=64)
    certificate_warning_days: int = Field(default=30, ge=1, le=366)
    server: ServerSettings = ServerSettings()

    @field_validator("database_url")
    @classmethod
    def _database(cls, url: str) -> str:
        return check_url(url) if url else url


class PersonSettings(Settings):
    """``people/NAME/person.toml``."""

    name: str
    root_verify_key: HexKey


S = TypeVar("S", bound=BaseModel)


def load_settings(path: Path, model: type[S]) -> S:
    """Read a TOML file of settings; raises SettingsError naming file, key and mend."""
    table = load_toml(path)
    try:
        return model.model_validate(table)
    except ValidationError as error:
        lines = (_explain(detail, model) for detail in error.errors())
        raise SettingsError(f"{path}: " + "; ".join(lines)) from None


def load_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file of at most 64 KiB; raises SettingsError naming file and line."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SettingsError(f"{path} is missing") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_SETTINGS_BYTES:
        raise SettingsError(f"{path} has more than {MAX_SETTINGS_BYTES} bytes")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None


def _explain(detail: ErrorDetails, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = _known_keys(model, [str(part) for part in detail["loc"][:-1]])
        return f'unknown key "{where}"' + did_you_mean(str(detail["loc"][-1]), known)
    if detail["type"] == "missing":
        return f'key "{where}" is missing'
    said = detail["msg"].removeprefix("Value error, ")
    return f'key "{where}": {said[:1].lower()}{said[1:]}'


def did_you_mean(word: str, known: list[str]) -> str:
    """Return ``. Did you mean "listen"?``, or the known words when none is near."""
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f'. Did you mean "{near[0]}"?'
    return f" (known: {', '.join(known)})" if known else ""


def _known_keys(model: type[BaseModel], path: list[str]) -> list[str]:
    current: Any = model
    for part in path:
        field = current.model_fields.get(part)
        current = field.annotation if field is not None else None
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            return []
    return sorted(current.model_fields)


def to_toml(table: Mapping[str, Any]) -> str:
    """Write strings, integers, booleans, lists of these, tables, and lists of tables, as TOML.

    ``to_toml(settings.model_dump(mode="json"))`` is what ``load_settings`` reads back. Raises
    TypeError for anything else.
    """
    return "\n".join(_toml_lines(table, ())) + "\n"


def _toml_lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for key, value in table.items():
        if not (isinstance(value, Mapping) or _is_tables(value)):
            yield f"{_toml_key(key)} = {_toml_value(value)}"
    for key, value in table.items():
        inner = (*path, key)
        name = ".".join(_toml_key(part) for part in inner)
        if isinstance(value, Mapping):
            yield f"\n[{name}]"
            yield from _toml_lines(value, inner)
        elif _is_tables(value):
            for row in value:
                yield f"\n[[{name}]]"
                yield from _toml_lines(row, inner)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _toml_text(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no place in a file of settings")


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml_text(key)


def _toml_text(text: str) -> str:
    # JSON's escapes are TOML's; only the delete character is allowed in one and not the other.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
