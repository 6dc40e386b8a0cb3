"""The demo: a whole federation on this machine, six households, all ledgers audited.

    python -m simulations.demo [--home DIR] [--seed N] [--persons N]

It runs production commands only and prints each of them at the end, to be typed by hand.
"""

import argparse
import json
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from simulations import plan as plans
from simulations.scenario import ROOT, Scenario

SEED, PERSONS = 20221201, 1000
MARKER = ".hedui-demo"
MARKS = {"met": "yes 符合", "not met": "no 不符合", "inconclusive": "inconclusive 无法判定"}


class Demo:
    """Runs the scenario and tells what happens."""

    def __init__(self, scenario: Scenario, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self.scenario = scenario
        scenario.echo = self.say

    def say(self, text: str) -> None:
        """One line of progress with the seconds since the start."""
        seconds = time.monotonic() - self._started
        self._console.print(f"[{seconds:5.1f} s] {text}", markup=False, highlight=False)

    def run(self) -> list[dict[str, Any]]:
        """Everything up to the table of cases; the federation is left running."""
        scenario = self.scenario
        self.say(f"seed {scenario.seed}, reference date {scenario.reference}")
        scenario.ceremony()
        scenario.serve()
        scenario.approve()
        people = scenario.populate()
        numbers = scenario.authorize(scenario.write_letters(people))
        self.say("the officer verifies six households")
        cases = scenario.verify(numbers)
        self._console.print(case_table(cases, [h.story for h in people.demo]))
        self._console.print(rule_table(cases))
        return cases

    def audit(self) -> None:
        """Export and verify every ledger offline; then show a tampered row being found."""
        run, folder = self.scenario.federation, self.scenario.home / "audit"
        processes = [plans.REGISTRAR, plans.COORDINATOR, *self.scenario.nodes]
        self.say(f"the reviewer exports {len(processes)} ledgers and verifies them offline")
        run.hedui("ledger", "export", *processes, "--to", str(folder), person=plans.REVIEWER)
        bundles = [str(folder / name) for name in processes]
        self._print(run.hedui("ledger", "verify", *bundles))
        copy = tampered_copy(self.scenario.home / "tax" / "data" / "tax.db", folder)
        self.say("one row of a copy of the tax bureau's ledger is changed behind its back")
        found = run.attempt("hedui", "ledger", "verify", str(copy))
        self._print((found.stdout + found.stderr).strip())
        if not found.returncode:
            sys.exit("demo: the tampered row was not found; this must not happen")

    def close(self) -> None:
        """Where everything lies, and the commands that did it."""
        home = self.scenario.home
        self.say("done")
        self._print(f"\nEverything lies in {home}:")
        for name, what in PLACES:
            self._print(f"  {name:28} {what}")
        self._print("\nThe same by hand (each line was run above):")
        for line in self.scenario.federation.record:
            self._print(f"  {line}")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


PLACES = [
    ("federation.toml", "who is a member, with which keys; signed"),
    ("PROCESS/data/PROCESS.db", "database and ledger of each process"),
    ("PROCESS/log/", "its log: facts, no identifiers, no values"),
    ("people/NAME/", "certificate and keys of each person"),
    ("inputs/", "plan, departments' CSV files and mappings, letters"),
    ("audit/", "exported ledgers, and the tampered copy"),
]


def case_table(cases: list[dict[str, Any]], stories: list[str]) -> Table:
    """One row per household and programme."""
    table = Table(title="Determinations 核对结果", title_justify="left")
    for heading in ("household", "programme", "determination", "answered", "ledger"):
        table.add_column(heading, overflow="fold")
    for case, story in zip(cases, stories, strict=True):
        if not case["programmes"]:
            why = f"{case['state']}: {case['reason']}"
            table.add_row(story, "-", why, "nobody was asked", "-")
        answered = [d["department"] for d in case["departments"] if d["state"] == "answered"]
        for programme in case["programmes"]:
            table.add_row(
                story,
                f"{programme['title']} {programme['title_zh']}",
                MARKS[programme["outcome"]],
                f"{len(answered)} of {len(case['departments'])}",
                f"#{case['ledger_entry']}",
            )
    return table


def rule_table(cases: list[dict[str, Any]]) -> Table:
    """Per rule met or not met, one column per determined household."""
    determined = [case for case in cases if case["programmes"]]
    table = Table(title="Rules 规则", title_justify="left")
    table.add_column("rule")
    for case in determined:
        table.add_column(case["authorization"][-6:])
    outcomes: dict[str, list[str]] = {}
    for case in determined:
        found = {r["title"]: r["outcome"] for p in case["programmes"] for r in p["rules"]}
        for title, outcome in found.items():
            outcomes.setdefault(title, []).append(outcome)
    for title, row in outcomes.items():
        table.add_row(title, *row)
    return table


def tampered_copy(database: Path, folder: Path) -> Path:
    """Copy a live database through SQLite's backup API and change one ledger entry in it."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / f"{database.stem}-tampered.db"
    copy.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        index, entry = target.execute(
            "SELECT idx, entry FROM ledger_leaf"
            " WHERE CAST(entry AS TEXT) LIKE '%query.answered%' LIMIT 1"
        ).fetchone()
        changed = bytes(entry).replace(b"query.answered", b"query.refused")
        target.execute("UPDATE ledger_leaf SET entry = ? WHERE idx = ?", (changed, index))
        target.commit()
    return copy


def fresh_home(home: Path, program: str = "demo") -> Path:
    """Empty a folder that an earlier run made; any other that is not empty is refused."""
    if home.exists() and any(home.iterdir()):
        if not (home / MARKER).exists():
            sys.exit(
                f"{program}: {home} is not empty and no earlier run made it; name another --home"
            )
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / MARKER).write_text(f"made by the {program}; its next run deletes this folder\n")
    return home


def main(argv: list[str] | None = None) -> None:
    """Run the demo and stop the federation."""
    parser = argparse.ArgumentParser(prog="demo", description="A whole federation on this machine.")
    parser.add_argument("--home", type=Path, default=ROOT / "demo-home")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--reference-date", type=date.fromisoformat, default=None)
    options = parser.parse_args(argv)
    reference = options.reference_date or datetime.now(UTC).date()
    scenario = Scenario(
        home=fresh_home(options.home.resolve()),
        seed=options.seed,
        persons=options.persons,
        reference=reference,
    )
    demo = Demo(scenario, Console(width=120, file=sys.stdout))
    with scenario.federation:
        cases = demo.run()
        (scenario.home / "cases.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False))
        demo.audit()
        demo.close()


if __name__ == "__main__":
    main()
