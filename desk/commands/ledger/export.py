"""``hedui ledger checkpoint | export``: whole ledgers of running processes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from desk.client import ledgers
from desk.command import Json, options, print_table
from desk.session import acting
from model.messages import ngettext

ProcessName = Annotated[str, typer.Argument(help="The process's name in the federation file.")]
ProcessNames = Annotated[list[str], typer.Argument(help="Processes, by name.")]
Target = Annotated[Path, typer.Option("--to", help="Folder that gets one bundle for each process.")]


def checkpoint(context: typer.Context, process: ProcessName, as_json: Json = False) -> None:
    """Show a process's newest signed checkpoint; keep it: the log must always contain it."""
    with acting(context) as person:
        note, head = ledgers.fetch_checkpoint(person, process)
    if as_json:
        row = head.fields()
        print_table([{**row, "note": note.decode()}], {}, as_json=True)
        return
    sys.stdout.write(note.decode())


def export(context: typer.Context, processes: ProcessNames, to: Target) -> None:
    """Fetch whole ledgers, check them against their signed heads, write a bundle of each."""
    extra = _federation_files(options(context).home)
    with acting(context) as person:
        for process in processes:
            size = ledgers.export(person, process, to / process, extra=extra)
            said = ngettext("{file}: {n} entry", "{file}: {n} entries", size, file=to / process)
            typer.echo(said)


def _federation_files(home: Path) -> dict[str, bytes]:
    names = ("federation.toml", "federation.toml.sig")
    return {name: (home / name).read_bytes() for name in names if (home / name).is_file()}
