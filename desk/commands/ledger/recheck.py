"""``hedui ledger recheck``: have a determined case opened once more, and compare the bits."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from desk.client.recheck import find_determined
from desk.client.recheck import recheck as run
from desk.command import Json, options, print_json, print_table
from desk.session import acting
from desk.trust import pinned_keys
from reviewer.recheck import Compared, Recheck

DIFFERS = 9
"""Exit code where a bit is another than the one that was determined."""

CaseId = Annotated[str, typer.Argument(help="The case's id, or its beginning (8 digits or more).")]
Bundle = Annotated[
    Path | None,
    typer.Option("--bundle", help="The coordinator's exported ledger; default: read it now."),
]
Wait = Annotated[float, typer.Option("--wait", help="How long to ask again, seconds.")]


def recheck(
    context: typer.Context,
    case_id: CaseId,
    bundle: Bundle = None,
    wait: Wait = 120.0,
    as_json: Json = False,
) -> None:
    """Open a determined case once more, by other key holders, and compare (reviewer).

    Once per case, and before it is closed. Only you can read what comes out. Exit code 9: it is
    not what the coordinator's ledger committed to.
    """
    keys = pinned_keys(options(context))
    with acting(context) as person:
        determined = find_determined(person, case_id, bundle, keys)
        found = run(
            person, determined, wait_s=wait, progress=lambda said: typer.echo(said, err=True)
        )
    if as_json:
        print_json(_table(found))
    else:
        _print(found)
    raise typer.Exit(0 if found.agree else DIFFERS)


def _print(found: Recheck) -> None:
    columns = {"rules": "rule", "bit": "bit", "determined": "determined", "rechecked": "again"}
    print_table([_row(slot) for slot in found.slots], {**columns, "agree": "agree"}, as_json=False)
    differ = sum(not slot.agree for slot in found.slots)
    said = "every bit is the one that was determined"
    if differ:
        said = f"{differ} of {len(found.slots)} bits differ from what was determined"
    holders = ", ".join(found.permit.holders)
    sys.stdout.write(
        f"case {found.case}, entry {found.entry} of the coordinator, opened again by {holders}:\n"
        f"{said}\n"
    )


def _row(slot: Compared) -> dict[str, Any]:
    words = ("readable", "flagged") if slot.flag else ("within", "above")
    return {
        "rules": ", ".join(slot.rules),
        "bit": "unreadable values" if slot.flag else "limit",
        "determined": words[slot.determined],
        "rechecked": words[slot.rechecked],
        "agree": "yes" if slot.agree else "NO",
    }


def _table(found: Recheck) -> dict[str, Any]:
    return {
        "case": found.case,
        "entry": found.entry,
        "manifest": found.permit.manifest,
        "holders": list(found.permit.holders),
        "agree": found.agree,
        "slots": [
            {
                "rules": list(slot.rules),
                "flag": slot.flag,
                "determined": slot.determined,
                "rechecked": slot.rechecked,
            }
            for slot in found.slots
        ],
    }
