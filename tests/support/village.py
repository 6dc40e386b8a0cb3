"""A village: a small federation of real processes and real commands, to be killed and mistreated.

Three departments, three key holders of which two suffice, a joint key of 2048 bits. The people
are numbers: who is odd earns little, who is even earns too much.
"""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ledger.event import Entry, decode
from model.identifiers import check_digit
from simulations import plan as plans
from simulations.federation import in_parallel
from simulations.scenario import Scenario

DEPARTMENTS = {"tax": "Tax bureau", "bank": "Savings bank", "fund": "Pension fund"}
HOLDERS = ("tax", "bank", plans.AUDIT)
PROGRAMME = "low-income"
USAGE, SETTINGS, REFUSED, UNREACHABLE, UNTRUSTED, WAITING = 2, 3, 4, 5, 6, 7
"""What commands end with."""
PERSONS = 72
STRANGER = PERSONS + 1
"""In nobody's files."""
_PENSION = """[measures.pension]
title = { en = "Pension", zh = "养老金" }
department = "fund"
resource = "fund.pension"
kind = "sum"
unit = "yuan"
window_months = 6
min = "-1000000.00"
max = "1000000.00"

"""
_SETTINGS = {
    plans.COORDINATOR: "retry_first_ms = 100\nretry_max_ms = 500\nwitness_every_s = 0\n",
    # Between the answer's commit and its reply there is time to be killed.
    "fund": "reply_step_ms = 1500\n",
}
_MAPPING = """resource = "{resource}"
title = "{resource}"
data_date = 2026-10-31
[columns]
person = "id_no"
amount = "amount"
{more}
[amount]
unit = "{unit}"
"""


def resident(number: int) -> str:
    """An invented resident number with a sound check digit."""
    first = f"33021219800101{number:03d}"
    return first + check_digit(first)


def policy_text() -> str:
    """The small policy with a third department in its sum of incomes."""
    text = Path(__file__).with_name("small-policy.toml").read_text(encoding="utf-8")
    text = text.replace("[measures.homes]", _PENSION + "[measures.homes]")
    return text.replace("interest = 1\n", "interest = 1\npension = 1\n")


def expected(person: int) -> str:
    """What the determination of a household of this one person must be."""
    return "met" if person % 2 else "not met"


def new_scenario(home: Path) -> Scenario:
    """The steps, by production commands."""
    policy = home.parent / "policy.toml"
    policy.write_text(policy_text(), encoding="utf-8")
    return Scenario(
        home=home,
        seed=0,
        persons=0,
        reference=datetime.now(UTC).date(),
        bits=2048,
        departments=DEPARTMENTS,
        holders=HOLDERS,
        policy_file=policy,
        budget_total=500,
    )


def hold_ceremony(home: Path) -> None:
    """Keys, certificates and the joint key; nobody serves yet."""
    new_scenario(home).ceremony()
    for name, text in _SETTINGS.items():
        path = home / name / "process.toml"
        path.write_text(text + path.read_text())


