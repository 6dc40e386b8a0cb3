"""``hedui keys list``: what keys there are, without reading one."""

from datetime import datetime

import typer

from ceremony.inventory import Key, inventory
from desk.command import Json, group, options, print_table
from model.messages import N_
from runtime.clock import SystemClock
from runtime.site.identity import load_federation
from runtime.site.joining import load_site

COLUMNS = {
    "holder": N_("Holder"),
    "key": N_("Key"),
    "algorithm": N_("Algorithm"),
    "age_days": N_("Days old"),
    "expires": N_("Expires"),
    "place": N_("Kept in"),
    "status": N_("Status"),
}

app = group("Keys: which ones there are, and where.")


@app.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List every key: holder, algorithm, age, expiry, place. Works offline; reads no secret."""
    home, now = options(context).home, SystemClock().now()
    federation = load_federation(home, load_site(home).root_verify_key)
    rows = [_row(key, now) for key in inventory(federation, home, now)]
    print_table(rows, COLUMNS, as_json=as_json)


def _row(key: Key, now: datetime) -> dict[str, object]:
    return {
        "holder": key.holder,
        "key": key.key,
        "algorithm": key.algorithm,
        "age_days": "" if key.since is None else (now - key.since).days,
        "since": "" if key.since is None else key.since.date().isoformat(),
        "expires": "" if key.expires is None else key.expires.date().isoformat(),
        "place": key.place,
        "status": key.status,
        "public": key.public,
    }
