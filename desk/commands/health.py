"""``health``, of both command lines: how the processes of this home are."""

from typing import Annotated, Any, Final

import typer

from desk.client import health as client
from desk.client.health import Health
from desk.command import Json, options, print_table
from model.messages import N_, pgettext
from runtime.errors import ExitCode

COLUMNS: Final = {
    "process": N_("process"),
    "state": N_("state"),
    "refused_text": N_("calls turned away at the door"),
}
Only = Annotated[list[str] | None, typer.Argument(help="Processes of this home; default: all.")]


def health(context: typer.Context, processes: Only = None, as_json: Json = False) -> None:
    """Show whether each process of this home is serving, and which calls it turned away.

    Exit code 5 if one is not serving. Counts start again when the process does.
    """
    found = list(client.health(options(context).home, processes or []))
    rows = [_row(each) for each in found]
    if not as_json:
        rows = [row | {"state": pgettext("process", row["state"])} for row in rows]
    print_table(
        rows,
        COLUMNS,
        as_json=as_json,
        empty=N_("no process in this home"),
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
