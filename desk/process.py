"""What the programs share of a process: ``init``, ``serve``, where its database is."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from crypto.rng import system_rng
from model.messages import gettext as _
from runtime.clock import SystemClock
from runtime.errors import SettingsError
from runtime.process import Kind, Service, create_database
from runtime.serving import serve as run_service
from runtime.site.database_url import check_url
from runtime.site.joining import DatabasePlace, Site, init_process, load_site

DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--database-url", help="A PostgreSQL database, without its password; default: SQLite."
    ),
]
ExitWithStdin = Annotated[
    bool, typer.Option("--exit-with-stdin", help="Stop when standard input closes.")
]


def database_place(url: str, password_file: Path | None) -> DatabasePlace:
    """What ``init`` was told of the database. Raises SettingsError, without showing a password."""
    if password_file is not None and not url:
        raise SettingsError(
            _("--database-password-file: SQLite has no password; add --database-url")
        )
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
    typer.echo(ready(folder))


def ready(folder: Path) -> str:
    """What ``init`` says when it has made a folder."""
    file = folder / "join.json"
    return _("{folder} is ready. Hand {file} in at the ceremony.", folder=folder, file=file)


def serve(kind: Kind, *, home: Path, name: str, exit_with_stdin: bool) -> None:
    """Serve until a signal; it is ready once run/process.json stands in its folder."""
    run_service(Service(kind, home=home, name=name), exit_with_stdin=exit_with_stdin)


def init_planned(kind: Kind, home: Path, database: DatabasePlace) -> None:
    """``init`` for the one process of its role that the plan names."""
    site = load_site(home)
    init(site, site.plan.process_of(kind.role).name, kind, database)


def serve_planned(kind: Kind, home: Path, *, exit_with_stdin: bool) -> None:
    """``serve`` for the one process of its role that the plan names."""
    name = load_site(home).plan.process_of(kind.role).name
    serve(kind, home=home, name=name, exit_with_stdin=exit_with_stdin)
