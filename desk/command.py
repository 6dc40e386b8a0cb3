"""What both command lines share: global options, where the home is, how errors end a command.

A command raises what it met; ``run`` turns it into one sentence on standard error and an exit
code. Imports of the heavy layers stay inside the commands, so that ``--help`` is quick.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from runtime.site.joining import DatabasePlace
    from runtime.site.profile import Profile

Home = Annotated[Path | None, typer.Option("--home", help="HEDUI_HOME: the folder of this site.")]
ProfileOption = Annotated[
    Path | None, typer.Option("--profile", help="hedui.toml, or the folder that holds it.")
]
PersonOption = Annotated[str, typer.Option("--person", help="Who acts: a name under HOME/people.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show the whole trace of an error.")]
DatabaseUrl = Annotated[
    str, typer.Option("--database-url", help="PostgreSQL, without a password; default: SQLite.")
]
PasswordFile = Annotated[
    Path | None, typer.Option("--database-password-file", help="One line; mode 0600 or 0640.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@dataclass(frozen=True)
class Options:
    """The global options of one command."""

    home_option: Path | None
    profile_option: Path | None
    person_option: str
    verbose: bool

    @property
    def home(self) -> Path:
        """The absolute home: ``--home``, else the profile's. Raises SettingsError."""
        if self.home_option is not None:
            return self.home_option.resolve()
        return self._profile().home

    @property
    def person(self) -> str:
        """Who acts: ``--person``, else the profile's. Raises SettingsError where none does."""
        from runtime.errors import SettingsError

        name = self.person_option or ("" if self.home_option else self._profile().person)
        if not name:
            raise SettingsError(f"{self.source}: nobody acts. Name a person with --person NAME")
        return name

    @property
    def source(self) -> str:
        """Which home or profile this command used, for messages."""
        if self.home_option is not None:
            return f"home {self.home_option}"
        return f"profile {self._profile().path}"

    def _profile(self) -> "Profile":
        from runtime.site.profile import default_user_folder, find_profile

        return find_profile(
            self.profile_option,
            environment=os.environ,
            folder=Path.cwd(),
            user_folder=default_user_folder(os.environ),
        )


def options(context: typer.Context) -> Options:
    """Return the global options of the command that runs."""
    found = context.find_root().obj
    if not isinstance(found, Options):
        raise TypeError("the root callback has not stored its options")
    return found


def database_place(url: str, password_file: Path | None) -> "DatabasePlace":
    """What ``init`` was told of the database. Raises SettingsError, without showing a password."""
    from runtime.errors import SettingsError
    from runtime.site.database_url import check_url
    from runtime.site.joining import DatabasePlace

    if password_file is not None and not url:
        raise SettingsError("--database-password-file: SQLite has no password; add --database-url")
    try:
        checked = check_url(url) if url else ""
    except ValueError as error:
        raise SettingsError(f"--database-url: {error}") from None
    return DatabasePlace(checked, str(password_file.resolve()) if password_file else "")


def run(app: typer.Typer, program: str) -> None:
    """Run a command line and leave the process with its exit code."""
    from runtime.errors import exit_code

    verbose = "--verbose" in sys.argv
    try:
        app(prog_name=program)
    except Exception as error:
        if verbose:
            raise
        sys.stderr.write(f"{program}: {visible(sentence(error))}\n")
        sys.exit(int(exit_code(error)))


def sentence(error: Exception) -> str:
    """One sentence about an error: what happened, to which input, and what to do."""
    from pydantic import ValidationError

    from crypto.errors import CryptoError
    from model.explanations import EXPLANATIONS
    from model.fields import explain
    from model.reasons import Reason
    from runtime.errors import Refusal, Refused, RuntimeFault

    if isinstance(error, Refused | Refusal):
        said = f"refused ({error.reason}): {error.detail}"
        if error.reason is Reason.MALFORMED:
            # The sentence itself says what to mend.
            return said
        end = "" if said.endswith(("?", ".")) else "."
        return f"{said}{end} To mend: {EXPLANATIONS[error.reason].mend}"
    if isinstance(error, ValidationError):
        return explain(error)
    if isinstance(error, RuntimeFault | CryptoError | ValueError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}. Check path and permissions"
    return f"internal error ({type(error).__name__}); run again with --verbose for its trace"


# All controls but the line break, and what turns the direction of writing.
_CONTROLS: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """The same text with its control characters spelled out, ``\\x1b``.

    What others wrote, an officer's reason or a ledger's field, is shown to whoever judges them: it
    must not be able to hide or rewrite on the terminal what stands around it.
    """
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """``visible``, and no line of its own."""
    return visible(text).replace("\n", "\\n")


def print_table(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    as_json: bool,
    empty: str = "none",
) -> None:
    """Print rows as a table, or as a JSON list.

    Args:
        rows: One mapping a row; JSON prints all keys, the table those of ``columns``.
        columns: Key to heading, in order.
        as_json: Whether ``--json`` was given.
        empty: What the table prints when there is no row.
    """
    if as_json:
        sys.stdout.write(json.dumps(list(rows), ensure_ascii=False, indent=2) + "\n")
        return
    if not rows:
        sys.stdout.write(empty + "\n")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading in columns.values():
        # Folded, never cut: an id that lost its end is no use.
        table.add_column(heading, overflow="fold")
    for row in rows:
        # Text, not str: a place such as [rules.income] is no markup.
        table.add_row(*(Text(visible(str(row.get(key, "")))) for key in columns))
    Console().print(table)


def root_callback() -> Callable[..., None]:
    """Return the callback of a root: it stores the global options for ``options``."""

    def callback(
        context: typer.Context,
        home: Home = None,
        profile: ProfileOption = None,
        person: PersonOption = "",
        verbose: Verbose = False,
    ) -> None:
        context.obj = Options(home, profile, person, verbose)

    return callback
