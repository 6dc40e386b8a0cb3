"""``hedui ledger copy``: a ledger out of PostgreSQL, for whoever verifies without it."""

from pathlib import Path
from typing import Annotated

import typer

from desk.command import PasswordFile
from runtime.site.identity import read_password
from runtime.storage.copy import copy_ledger

Url = Annotated[str, typer.Argument(help="The database_url of a process.")]
CopyFile = Annotated[Path, typer.Option("--to", help="The file to write; there is none yet.")]


def copy(url: Url, to: CopyFile, password_file: PasswordFile = None) -> None:
    """Copy a ledger from PostgreSQL into an SQLite file, for `ledger verify` and the like."""
    password = read_password(password_file) if password_file else ""
    typer.echo(f"{to}: {copy_ledger(url, to, password=password)} entries")
