"""``hedui ledger copy``: a ledger out of PostgreSQL, for whoever verifies without it."""

from pathlib import Path
from typing import Annotated

import typer

from desk.command import PasswordFile
from model.messages import ngettext
from runtime.site.identity import read_password
from runtime.storage.copy import copy_ledger

Url = Annotated[str, typer.Argument(help="The database_url of the process.")]
CopyFile = Annotated[Path, typer.Option("--to", help="The file to write; it must not exist yet.")]


def copy(url: Url, to: CopyFile, password_file: PasswordFile = None) -> None:
    """Copy a ledger from PostgreSQL into an SQLite file, for `ledger verify` and the like."""
    password = read_password(password_file) if password_file else ""
    size = copy_ledger(url, to, password=password)
    typer.echo(ngettext("{file}: {n} entry", "{file}: {n} entries", size, file=to))
