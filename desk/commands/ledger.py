"""``hedui ledger``: the reviewer's commands; the larger ones stand in modules of their own.

``verify`` is offline and is ``python -m ledger.verify``; with a home at hand it takes the keys
that the federation file pins, instead of those that lie beside the log.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from desk.command import Json, Options, PasswordFile, options, print_table
from desk.commands import looking, naming, proving, rechecking, reconciling, reporting, sampling

ProcessName = Annotated[str, typer.Argument(help="The process's name in the federation file.")]
ProcessNames = Annotated[list[str], typer.Argument(help="Processes, by name.")]
Target = Annotated[Path, typer.Option("--to", help="Folder for one bundle per process.")]
Url = Annotated[str, typer.Argument(help="The database_url of a process.")]
CopyFile = Annotated[Path, typer.Option("--to", help="The file to write; there is none yet.")]
Paths = Annotated[list[Path], typer.Argument(help="Bundles, or databases of stopped processes.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="Ledgers (账本): read, export, verify.", no_args_is_help=True)
    group.command("checkpoint")(checkpoint)
    group.command("export")(export)
    group.command("copy")(copy)
    group.command("verify")(verify)
    for part in (looking, reconciling, proving, rechecking, reporting, naming, sampling):
        part.register(group)
    app.add_typer(group, name="ledger")


def checkpoint(context: typer.Context, process: ProcessName, as_json: Json = False) -> None:
    """Show a process's newest signed checkpoint; keep it: the log must contain it for ever."""
    from desk.client.acting import act
    from desk.commands.exporting import fetch_checkpoint

    with act(options(context)) as acting:
        note, head = fetch_checkpoint(acting, process)
    if as_json:
        row = {"origin": head.origin, "size": head.size, "root": head.root.hex()}
        print_table([{**row, "note": note.decode()}], {}, as_json=True)
        return
    sys.stdout.write(note.decode())


def export(context: typer.Context, processes: ProcessNames, to: Target) -> None:
    """Fetch whole ledgers, check them against their signed heads, write one bundle each."""
    from desk.client.acting import act
    from desk.commands import exporting

    chosen = options(context)
    extra = _federation_files(chosen.home)
    with act(chosen) as acting:
        for process in processes:
            size = exporting.export(acting, process, to / process, extra=extra)
            typer.echo(f"{to / process}: {size} entries")


def copy(url: Url, to: CopyFile, password_file: PasswordFile = None) -> None:
    """Copy a ledger from PostgreSQL into an SQLite file, for `ledger verify` and the like."""
    from runtime.site.identity import read_password
    from runtime.storage.copy import copy_ledger

    password = read_password(password_file) if password_file else ""
    typer.echo(f"{to}: {copy_ledger(url, to, password=password)} entries")


def verify(context: typer.Context, paths: Paths, as_json: Json = False) -> None:
    """Verify ledgers offline: every byte is hashed again. Exit code 0: all intact."""
    from ledger.verify.verdict import main

    arguments = [str(path) for path in paths] + (["--json"] if as_json else [])
    for key in pinned_keys(options(context)):
        arguments += ["--key", key]
    raise typer.Exit(main(arguments))


def _federation_files(home: Path) -> dict[str, bytes]:
    names = ("federation.toml", "federation.toml.sig")
    return {name: (home / name).read_bytes() for name in names if (home / name).is_file()}


def pinned_keys(chosen: Options) -> list[str]:
    """Keys of all logs and witnesses as this home's federation file pins them; none without one.

    Raises SettingsError for a federation file that is not the root's.
    """
    from desk.commands.exporting import verifier_of
    from runtime.errors import SettingsError
    from runtime.site.identity import load_federation
    from runtime.site.joining import load_site
    from runtime.witness.service import witness_verifiers

    try:
        home = chosen.home
    except SettingsError:
        return []
    if not (home / "federation.toml").is_file():
        return []
    federation = load_federation(home, load_site(home).root_verify_key)
    logs = [verifier_of(federation, each.name, each.verify_key) for each in federation.process]
    return [each.vkey() for each in (*logs, *witness_verifiers(federation))]