@dataclass
class Village:
    """The federation, and what its people do."""

    scenario: Scenario
    folder: Path
    given: dict[str, int] = field(default_factory=dict)
    """Number of a letter to the person whom it is about."""

    @property
    def home(self) -> Path:
        """HEDUI_HOME."""
        return self.scenario.home

    @property
    def policy(self) -> str:
        """The policy's file."""
        return str(self.scenario.policy_file)

    @property
    def processes(self) -> list[str]:
        """All of them."""
        return [plans.REGISTRAR, plans.COORDINATOR, *self.scenario.nodes]

    # --- before anybody asks ----------------------------------------------------------------

    def begin(self) -> None:
        """Serve, approve, import, enrol."""
        self.scenario.serve()
        self.scenario.approve()
        wages = {p: "1000.00" if p % 2 else "9000.00" for p in range(1, PERSONS + 1)}
        files = {
            "tax": [
                self.write_file("tax.wages", wages),
                self.write_file("tax.homes", {2: "49.00", 4: "48.00"}, home=True),
            ],
            "bank": [self.write_file("bank.interest", {p: "-10.00" for p in wages})],
            "fund": [self.write_file("fund.pension", {p: "12.34" for p in wages if not p % 3})],
        }
        self.scenario.load(files)

    def write_file(
        self, resource: str, rows: dict[int, str], *, home: bool = False
    ) -> tuple[Path, Path]:
        """Mapping and CSV of one resource."""
        more = 'row = "home"' if home else 'period = "month"'
        mapping = self.folder / f"{resource}.toml"
        unit = "m2" if home else "yuan"
        mapping.write_text(_MAPPING.format(resource=resource, more=more, unit=unit))
        lines = [f"{resident(p)},{amount},2026-10,h{p}\n" for p, amount in rows.items()]
        data = mapping.with_suffix(".csv")
        data.write_text("id_no,amount,month,home\n" + "".join(lines))
        return mapping, data

    # --- letters and cases ------------------------------------------------------------------

    @cached_property
    def grants(self) -> dict[str, list[str]]:
        """What a letter must grant."""
        return self.scenario.grants((PROGRAMME,))

    def letter(self, number: str, persons: Sequence[int], /, **changes: str) -> Path:
        """A letter's file. ``changes``: a line's key to its whole right-hand side."""
        today = datetime.now(UTC).date()
        evidence = self.folder / "letter.pdf"
        evidence.write_bytes(b"%PDF-1.4 scan\n")
        table = {
            "number": f'"{number}"',
            "programmes": f'["{PROGRAMME}"]',
            "level": '"verdict"',
            "region": '"330212"',
            "reference_date": f"{today}",
            "valid_from": f"{today}",
            "valid_to": f"{today.replace(year=today.year + 1)}",
            "evidence_file": f'"{evidence}"',
            "single_department_rules": json.dumps(self.scenario.single_rules((PROGRAMME,))),
        }
        lines = [f"{key} = {value}" for key, value in (table | changes).items()]
        for place, person in enumerate(persons):
            relation = "child" if place else "head"
            lines += ["[[member]]", f'person = "resident:{resident(person)}"']
            lines += [f'relation = "{relation}"', 'signed = "self"']
        for department, codes in self.grants.items():
            lines += ["[[grant]]", f'department = "{department}"']
            lines += [f"resources = {json.dumps(codes)}"]
        path = self.folder / f"{number}.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def households(self, count: int, *, confirm: bool = True) -> list[str]:
        """Letters of the next persons, registered and in force; returns their numbers."""
        first = len(self.given) + 1
        persons = range(first, first + count)
        assert persons.stop <= STRANGER, "the village has no more people"
        numbers = [f"330212-2026-{p:06d}" for p in persons]
        self.given |= dict(zip(numbers, persons, strict=True))
        files = [str(self.letter(n, [p])) for n, p in zip(numbers, persons, strict=True)]
        self.scenario.federation.hedui("authorize", *files, person=plans.CLERK)
        if confirm:
            self.confirm(*numbers)
        return numbers

    def confirm(self, *numbers: str) -> None:
        """The checker's part."""
        run = self.scenario.federation
        run.hedui("authorization", "confirm", *numbers, "--yes", person=plans.CHECKER)

    def verify(self, *numbers: str, wait_s: int = 60) -> list[dict[str, Any]]:
        """``hedui verify`` by the officer; returns the cases."""
        output: list[dict[str, Any]] = self.scenario.federation.hedui_json(
            *self.verifying(*numbers, wait_s=wait_s), person=plans.OFFICER, ok=(0, 4, 7, 8)
        )
        return output

    def verifying(self, *numbers: str, wait_s: int) -> list[str]:
        """The arguments of ``hedui verify``."""
        asked = ["--policy", self.policy, "--programme", PROGRAMME]
        return ["verify", *numbers, *asked, "--wait", str(wait_s)]

    def type(
        self, program: str, *args: str, person: str = "", home: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever comes of it."""
        run = self.scenario.federation
        if home is not None:
            run = type(run)(home)
        return run.attempt(program, *args, person=person)

    # --- what stands written ----------------------------------------------------------------

    def ledger(self, process: str, *names: str) -> list[Entry]:
        """Entries of a process's ledger with one of these events, whether it runs or not."""
        found = [decode(leaf) for leaf in leaves(self.home, process)]
        return [entry for entry in found if not names or entry.event in names]

    def await_entries(self, process: str, event: str, count: int, *, limit_s: float = 60) -> None:
        """Look until the ledger holds so many entries of this event."""
        end = time.monotonic() + limit_s
        while len(self.ledger(process, event)) < count:
            assert time.monotonic() < end, (process, [e.event for e in self.ledger(process)])
            time.sleep(0.01)

    def bring_up(self) -> None:
        """Whoever is down is started again."""
        run = self.scenario.federation
        down = [name for name in self.processes if not run.children[name].running]
        in_parallel([partial(run.restart, name) for name in down])


def leaves(home: Path, process: str) -> list[bytes]:
    """The exact leaves of a process's ledger."""
    path = home / process / "data" / f"{process}.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as copy:
        return [row[0] for row in copy.execute("SELECT entry FROM ledger_leaf ORDER BY idx")]


MOVING = ("ledger_", "database_", "sqlite_")
"""Tables whose contents change with time, with a ledgered refusal, or with every commit."""


def rows_of(home: Path, process: str) -> dict[str, str]:
    """A digest of the rows of each of a process's own tables."""
    path, found = home / process / "data" / f"{process}.db", {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as copy:
        tables = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in sorted(tables):
            if not table.startswith(MOVING):
                rows = sorted(map(repr, copy.execute(f'SELECT * FROM "{table}"')))  # noqa: S608
                found[f"{process}.{table}"] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def files_of(folder: Path, *, but: Iterable[str] = ()) -> dict[str, bytes]:
    """Every file under a folder with its bytes, logs and lock files left out."""
    left_out = ("console.txt", ".jsonl", ".lock", "-wal", "-shm", *but)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(left_out)
    }


def copy_home(source: Path, target: Path) -> Path:
    """A copy in which nobody serves."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("process.json", "*.lock"))
    return target


def says(ended: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """The command ended so, with these words and one sentence."""
    heard = ended.stderr
    assert ended.returncode == code, ended.stdout + heard
    assert "Traceback" not in ended.stdout + heard
    assert "internal error" not in heard
    assert [w for w in words if w not in " ".join(heard.split())] == [], heard
    if code != USAGE:
        assert heard.startswith(("hedui: ", "hedui-node: ")), heard
        assert len(heard.splitlines()) == 1, heard
