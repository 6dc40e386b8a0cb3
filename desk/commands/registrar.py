"""``hedui registrar init | serve``: the authorization registry."""

from typing import Annotated

import typer

from desk.command import DatabaseUrl, PasswordFile, database_place, options

ExitWithStdin = Annotated[
    bool, typer.Option("--exit-with-stdin", help="Stop when standard input closes.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        help="The registrar: authorizations, manifests, tickets, permits, enrolment.",
        no_args_is_help=True,
    )
    group.command("init")(init)
    group.command("serve")(serve)
    app.add_typer(group, name="registrar")


def init(
    context: typer.Context, database_url: DatabaseUrl = "", password_file: PasswordFile = None
) -> None:
    """Create the registrar's keys, PRF keys, join request and database."""
    import shutil

    from crypto.rng import system_rng
    from model.roles import Role
    from registrar.process import KIND
    from runtime.clock import SystemClock
    from runtime.process import create_database
    from runtime.site.joining import init_process, load_site

    database = database_place(database_url, password_file)
    site = load_site(options(context).home)
    name = site.plan.process_of(Role.REGISTRAR).name
    folder = init_process(
        site, name, roles=frozenset({Role.REGISTRAR}), rng=system_rng, database=database
    )
    try:
        create_database(folder, KIND, federation=site.plan.name, clock=SystemClock())
    except BaseException:
        # Nobody has seen these keys yet.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    typer.echo(f"{folder} is ready. Give {folder / 'join.json'} to the ceremony.")


def serve(context: typer.Context, exit_with_stdin: ExitWithStdin = False) -> None:
    """Serve until a signal. It is ready once run/process.json stands in its folder."""
    from model.roles import Role
    from registrar.process import KIND
    from runtime.process import Service
    from runtime.serving import serve as run_service
    from runtime.site.joining import load_site

    home = options(context).home
    name = load_site(home).plan.process_of(Role.REGISTRAR).name
    run_service(Service(KIND, home=home, name=name), exit_with_stdin=exit_with_stdin)
