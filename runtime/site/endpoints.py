"""Where processes listen: unsigned addresses, because certificates pin who answers there.

Source: design.md 2.1.7, 5.8.
A process on this machine writes ``run/process.json`` once it serves; that comes first. Others
stand in ``endpoints.toml``, under ``[processes]``.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from model.messages import gettext as _
from model.toml import to_toml
from runtime.errors import SettingsError, Unreachable
from runtime.site.settings import Address, Settings, load_settings

FILE_NAME = "endpoints.toml"


class EndpointSettings(Settings):
    """``endpoints.toml``."""

    processes: dict[str, Address] = Field(default={}, max_length=256)


class RunFile(Settings):
    """``run/process.json``: what a process says about itself while it serves."""

    pid: int
    # RFC 3339, UTC.
    start_time: str
    address: Address
    health_address: Address


@dataclass(frozen=True)
class Endpoints:
    """Resolves names anew at every use, so that a restarted process is found again."""

    home: Path

    def address(self, name: str) -> str:
        """Return ``host:port``.

        Raises Unreachable where the process lives in this home and does not run, and
        SettingsError where nothing says where it is.
        """
        run = read_run_file(self.home / name)
        if run is not None and is_alive(run.pid):
            return run.address
        listed = self._listed().get(name)
        if listed is not None:
            return listed
        if (self.home / name / "process.toml").is_file():
            raise Unreachable(name, f"{name} is not running: start it with `serve`")
        raise SettingsError(
            _(
                '{file} has no address for "{name}". Add, under [processes], {name} = "host:port"',
                file=self.home / FILE_NAME,
                name=name,
            )
        )

    def _listed(self) -> dict[str, str]:
        path = self.home / FILE_NAME
        return load_settings(path, EndpointSettings).processes if path.is_file() else {}


def write_endpoints(home: Path, addresses: dict[str, str]) -> None:
    """Write ``endpoints.toml`` whole, for the ceremony and ``federation join``."""
    table = EndpointSettings(processes=addresses).model_dump()
    write_atomically(home / FILE_NAME, to_toml(table).encode("utf-8"))


def run_path(folder: Path) -> Path:
    """Return the run file of the process whose folder this is."""
    return folder / "run" / "process.json"


def write_run_file(folder: Path, run: RunFile) -> None:
    """Write it atomically: a reader sees none or all of it."""
    path = run_path(folder)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, run.model_dump_json().encode("utf-8") + b"\n")


def read_run_file(folder: Path) -> RunFile | None:
    """Return what a process wrote, None where there is nothing readable."""
    try:
        return RunFile.model_validate(json.loads(run_path(folder).read_bytes()))
    except (OSError, ValueError, ValidationError):
        return None


def remove_run_file(folder: Path, *, pid: int) -> None:
    """Remove the run file if this process wrote it; a successor's stays."""
    run = read_run_file(folder)
    if run is not None and run.pid == pid:
        run_path(folder).unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Say whether a process of this number exists; of any user, and perhaps another program."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file so that a reader, or a crash, sees the old bytes or the new ones.

    The file has its mode from its first byte on: a secret is never readable for a moment.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(data)
        file.flush()
        os.fsync(handle)
    temporary.replace(path)
