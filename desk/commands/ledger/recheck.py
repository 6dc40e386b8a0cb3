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
from model.messages import N_
from model.messages import gettext as _
from reviewer.recheck import Compared, Recheck

DIFFERS = 9
"""Exit code where a bit is another than the one that was determined."""
COLUMNS = {
    "rules": N_("rule"),
    "bit": N_("bit"),
    "determined": N_("determined"),
    "rechecked": N_("again"),
    "agree": N_("agree"),
}

CaseId = Annotated[str, typer.Argument(help="The case's id, or its first digits (8 or more).")]
Bundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        help="The coordinator's exported ledger; default: read it from the coordinator now.",
    ),
]
Wait = Annotated[float, typer.Option("--wait", help="For how many seconds to keep asking.")]


def recheck(
    context: typer.Context,
    case_id: CaseId,
    bundle: Bundle = None,
    wait: Wait = 120.0,
    as_json: Json = False,
) -> None:
    """Have other key holders open a determined case once more, and compare (reviewer).

    Once for each case, and before it is closed. Only you can read the result. Exit code 9: the
    result is not what the coordinator's ledger committed to.
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
    print_table([_row(slot) for slot in found.slots], COLUMNS, as_json=False)
    differ = sum(not slot.agree for slot in found.slots)
    said = _("every bit is the same as the one that was determined")
    if differ:
        of = len(found.slots)
        said = _("{n} of {of} bits differ from what was determined", n=differ, of=of)
    head = _(
        "case {case}, entry {index} of the coordinator, opened again by {holders}:",
        case=found.case,
        index=found.entry,
        holders=", ".join(found.permit.holders),
    )
    sys.stdout.write(f"{head}\n{said}\n")


def _row(slot: Compared) -> dict[str, Any]:
    words = (_("readable"), _("flagged")) if slot.flag else (_("within"), _("above"))
    return {
        "rules": ", ".join(slot.rules),
        "bit": _("unreadable values") if slot.flag else _("limit"),
        "determined": words[slot.determined],
        "rechecked": words[slot.rechecked],
        "agree": _("yes") if slot.agree else _("NO"),
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
