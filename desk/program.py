"""A program: its global options, its commands found when they are called, how errors end it.

What this module imports, ``hedui --help`` waits for: nothing that is heavy.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from model.messages import Language, gettext, language_of, speak

Home = Annotated[Path | None, typer.Option("--home", help="The folder of this site, HEDUI_HOME.")]
ProfileOption = Annotated[
    Path | None, typer.Option("--profile", help="A hedui.toml, or the folder that holds one.")
]
PersonOption = Annotated[
    str, typer.Option("--person", help="Who is acting: a name under HOME/people.")
]
Lang = Annotated[
    Language | None,
    typer.Option(
        "--lang",
        help="The language of messages; default: HEDUI_LANG, else the locale's.",
        # Before --help, which speaks it.
        is_eager=True,
        callback=lambda chosen: speak(chosen or language_of(os.environ)),
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the full trace of an error.")]


@dataclass(frozen=True)
class Given:
    """The global options as they were given."""

    home: Path | None
    profile: Path | None
    person: str
    verbose: bool


@dataclass(frozen=True)
class Lazy:
    """A command that is imported when it is called or helped.

    Attributes:
        module: Where it is: the module's ``app``, a group; or its function of this name.
        help: The first paragraph of its help, for the list of commands; a test compares.
        function: Empty for a group.
    """

    module: str
    help: str
    function: str = ""

    def load(self, name: str) -> Any:
        """Import it and return the command."""
        module = import_module(self.module)
        if self.function:
            single = typer.Typer(add_completion=False)
            single.command(name)(getattr(module, self.function))
            return say_help(get_command(single))
        command = get_command(module.app)
        command.name = name
        return say_help(command)


def say_help(command: Any) -> Any:
    """Turn the help of a command, and of all below it, into the reader's language."""
    for each in [command, *command.params]:
        if getattr(each, "help", None):
            each.help = gettext(each.help)
    for below in getattr(command, "commands", {}).values():
        say_help(below)
    return command


class LazyGroup(TyperGroup):
    """A group whose commands stand in a table (the pattern of click's documentation)."""

    table: ClassVar[Mapping[str, Lazy]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        # Enough for the list of commands, and for suggestions.
        for name, lazy in self.table.items():
            self.commands[name] = TyperCommand(name, help=lazy.help)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Say the program's own help in the language that its options have chosen by now."""
        say_help(self)
        super().format_help(ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is called, and import it."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, self.load(name) if name and name in self.table else found, rest

    def load(self, name: str) -> Any:
        """Import one command."""
        return self.table[name].load(name)

    def loaded(self) -> dict[str, Any]:
        """Every command, imported; for the page of commands and for tests."""
        return {name: self.load(name) for name in self.table}


def root(cls: type[LazyGroup], *, name: str, help: str) -> typer.Typer:
    """A whole program with these commands; its callback stores the global options."""
    app = typer.Typer(
        name=name,
        cls=cls,
        help=help,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_callback())
    return app


def _callback() -> Callable[..., None]:
    def callback(
        context: typer.Context,
        home: Home = None,
        profile: ProfileOption = None,
        person: PersonOption = "",
        lang: Lang = None,
        verbose: Verbose = False,
    ) -> None:
        context.obj = Given(home, profile, person, verbose)

    return callback


def run(app: typer.Typer, program: str) -> None:
    """Run a command line and leave the process with its exit code.

    A command raises what it met; here it becomes one sentence on standard error.
    """
    speak(language_of(os.environ))
    verbose = "--verbose" in sys.argv
    try:
        app(prog_name=program)
    except Exception as error:
        if verbose:
            raise
        # Whatever ran has imported as much.
        from desk.words import sentence, visible
        from runtime.errors import exit_code

        sys.stderr.write(f"{program}: {visible(sentence(error))}\n")
        sys.exit(int(exit_code(error)))
