"""``hedui ledger checkpoint | export | copy | verify``: whole ledgers.

``verify`` is offline and is ``python -m ledger.verify``; with a home at hand it takes the keys
that the federation file pins, instead of those that lie beside the log.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from crypto.errors import OpenError
from desk.client import ledgers
from desk.command import Json, PasswordFile, options, print_table
from desk.session import acting
from desk.trust import pinned_keys
from ledger.verify.verdict import main
from runtime.errors import SettingsError
from runtime.site.identity import load_kek_of, read_password
from runtime.storage import sealed_copy
from runtime.storage.copy import copy_ledger
from runtime.storage.upgrade import FILE_NAME

ProcessName = Annotated[str, typer.Argument(help="The process's name in the federation file.")]
ProcessNames = Annotated[list[str], typer.Argument(help="Processes, by name.")]
Target = Annotated[Path, typer.Option("--to", help="Folder for one bundle per process.")]
Url = Annotated[str, typer.Argument(help="The database_url of a process.")]
CopyFile = Annotated[Path, typer.Option("--to", help="The file to write; there is none yet.")]
OwnProcess = Annotated[str, typer.Argument(help="A process of this home, stopped.")]
Paths = Annotated[list[Path], typer.Argument(help="Bundles, or databases of stopped processes.")]


def checkpoint(context: typer.Context, process: ProcessName, as_json: Json = False) -> None:
    """Show a process's newest signed checkpoint; keep it: the log must contain it for ever."""
    with acting(context) as person:
        note, head = ledgers.fetch_checkpoint(person, process)
    if as_json:
        row = {"origin": head.origin, "size": head.size, "root": head.root.hex()}
        print_table([{**row, "note": note.decode()}], {}, as_json=True)
        return
    sys.stdout.write(note.decode())


def export(context: typer.Context, processes: ProcessNames, to: Target) -> None:
    """Fetch whole ledgers, check them against their signed heads, write one bundle each."""
    extra = _federation_files(options(context).home)
    with acting(context) as person:
        for process in processes:
            size = ledgers.export(person, process, to / process, extra=extra)
            typer.echo(f"{to / process}: {size} entries")


def copy(url: Url, to: CopyFile, password_file: PasswordFile = None) -> None:
    """Copy a ledger from PostgreSQL into an SQLite file, for `ledger verify` and the like."""
    password = read_password(password_file) if password_file else ""
    typer.echo(f"{to}: {copy_ledger(url, to, password=password)} entries")


def unseal(context: typer.Context, process: OwnProcess, to: CopyFile) -> None:
    """Write the copy that a failed upgrade kept into an SQLite file, in clear: mind where."""
    folder = options(context).home / process
    path = folder / "data" / FILE_NAME
    if not path.is_file():
        raise SettingsError(f"{path} does not exist: no upgrade of {process} left a copy")
    try:
        rows = sealed_copy.unseal(path, to, kek=load_kek_of(folder))
    except OpenError as error:
        raise SettingsError(f"{path}: {error}. Is the kek that of {process}?") from None
    typer.echo(f"{to}: {rows} rows")


def verify(context: typer.Context, paths: Paths, as_json: Json = False) -> None:
    """Verify ledgers offline: every byte is hashed again. Exit code 0: all intact."""
    arguments = [str(path) for path in paths] + (["--json"] if as_json else [])
    for key in pinned_keys(options(context)):
        arguments += ["--key", key]
    raise typer.Exit(main(arguments))


def _federation_files(home: Path) -> dict[str, bytes]:
    names = ("federation.toml", "federation.toml.sig")
    return {name: (home / name).read_bytes() for name in names if (home / name).is_file()}
