"""How the processes of a home are: each on its health port, without a key."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from model.messages import gettext as _
from runtime.errors import SettingsError
from runtime.site.endpoints import read_run_file
from runtime.transport.health import read_health

_TIMEOUT_S: Final = 2.0


State = Literal["SERVING", "NOT_SERVING", "down"]


@dataclass(frozen=True)
class Health:
    """One process: its state, and the calls that failed before a handler, by reason."""

    process: str
    state: State
    refused: Mapping[str, int] = field(default_factory=dict)


def health(home: Path, names: Sequence[str] = ()) -> Iterator[Health]:
    """The named processes of this home, all by default. SettingsError for an unknown name."""
    for folder in _folders(home, names):
        yield _read(folder)


def _folders(home: Path, names: Sequence[str]) -> list[Path]:
    found = sorted(path.parent for path in home.glob("*/process.toml"))
    known = [folder.name for folder in found]
    for name in names:
        if name not in known:
            raise SettingsError(
                _(
                    '{home} has no process "{name}" (it has: {known})',
                    home=home,
                    name=name,
                    known=", ".join(known) or _("none"),
                )
            )
    return [folder for folder in found if not names or folder.name in names]


def _read(folder: Path) -> Health:
    run = read_run_file(folder)
    found = None if run is None else read_health(run.health_address, timeout_s=_TIMEOUT_S)
    if found is None:
        return Health(folder.name, "down")
    return Health(folder.name, "SERVING" if found.serving else "NOT_SERVING", dict(found.refused))
