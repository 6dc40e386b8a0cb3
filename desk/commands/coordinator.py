"""``hedui coordinator init | serve``: the process of civil affairs."""

import typer

from coordinator.process import KIND
from desk import process
from desk.command import PasswordFile, group, options
from desk.process import DatabaseUrl, ExitWithStdin

app = group("The coordinator: cases of the verification centre.")


@app.command()
def init(
    context: typer.Context, database_url: DatabaseUrl = "", password_file: PasswordFile = None
) -> None:
    """Create the coordinator's keys, join request and database, under its name in the plan."""
    database = process.database_place(database_url, password_file)
    process.init_planned(KIND, options(context).home, database)


@app.command()
def serve(context: typer.Context, exit_with_stdin: ExitWithStdin = False) -> None:
    """Run until stopped. It is ready once run/process.json exists in its folder."""
    process.serve_planned(KIND, options(context).home, exit_with_stdin=exit_with_stdin)
