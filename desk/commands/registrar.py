"""``hedui registrar init | serve``: the authorization registry."""

import typer

from desk import process
from desk.command import PasswordFile, group, options
from desk.process import DatabaseUrl, ExitWithStdin
from registrar.process import KIND
from runtime.site.joining import load_site

app = group("The registrar: authorizations, manifests, tickets, permits, enrolment.")


@app.command()
def init(
    context: typer.Context, database_url: DatabaseUrl = "", password_file: PasswordFile = None
) -> None:
    """Create the registrar's keys, PRF keys, join request and database."""
    database = process.database_place(database_url, password_file)
    site = load_site(options(context).home)
    process.init(site, site.plan.process_of(KIND.role).name, KIND, database)


@app.command()
def serve(context: typer.Context, exit_with_stdin: ExitWithStdin = False) -> None:
    """Serve until a signal. It is ready once run/process.json stands in its folder."""
    home = options(context).home
    name = load_site(home).plan.process_of(KIND.role).name
    process.serve(KIND, home=home, name=name, exit_with_stdin=exit_with_stdin)
