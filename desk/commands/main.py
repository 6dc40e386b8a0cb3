"""``hedui``: the root of the command line. Each module of MODULES registers its commands."""

from importlib import import_module

import typer

from desk.command import root_callback, run
from desk.commands import health as health_command

MODULES = (
    "federation",
    "person",
    "registrar",
    "budget",
    "authorization",
    "coordinator",
    "policy",
    "verify",
    "case",
    "ledger",
    "witness",
    "keys",
)
"""Modules of this package, in the order of ``--help``; each has ``register(app)``."""


def build() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        name="hedui",
        help="Hedui (核对): does this household qualify? For civil affairs, registrar, reviewers.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(root_callback())
    for name in MODULES:
        import_module(f"desk.commands.{name}").register(app)
    health_command.register(app)
    return app


def main() -> None:
    """The entry point of ``hedui``."""
    run(build(), "hedui")


if __name__ == "__main__":
    main()
