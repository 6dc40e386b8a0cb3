"""``hedui person init``: the keys of somebody who acts."""

from typing import Annotated

import typer

from desk.command import options

Names = Annotated[list[str], typer.Argument(help="Names of persons in the plan.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        help="Persons: officers, clerks, checkers, admins, reviewers.", no_args_is_help=True
    )
    group.callback()(_group)
    group.command("init")(init)
    app.add_typer(group, name="person")


def _group() -> None:
    """Persons: officers, clerks, checkers, admins, reviewers."""


def init(context: typer.Context, names: Names) -> None:
    """Create keys and a join request for each; the private keys never leave this folder."""
    from crypto.rng import system_rng
    from runtime.site.joining import init_person, load_site

    site = load_site(options(context).home)
    for name in names:
        folder = init_person(site, name, rng=system_rng)
        typer.echo(f"{folder} is ready. Give {folder / 'join.json'} to the ceremony.")
