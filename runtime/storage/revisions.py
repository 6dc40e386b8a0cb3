"""Versions of a database: one file per version, one folder per kind of process, counted on.

``registrar/migrations/v4_adopted.py`` makes version 4 out of version 3; its ``revision`` is "v4".
The newest file is the version that this program writes. Alembic runs the files, see
``runtime.storage.upgrade``; here nothing of it is imported, for most starts upgrade nothing.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_FILE = re.compile(r"v([1-9][0-9]*)_[a-z0-9_]+\.py")


@dataclass(frozen=True)
class Revisions:
    """The versions that a program knows: upgrades from ``oldest``, writes ``newest``.

    ``folder`` holds the migrations; None where there is nothing to migrate.
    """

    oldest: int = 1
    newest: int = 1
    folder: Path | None = None

    @classmethod
    def of(cls, package: ModuleType) -> "Revisions":
        """The migrations of a package, as ``registrar.migrations``; raises as ``read``."""
        return cls.read(Path(next(iter(package.__path__))))

    @classmethod
    def read(cls, folder: Path) -> "Revisions":
        """The migrations in a folder. Raises ValueError unless they count on without a gap."""
        found = sorted(
            int(match[1]) for path in folder.iterdir() if (match := _FILE.fullmatch(path.name))
        )
        if not found or found != list(range(found[0], found[0] + len(found))):
            raise ValueError(
                f"{folder}: migrations are v4_what.py, v5_what.py and so on, one for each "
                f"version; found {found}. Two changes that took one number: the later one goes up"
            )
        return cls(found[0] - 1, found[-1], folder)

    def stamp(self, version: int) -> str:
        """Alembic's name of a version."""
        return f"v{version}"
