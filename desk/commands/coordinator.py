"""``hedui coordinator init | serve``: the process of civil affairs."""

import typer

from coordinator.process import KIND
from desk import process
from desk.command import PasswordFile, group, options
from desk.process import DatabaseUrl, ExitWithStdin
from runtime.site.joining import load_site

app = group("The coordinator: cases of the verification centre.")


@app.command()
def init(
    context: typer.Context, database_url: DatabaseUrl = "", password_file: PasswordFile = None
) -> None:
    """Create the coordinator's keys, join request and database, under its name in the plan."""
    database = process.database_place(database_url, password_file)
    site = load_site(options(context).home)
    process.init(site, site.plan.process_of(KIND.role).name, KIND, database)


@app.command()
def serve(context: typer.Context, exit_with_stdin: ExitWithStdin = False) -> None:
    """Serve until a signal. It is ready once run/process.json stands in its folder."""
    home = options(context).home
    name = load_site(home).plan.process_of(KIND.role).name
    process.serve(KIND, home=home, name=name, exit_with_stdin=exit_with_stdin)
