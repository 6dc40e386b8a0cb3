"""``hedui registrar init | serve``: the authorization registry."""

import typer

from desk import process
from desk.command import PasswordFile, group, options
from desk.process import DatabaseUrl, ExitWithStdin
from registrar.process import KIND

app = group("The registrar: authorizations, manifests, tickets, permits, enrolment.")


@app.command()
def init(
    context: typer.Context, database_url: DatabaseUrl = "", password_file: PasswordFile = None
) -> None:
    """Create the registrar's keys, PRF keys, join request and database."""
    database = process.database_place(database_url, password_file)
    process.init_planned(KIND, options(context).home, database)


@app.command()
def serve(context: typer.Context, exit_with_stdin: ExitWithStdin = False) -> None:
    """Run until stopped. It is ready once run/process.json exists in its folder."""
    process.serve_planned(KIND, options(context).home, exit_with_stdin=exit_with_stdin)
