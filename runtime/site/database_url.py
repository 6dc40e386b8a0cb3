"""What may stand in ``database_url``: where a PostgreSQL database is, and never a password.

A command line is read by every user of the machine, a file of settings by whoever copies it. So
the password stands in a file of its own (``database_password_file``), or libpq finds it: in
``~/.pgpass`` or PGPASSFILE, or it is not asked for (peer, client certificate).
"""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

SCHEME: Final = "postgresql"
_MEND: Final = "postgresql://USER@HOST:PORT/DATABASE"
# Where SQLAlchemy finds a password. With a slash, a hash or a question mark in it, Python's own
# reading of a URL sees a port and a path instead.
_PASSWORD: Final = re.compile(r"[^:/]*://[^:/]*:[^@]*@")


def is_url(place: object) -> bool:
    """Whether a command's argument is a database's URL, not a path or a name."""
    return isinstance(place, str) and "://" in place


def check_url(url: str) -> str:
    """Return ``url``. Raises ValueError, which never shows a password, for what may not be one.

    Args:
        url: ``postgresql://USER@HOST:PORT/DATABASE``, with libpq's parameters as its query.
    """
    fault = _fault(url)
    if fault:
        raise ValueError(f"{fault}. Write {_MEND}")
    return url


def _fault(url: str) -> str:
    """What is wrong with it, in words of ours: Python's quote the URL."""
    try:
        parts = urlsplit(url)
        names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        port = parts.port if _PASSWORD.match(url) is None else None
    except ValueError:
        return "its host or its port cannot be read"
    if parts.scheme != SCHEME:
        return "it is not a postgresql:// URL (SQLite needs none)"
    if _PASSWORD.match(url) or any(name.endswith("password") for name in names):
        return (
            "it holds a password, which others could read here: leave it out, and name a file "
            "that holds it with database_password_file (an @ that ends none is written %40)"
        )
    if port == 0:
        return "its port is 0"
    if not parts.path.strip("/") and "dbname" not in names:
        return "it names no database"
    return ""
