"""``hedui person init``: the keys of somebody who acts."""

from typing import Annotated

import typer

from crypto.rng import system_rng
from desk.command import group, options
from runtime.site.joining import init_person, load_site

Names = Annotated[list[str], typer.Argument(help="Names of persons in the plan.")]

app = group("Persons: officers, clerks, checkers, admins, reviewers.")


@app.command()
def init(context: typer.Context, names: Names) -> None:
    """Create keys and a join request for each; the private keys never leave this folder."""
    site = load_site(options(context).home)
    for name in names:
        folder = init_person(site, name, rng=system_rng)
        typer.echo(f"{folder} is ready. Give {folder / 'join.json'} to the ceremony.")
