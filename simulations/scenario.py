"""The steps of the demo, each by production commands: from an empty folder to six verified cases.

The demo prints them; the session-wide federation of the tests is the same object.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from model.policy.checking import Severity, check
from model.policy.compiling import compile_policy
from model.policy.parsing import Policy, parse
from simulations import plan as plans
from simulations.federation import LocalFederation, in_parallel
from simulations.population import LetterTerms, Population, letter

ROOT = Path(__file__).resolve().parents[1]
POLICY = ROOT / "policies" / "yinzhou-2022-12.toml"
PROGRAMMES = ("dibao", "near-poor")
BUDGET_TOTAL, BUDGET_DAILY = 20_000, 500

Echo = Callable[[str], None]


@dataclass
class Scenario:
    """A federation with a population, and the six households of the demo.

    Attributes:
        home: HEDUI_HOME; must not exist yet or be empty.
        echo: Told before each step what is about to happen.
    """

    home: Path
    seed: int
    persons: int
    reference: date
    bits: int = 3072
    echo: Echo = lambda _: None
    departments: dict[str, str] = field(
        default_factory=lambda: {k: v[0] for k, v in plans.DEPARTMENTS.items()}
    )
    holders: tuple[str, ...] = plans.HOLDERS
    policy_file: Path = POLICY
    budget_total: int = BUDGET_TOTAL

    def __post_init__(self) -> None:
        self.federation = LocalFederation(self.home)
        self.inputs = self.home / "inputs"

    @property
    def nodes(self) -> list[str]:
        """All node processes."""
        return [*self.departments, *([plans.AUDIT] if plans.AUDIT in self.holders else [])]

    @property
    def policy(self) -> Policy:
        """The policy that all processes approve."""
        return parse(self.policy_file.read_bytes())

    def ceremony(self) -> None:
        """Keys, certificates, the joint key, the signed federation file."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.inputs.mkdir(exist_ok=True)
        plan_file = self.inputs / "plan.toml"
        plan_file.write_text(
            plans.plan(departments=self.departments, holders=self.holders, bits=self.bits)
        )
        run = self.federation
        self.echo(f"ceremony: certificates and keys of {len(self.nodes) + 2} processes")
        run.hedui("federation", "init", "--plan", str(plan_file))
        in_parallel(
            [
                partial(run.hedui, "registrar", "init"),
                partial(run.hedui, "coordinator", "init"),
                partial(run.node, "init", *self.nodes),
                partial(run.hedui, "person", "init", *plans.people(self.departments, self.holders)),
            ]
        )
        self.echo(f"ceremony: dealing the joint key, {self.bits} bits, 2 of {len(self.holders)}")
        run.hedui("federation", "deal")

    def serve(self) -> None:
        """Start every process and wait until all serve."""
        run = self.federation
        self.echo(f"starting {len(self.nodes) + 2} processes on loopback, mutual TLS")
        run.start(plans.REGISTRAR, "hedui", "registrar", "serve")
        run.start(plans.COORDINATOR, "hedui", "coordinator", "serve")
        for node in self.nodes:
            run.start(node, "hedui-node", "serve", node)
        run.wait_ready()

    def approve(self) -> None:
        """Policy and enrolment budgets, each by the people who may."""
        run, file = self.federation, str(self.policy_file)
        self.echo(f"policy {self.policy.name}: approved by each admin for the own node")
        jobs = [
            partial(run.hedui, "policy", "approve", file, person=plans.OFFICER),
            partial(run.hedui, "policy", "approve", file, person=plans.REGISTRAR_OFFICERS[0]),
        ]
        for node in self.nodes:
            jobs.append(partial(run.node, "policy", "approve", file, person=plans.admin(node)))
        in_parallel(jobs)
        self.budgets()

    def budgets(self) -> None:
        """Two registrar officers approve how many people each department may enrol."""
        terms = ("--total", str(self.budget_total), "--daily", str(BUDGET_DAILY))
        first, second = plans.REGISTRAR_OFFICERS
        names = list(self.departments)
        self.federation.hedui("budget", "propose", *names, *terms, person=first)
        self.federation.hedui("budget", "approve", *names, *terms, person=second)

    def load(self, files: dict[str, list[tuple[Path, Path]]]) -> None:
        """Each admin imports the department's files and enrols its people."""
        in_parallel([partial(self._load_one, name, pairs) for name, pairs in files.items()])

    def _load_one(self, department: str, pairs: list[tuple[Path, Path]]) -> None:
        person = plans.admin(department)
        for mapping, data in pairs:
            self.federation.node("import", str(mapping), str(data), person=person)
        self.federation.node("enrol", person=person)

    def populate(self) -> Population:
        """Invent the county, write the departments' files, import and enrol."""
        people = Population(seed=self.seed, persons=self.persons, reference=self.reference)
        files = people.write(self.inputs / "departments")
        count = sum(len(h.members) for h in [*people.demo, *people.others])
        self.echo(f"population: {count} invented persons from seed {self.seed}; import, enrolment")
        self.load(files)
        return people

    def grants(self, programmes: tuple[str, ...]) -> dict[str, list[str]]:
        """Departments and resources that a letter must grant for these programmes."""
        layout = compile_policy(self.policy, programmes)
        return {d: list(layout.resources_of(d)) for d in layout.departments}

    def single_rules(self, programmes: tuple[str, ...]) -> list[str]:
        """Rules that one department alone serves; the letter names them."""
        return list(compile_policy(self.policy, programmes).single_department_rules)

    def write_letters(self, people: Population) -> list[Path]:
        """The six letters with their evidence files."""
        paths = []
        terms = LetterTerms(
            PROGRAMMES, self.grants(PROGRAMMES), self.single_rules(PROGRAMMES), self.reference
        )
        for index, household in enumerate(people.demo, start=1):
            evidence = self.inputs / "letters" / f"letter-{index}.pdf"
            evidence.parent.mkdir(exist_ok=True)
            evidence.write_bytes(b"%PDF-1.4\n% scan of the signed letter\n" + bytes([index]))
            path = evidence.with_suffix(".toml")
            text = letter(
                household,
                terms,
                number=f"330212-2026-{index:06d}",
                evidence=evidence,
                unsigned=1 if "sign" in household.story else -1,
            )
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return paths

    def authorize(self, letters: list[Path]) -> list[str]:
        """Clerk registers, checker confirms; household 5 withdraws, household 6 lacks a name."""
        run = self.federation
        self.echo("six letters: registered by a clerk, put into force by a checker")
        numbers = [f"330212-2026-{i:06d}" for i in range(1, len(letters) + 1)]
        run.hedui("authorize", *map(str, letters), person=plans.CLERK)
        run.hedui("authorization", "confirm", *numbers[:5], "--yes", person=plans.CHECKER)
        refused = run.attempt(
            "hedui", "authorization", "confirm", numbers[5], "--yes", person=plans.CHECKER
        )
        self.echo(f"  checker: {refused.stderr.strip()}")
        run.hedui("authorization", "revoke", numbers[4], person=plans.CLERK)
        self.echo(f"  household 5 has withdrawn: {numbers[4]} is revoked")
        return numbers

    def verify(self, numbers: list[str]) -> list[dict[str, Any]]:
        """The officer verifies all; returns the cases as ``hedui verify --json`` prints them."""
        options = [x for p in PROGRAMMES for x in ("--programme", p)]
        output: list[dict[str, Any]] = self.federation.hedui_json(
            "verify",
            *numbers,
            "--policy",
            str(self.policy_file),
            *options,
            "--wait",
            "60",
            person=plans.OFFICER,
            ok=(0, 4, 5, 7, 8),
        )
        return output

    def findings(self) -> list[str]:
        """What ``policy check`` warns of."""
        return [str(f) for f in check(self.policy) if f.severity is not Severity.ERROR]
