"""What commands share: where the home is, options, tables."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from desk.program import Given
from desk.words import visible
from model.fields import parse_time
from model.messages import N_
from model.messages import gettext as _
from runtime.errors import SettingsError
from runtime.site.profile import Profile, default_user_folder, find_profile

PasswordFile = Annotated[
    Path | None, typer.Option("--database-password-file", help="One line; mode 0600 or 0640.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def group(help: str) -> typer.Typer:
    """A noun: its commands are added with ``@app.command()``."""
    app = typer.Typer(help=help, no_args_is_help=True, add_completion=False)
    # With a callback it stays a group where it has one command alone.
    app.callback(help=help)(lambda: None)
    return app


@dataclass(frozen=True)
class Options:
    """The global options of one command."""

    home_option: Path | None
    profile_option: Path | None = None
    person_option: str = ""

    @property
    def home(self) -> Path:
        """The absolute home: ``--home``, else the profile's. Raises SettingsError."""
        if self.home_option is not None:
            return self.home_option.resolve()
        return self._profile().home

    @property
    def person(self) -> str:
        """Who acts: ``--person``, else the profile's. Raises SettingsError where none does."""
        name = self.person_option or ("" if self.home_option else self._profile().person)
        if not name:
            raise SettingsError(
                _(
                    "{source}: no person is named. Say who acts with --person NAME",
                    source=self.source,
                )
            )
        return name

    @property
    def source(self) -> str:
        """Which home or profile this command used, for messages."""
        if self.home_option is not None:
            return _("home {folder}", folder=self.home_option)
        return _("profile {file}", file=self._profile().path)

    def _profile(self) -> Profile:
        return find_profile(
            self.profile_option,
            environment=os.environ,
            folder=Path.cwd(),
            user_folder=default_user_folder(os.environ),
        )


def options(context: typer.Context) -> Options:
    """Return the global options of the command that runs."""
    found = context.find_root().obj
    if not isinstance(found, Given):
        raise TypeError("the root callback has not stored its options")
    return Options(found.home, found.profile, found.person)


def print_table(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    as_json: bool,
    empty: str = N_("none"),
) -> None:
    """Print rows as a table, or as a JSON list.

    Args:
        rows: One mapping a row; JSON prints all keys, the table those of ``columns``.
        columns: Key to heading, in order; headings are marked for the catalogue, and said here.
        as_json: Whether ``--json`` was given.
        empty: What the table prints when there is no row; marked, and said here.
    """
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        sys.stdout.write(_(empty) + "\n")
        return
    table = Table()
    for heading in columns.values():
        # Folded, never cut: an id that lost its end is no use.
        table.add_column(_(heading), overflow="fold")
    for row in rows:
        # Text, not str: a place such as [rules.income] is no markup.
        table.add_row(*(Text(visible(str(row.get(key, "")))) for key in columns))
    Console().print(table)


def print_json(value: Any) -> None:
    """Print a value as ``--json`` does."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def local(at: str) -> str:
    """A time of the ledger in the local zone."""
    return parse_time(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def zone_named(name: str) -> tzinfo:
    """A time zone by its name; this machine's for none. Raises BadParameter."""
    if not name:
        return datetime.now().astimezone().tzinfo or UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise typer.BadParameter(
            _('there is no time zone "{name}"; write, for example, Asia/Shanghai', name=name)
        ) from None
