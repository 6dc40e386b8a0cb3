"""Settings: frozen, with units in their names; a key that nobody knows is refused.

Source: design.md 7.3.
Trusts: whoever may write the process's folder.
"""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from model.limits import MAX_MESSAGE_BYTES, MAX_SETTINGS_BYTES, MAX_TOML_VALUES
from model.messages import gettext as _
from model.mistakes import explain
from model.toml import TomlError, parse_toml
from runtime.errors import SettingsError
from runtime.site.database_url import check_url

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
        raise SettingsError(f"{path}: {explain(error, model, table)}") from None


def load_toml(path: Path, *, max_bytes: int = MAX_SETTINGS_BYTES) -> dict[str, Any]:
    """Read a TOML file of 64 KiB or another bound; raises SettingsError naming file and line."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise SettingsError(_("{file} is missing", file=path)) from None
    except OSError as error:
        raise SettingsError(
            _("{file} cannot be read: {why}", file=path, why=error.strerror)
        ) from None
    if len(data) > max_bytes:
        raise SettingsError(_("{file} is larger than {n} bytes", file=path, n=max_bytes))
    try:
        return parse_toml(data, source=str(path), max_bytes=max_bytes, max_values=MAX_TOML_VALUES)
    except TomlError as error:
        raise SettingsError(str(error)) from None
