"""``hedui person init``: the keys of somebody who acts."""

from typing import Annotated

import typer

from crypto.rng import system_rng
from desk.command import group, options
from desk.process import ready
from runtime.site.joining import init_person, load_site

Names = Annotated[list[str], typer.Argument(help="Names of people in the plan.")]

app = group("People: officers, clerks, checkers, admins, reviewers.")


@app.command()
def init(context: typer.Context, names: Names) -> None:
    """Create keys and a join request for each; the private keys never leave their folder."""
    site = load_site(options(context).home)
    for name in names:
        folder = init_person(site, name, rng=system_rng)
        typer.echo(ready(folder))
