"""What the programs share of a process: ``init``, ``serve``, where its database is."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from crypto.rng import system_rng
from runtime.clock import SystemClock
from runtime.errors import SettingsError
from runtime.process import Kind, Service, create_database
from runtime.serving import serve as run_service
from runtime.site.database_url import check_url
from runtime.site.joining import DatabasePlace, Site, init_process

DatabaseUrl = Annotated[
    str, typer.Option("--database-url", help="PostgreSQL, without a password; default: SQLite.")
]
ExitWithStdin = Annotated[
    bool, typer.Option("--exit-with-stdin", help="Stop when standard input closes.")
]


def database_place(url: str, password_file: Path | None) -> DatabasePlace:
    """What ``init`` was told of the database. Raises SettingsError, without showing a password."""
    if password_file is not None and not url:
        raise SettingsError("--database-password-file: SQLite has no password; add --database-url")
    try:
        checked = check_url(url) if url else ""
    except ValueError as error:
        raise SettingsError(f"--database-url: {error}") from None
    return DatabasePlace(checked, str(password_file.resolve()) if password_file else "")


def init(site: Site, name: str, kind: Kind, database: DatabasePlace) -> None:
    """Create one process's keys, join request and database, or nothing, and say so."""
    folder = init_process(
        site, name, roles=frozenset({kind.role}), rng=system_rng, database=database
    )
    try:
        create_database(folder, kind, federation=site.plan.name, clock=SystemClock())
    except BaseException:
        # Nobody has seen these keys yet.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    typer.echo(f"{folder} is ready. Give {folder / 'join.json'} to the ceremony.")


def serve(kind: Kind, *, home: Path, name: str, exit_with_stdin: bool) -> None:
    """Serve until a signal; it is ready once run/process.json stands in its folder."""
    run_service(Service(kind, home=home, name=name), exit_with_stdin=exit_with_stdin)
