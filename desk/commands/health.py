"""``health``, of both command lines: how the processes of this home are."""

from typing import Annotated, Any, Final

import typer

from desk.client import health as client
from desk.client.health import Health
from desk.command import Json, options, print_table
from runtime.errors import ExitCode

COLUMNS: Final = {
    "process": "process",
    "state": "state",
    "refused_text": "calls that failed before a handler",
}
Only = Annotated[list[str] | None, typer.Argument(help="Processes of this home; all by default.")]


def health(context: typer.Context, processes: Only = None, as_json: Json = False) -> None:
    """Show whether each process of this home serves, and the calls that failed at its door.

    Exit code 5 where one does not serve. Counts begin with the process.
    """
    found = list(client.health(options(context).home, processes or []))
    print_table(
        [_row(each) for each in found], COLUMNS, as_json=as_json, empty="no process in this home"
    )
    if any(each.state != "SERVING" for each in found):
        raise typer.Exit(int(ExitCode.UNREACHABLE))


def _row(found: Health) -> dict[str, Any]:
    return {
        "process": found.process,
        "state": found.state,
        "refused": dict(found.refused),
        "refused_text": ", ".join(f"{reason}: {n}" for reason, n in found.refused.items()),
    }
