"""Any test file with PostgreSQL under its processes: ``pytest -n0 -p tests.support.on_postgres``.

Processes whose settings name no database get one of a server of this run's own. Tests that look
into an SQLite file, or write SQLite's own SQL, fail under it; everything else must not.
"""

import atexit
from contextlib import ExitStack
from pathlib import Path

from runtime import process
from runtime.site.settings import ProcessSettings
from tests.support.postgres import keep_on_server, serving

_STACK = ExitStack()
_SERVER = _STACK.enter_context(serving())
_URLS: dict[Path, str] = {}
atexit.register(_STACK.close)


def _location(folder: Path, settings: ProcessSettings) -> str:
    if settings.database_url:
        return settings.database_url
    if folder.resolve() not in _URLS:
        url = _URLS[folder.resolve()] = _SERVER.database()
        # Into the settings, so that a real process finds it as well.
        keep_on_server(folder, url)
    return _URLS[folder.resolve()]


process.database_location = _location
