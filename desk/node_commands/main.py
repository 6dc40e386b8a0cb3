"""``hedui-node``: the root of the command line. Each module of MODULES registers its commands."""

from importlib import import_module

import typer

from desk.command import root_callback, run
from desk.commands import health as health_command

MODULES = ("process", "records", "policy")
"""Modules of this package, in the order of ``--help``; each has ``register(app)``."""


def build() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        name="hedui-node",
        help="A department's node: its records, its index, what it answers. For department admins.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(root_callback())
    for name in MODULES:
        import_module(f"desk.node_commands.{name}").register(app)
    health_command.register(app)
    return app


def main() -> None:
    """The entry point of ``hedui-node``."""
    run(build(), "hedui-node")


if __name__ == "__main__":
    main()
