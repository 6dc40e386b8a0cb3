"""``hedui ledger sample``: draw entries, have them opened, hold them against the ledgers.

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
from reviewer.papers import Sources
from reviewer.sample import (
    check_sampled,
    evidence_hashes,
    keep_sample,
    read_sample,
    refuse_target,
)

Bundles = Annotated[
    list[Path], typer.Argument(help="Bundles, as exported; the registrar's among them.")
]
Count = Annotated[int, typer.Option(min=1, help="How many entries to draw by lot.")]
Entries = Annotated[
    list[int] | None,
    typer.Option("--entry", min=0, help="Not by lot, but this manifest.issued entry; repeatable."),
]
Answers = Annotated[
    bool,
    typer.Option("--answers", help="Have departments open their values too; recompute answers."),
]
Evidence = Annotated[
    Path | None, typer.Option(help="An evidence file, or a folder of them, to be hashed.")
]
Keep = Annotated[
    Path | None,
    typer.Option(help="Folder to write what was opened into; it must not exist. Personal data."),
]
Kept = Annotated[
    Path | None, typer.Option("--kept", help="Draw nothing; check again what --keep wrote there.")
]
Zone = Annotated[str, typer.Option(help="Time zone of the days in letters.")]

COLUMNS = {"about": "about", "sentence": "", "outcome": "outcome", "why": "why"}
VALUES = {
    "department": "department",
    "rules": "rules",
    "form": "sum of",
    "value": "value (fen, 0.01 m2, pieces)",
    "flag": "flag",
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
    """Draw entries of the registrar, have them opened to you alone, check them. 20: a check fails.

    The registrar ledgers drawing and opening. Departments show which ticket they answered and,
    with --answers, what they contributed to each rule; they ledger that too.
    """
    if kept is not None and (keep is not None or entry or answers):
        raise typer.BadParameter("--kept draws nothing, so it takes no --keep, --entry, --answers")
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
    said = "every check holds"
    if failed:
        said = f"{failed} checks fail" if failed > 1 else "1 check fails"
    elif blind:
        said = "every check that was made holds"
    entries = "1 entry" if len(results) == 1 else f"{len(results)} entries"
    return f"{entries}: {said}" + (f"; {blind} not looked at" if blind else "")


def _heading(result: dict[str, Any]) -> str:
    return f"entry {result['entry']} of the registrar's ledger, sample {result['sample']}"
