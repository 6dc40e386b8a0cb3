"""``hedui coordinator init | serve``: the process of civil affairs, or of another requester."""

from typing import Annotated

import typer

from coordinator.process import KIND
from desk import process
from desk.command import PasswordFile, group, options
from desk.process import DatabaseUrl, ExitWithStdin
from model.mistakes import did_you_mean
from model.plan import Plan
from runtime.errors import SettingsError
from runtime.site.joining import load_site

app = group("The coordinator: cases of the verification centre.")

Name = Annotated[
    str, typer.Argument(help="Its name in the plan; not needed where the plan has one coordinator.")
]


@app.command()
def init(
    context: typer.Context,
    name: Name = "",
    database_url: DatabaseUrl = "",
    password_file: PasswordFile = None,
) -> None:
    """Create the coordinator's keys, join request and database, under its name in the plan."""
    database = process.database_place(database_url, password_file)
    site = load_site(options(context).home)
    process.init(site, _named(site.plan, name), KIND, database)


@app.command()
def serve(context: typer.Context, name: Name = "", exit_with_stdin: ExitWithStdin = False) -> None:
    """Serve until a signal. It is ready once run/process.json stands in its folder."""
    home = options(context).home
    name = _named(load_site(home).plan, name)
    process.serve(KIND, home=home, name=name, exit_with_stdin=exit_with_stdin)


def _named(plan: Plan, name: str) -> str:
    """The coordinator that is meant: the named one, else the plan's only one."""
    there = [requester.name for requester in plan.requesters]
    if name and name not in there:
        raise SettingsError(f'plan.toml has no coordinator "{name}"{did_you_mean(name, there)}')
    if not name and len(there) > 1:
        raise SettingsError(
            f"plan.toml has {len(there)} coordinators ({', '.join(there)}): say which, such as "
            f"`hedui coordinator init {there[0]}`"
        )
    return name or there[0]
