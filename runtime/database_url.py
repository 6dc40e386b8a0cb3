"""What may stand in ``database_url``: where a PostgreSQL database is, and never a password.

A command line is read by every user of the machine, a file of settings by whoever copies it. So
the password stands in a file of its own (``database_password_file``), or libpq finds it: in
``~/.pgpass`` or PGPASSFILE, or it is not asked for (peer, client certificate).
"""

from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

SCHEME: Final = "postgresql"
_MEND: Final = "postgresql://USER@HOST:PORT/DATABASE"


def is_url(place: object) -> bool:
    """Whether a command's argument is a database's URL, not a path or a name."""
    return isinstance(place, str) and "://" in place


def check_url(url: str) -> str:
    """Return ``url``. Raises ValueError, which never shows a password, for what may not be one.

    Args:
        url: ``postgresql://USER@HOST:PORT/DATABASE``, with libpq's parameters as its query.
    """
    try:
        parts = urlsplit(url)
        names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        _check(parts, names)
    except ValueError as error:
        raise ValueError(f"{error}. Write {_MEND}") from None
    return url


def _check(parts: SplitResult, names: set[str]) -> None:
    if parts.scheme != SCHEME:
        raise ValueError("it is not a postgresql:// URL (SQLite needs none)")
    if parts.password is not None or any(name.endswith("password") for name in names):
        raise ValueError(
            "it holds a password, which others could read here: leave it out, and name a file "
            "that holds it with database_password_file"
        )
    if parts.port == 0:
        raise ValueError("its port is 0")
    if not parts.path.strip("/") and "dbname" not in names:
        raise ValueError("it names no database")
