"""``hedui ledger sample``: draw entries, have them disclosed, compare them with the ledgers.

Which entries are drawn is decided here, by this machine's randomness, among those of a verified
bundle; the registrar ledgers the drawing before it opens anything.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from desk.client.sample import fetch
from desk.command import Json, options, print_table, zone_named
from desk.session import acting
from desk.trust import FederationFile, read_ledgers, trusted_federation
from desk.words import one_line
from ledger.verify.reconcile import FINDINGS
from model.federation import Federation
from model.messages import N_, ngettext
from model.messages import gettext as _
from reviewer.papers import Sources
from reviewer.sample import (
    check_sampled,
    evidence_hashes,
    keep_sample,
    read_sample,
    refuse_target,
)

Bundles = Annotated[
    list[Path], typer.Argument(help="Exported bundles; the registrar's must be among them.")
]
Count = Annotated[int, typer.Option(min=1, help="How many entries to draw at random.")]
Entries = Annotated[
    list[int] | None,
    typer.Option(
        "--entry", min=0, help="Not at random, but this manifest.issued entry; can be repeated."
    ),
]
Answers = Annotated[
    bool,
    typer.Option(
        "--answers", help="Have departments disclose their values too, and recompute the answers."
    ),
]
Evidence = Annotated[
    Path | None, typer.Option(help="An evidence file, or a folder of them, to hash and compare.")
]
Keep = Annotated[
    Path | None,
    typer.Option(help="Folder for what was disclosed, personal data; it must not exist yet."),
]
Kept = Annotated[
    Path | None,
    typer.Option("--kept", help="Draw nothing: check again what --keep wrote to this folder."),
]
Zone = Annotated[str, typer.Option(help="Time zone of the dates in letters.")]

COLUMNS = {
    "about": N_("about"),
    "sentence": "",
    "outcome": N_("outcome"),
    "why": N_("why"),
}
VALUES = {
    "department": N_("department"),
    "rules": N_("rules"),
    "form": N_("sum of"),
    "value": N_("value (fen, 0.01 m2, pieces)"),
    "flag": N_("flag"),
}


def sample(
    context: typer.Context,
    bundles: Bundles,
    count: Count = 1,
    entry: Entries = None,
    answers: Answers = False,
    evidence: Evidence = None,
    keep: Keep = None,
    kept: Kept = None,
    zone: Zone = "Asia/Shanghai",
    federation: FederationFile = None,
    as_json: Json = False,
) -> None:
    """Draw entries, have them disclosed to you alone, and check them. Exit code 20: a check fails.

    The registrar's ledger records both the drawing and the disclosure. Departments show which
    ticket they answered and, with --answers, what they contributed to each rule; their ledgers
    record that too.
    """
    if kept is not None and (keep is not None or entry or answers):
        raise typer.BadParameter(
            _("--kept draws nothing, so it cannot be combined with --keep, --entry or --answers")
        )
    data = trusted_federation(options(context), bundles, federation)
    ledgers = read_ledgers(bundles, data)
    sources = Sources(Federation.parse(data), ledgers, zone_named(zone), evidence_hashes(evidence))
    refuse_target(keep)
    if kept is not None:
        found = read_sample(kept)
    else:
        with acting(context) as person:
            found = fetch(person, sources, count, entry or [], answers=answers)
    results = [check_sampled(sources, each) for each in found]
    if keep is not None:
        keep_sample(keep, sources, found)
    show(results, as_json=as_json)
    if any(row["outcome"] == "FAILS" for result in results for row in result["checks"]):
        raise typer.Exit(FINDINGS)


def show(results: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print what came out, a heading and tables for each entry."""
    if as_json:
        print_table(results, {}, as_json=True)
        return
    for result in results:
        sys.stdout.write(f"\n{_heading(result)}\n")
        for line in result.get("letter", []):
            sys.stdout.write(f"  {one_line(line)}\n")
        print_table(result["checks"], COLUMNS, as_json=False)
        if result["contributions"]:
            print_table(result["contributions"], VALUES, as_json=False)
    sys.stdout.write(f"{_verdict(results)}\n")


def _verdict(results: list[dict[str, Any]]) -> str:
    """``2 entries: every check holds``; what failed and what was not looked at is counted."""
    outcomes = [check["outcome"] for result in results for check in result["checks"]]
    failed, blind = outcomes.count("FAILS"), outcomes.count("not looked at")
    said = _("every check passes")
    if failed:
        said = ngettext("{n} check fails", "{n} checks fail", failed)
    elif blind:
        said = _("every check that was made passes")
    entries = ngettext("{n} entry", "{n} entries", len(results))
    rest = "; " + _("{n} not looked at", n=blind) if blind else ""
    return f"{entries}: {said}{rest}"


def _heading(result: dict[str, Any]) -> str:
    return _(
        "entry {index} of the registrar's ledger, sample {sample}",
        index=result["entry"],
        sample=result["sample"],
    )
