"""``hedui authorize``: letters, by a clerk. The rest is ``hedui authorization``."""

from pathlib import Path
from typing import Annotated

import typer

from desk.client import authorizations
from desk.client.letter import read_letter
from desk.commands.authorization import changed
from desk.session import acting

Letters = Annotated[list[Path], typer.Argument(help="Letters, as TOML files.")]


def authorize(context: typer.Context, files: Letters) -> None:
    """Register letters (clerk). They come into force once a checker confirms them."""
    with acting(context) as person:
        # All letters are read before the first is sent.
        letters = [read_letter(path, clerk=person.identity.name) for path in files]
        for path, letter in zip(files, letters, strict=True):
            reply = authorizations.register(person, letter, source=path)
            typer.echo(changed(reply))
