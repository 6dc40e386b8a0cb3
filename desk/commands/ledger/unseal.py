"""``hedui ledger unseal``: what a failed upgrade kept, into a file that everything reads."""

from pathlib import Path
from typing import Annotated

import typer

from crypto.errors import OpenError
from desk.command import options
from model.messages import gettext as _
from model.messages import ngettext
from runtime.errors import SettingsError
from runtime.site.identity import load_kek_of
from runtime.storage import sealed_copy
from runtime.storage.upgrade import FILE_NAME

OwnProcess = Annotated[str, typer.Argument(help="A process of this home, stopped.")]
CopyFile = Annotated[Path, typer.Option("--to", help="The file to write; there is none yet.")]


def unseal(context: typer.Context, process: OwnProcess, to: CopyFile) -> None:
    """Write the copy that a failed upgrade kept into an SQLite file, in clear: mind where."""
    folder = options(context).home / process
    path = folder / "data" / FILE_NAME
    if not path.is_file():
        raise SettingsError(
            _(
                "{file} does not exist: no upgrade of {process} left a copy",
                file=path,
                process=process,
            )
        )
    try:
        rows = sealed_copy.unseal(path, to, kek=load_kek_of(folder))
    except OpenError as error:
        said = _(
            "{file}: {why}. Is the kek that of {process}?", file=path, why=error, process=process
        )
        raise SettingsError(said) from None
    typer.echo(ngettext("{file}: {n} row", "{file}: {n} rows", rows, file=to))
