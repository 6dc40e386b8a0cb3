"""``health``, of both command lines: how the processes of this home are."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from desk.command import Json, options, print_table

_TIMEOUT_S: Final = 2.0
_DOWN: Final = 5
COLUMNS: Final = {
    "process": "process",
    "state": "state",
    "refused_text": "calls that failed before a handler",
}
Only = Annotated[list[str] | None, typer.Argument(help="Processes of this home; all by default.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("health")(health)


def health(context: typer.Context, processes: Only = None, as_json: Json = False) -> None:
    """Show whether each process of this home serves, and the calls that failed at its door.

    Exit code 5 where one does not serve. Counts begin with the process.
    """
    rows = [_row(folder) for folder in _folders(options(context).home, processes or [])]
    print_table(rows, COLUMNS, as_json=as_json, empty="no process in this home")
    if any(row["state"] != "SERVING" for row in rows):
        raise typer.Exit(_DOWN)


def _folders(home: Path, names: list[str]) -> list[Path]:
    from runtime.errors import SettingsError

    found = sorted(path.parent for path in home.glob("*/process.toml"))
    known = [folder.name for folder in found]
    for name in names:
        if name not in known:
            raise SettingsError(
                f'{home} has no process "{name}" (there are: {", ".join(known) or "none"})'
            )
    return [folder for folder in found if not names or folder.name in names]


def _row(folder: Path) -> dict[str, Any]:
    from runtime.site.endpoints import read_run_file
    from runtime.transport.health import read_health

    run = read_run_file(folder)
    found = None if run is None else read_health(run.health_address, timeout_s=_TIMEOUT_S)
    if found is None:
        return {"process": folder.name, "state": "down", "refused": {}, "refused_text": ""}
    return {
        "process": folder.name,
        "state": "SERVING" if found.serving else "NOT_SERVING",
        "refused": dict(found.refused),
        "refused_text": ", ".join(f"{reason}: {n}" for reason, n in found.refused.items()),
    }
