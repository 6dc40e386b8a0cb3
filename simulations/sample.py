"""A whole federation over a survey, and every rule bit beside what the files say in plain.

    python -m simulations.sample --data DIR [--households 200] [--seed N] [--home DIR]

Enrols eight departments from their CSV files, verifies households through the protocol by
production commands, computes the same rules from the same files in plain arithmetic
(simulations.plain), and compares. It ends with 1 on any difference. See docs/sample.md.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from simulations import plan as plans
from simulations import survey
from simulations.choosing import Choice, choose
from simulations.demo import fresh_home
from simulations.federation import LauncherError, in_parallel
from simulations.plain import Plain, PlainError
from simulations.scenario import ROOT, Echo, Scenario
from simulations.survey import LetterTerms, Person, SurveyError

POLICY = ROOT / "policies" / "cps-sample.toml"
SEED, HOUSEHOLDS = 2012, 200
BATCH, LANES = 20, 2
WAIT_S, ATTEMPTS = 200, 5
RUNNING = ("opened", "asking", "opening")
WORDS = {True: "met", False: "not met"}


@dataclass(frozen=True)
class Result:
    """One household, as the federation and as the files have it."""

    label: str
    kinds: tuple[str, ...]
    members: int
    plain: dict[str, str]
    """Rules, and programmes as ``programme NAME``, to ``met`` or ``not met``."""
    federation: dict[str, str]
    ended: str
    """State and reason of the case."""

    @property
    def differences(self) -> list[str]:
        """What does not agree, in words; a rule that is missing does not agree."""
        return [
            f"{self.label}: {name}: federation {self.federation.get(name, self.ended)}, plain {bit}"
            for name, bit in self.plain.items()
            if self.federation.get(name) != bit
        ]


@dataclass
class Sample:
    """One run. ``prepare`` to ``compare`` in order; the federation is left running."""

    data: Path
    scenario: Scenario
    households: int = HOUSEHOLDS
    first: Sequence[str] = ()
    """Labels of households that are verified whatever the choice."""
    whole: bool = False
    """Whether members that the survey counts without a number stand in the letter too."""
    echo: Echo = lambda _: None
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        paths = survey.files(self.data)
        self.plain = Plain.read(self.scenario.policy_file, paths, self.scenario.reference)
        self.all = survey.read_households(self.data)
        self.choices = choose(
            self.all,
            self.plain,
            self.households,
            seed=self.scenario.seed,
            members=lambda h: h.size if self.whole else len(h.listed),
            first=self.first,
        )
        known = {number for household in self.all for number in household.numbers}
        known |= {n for held in self.plain.holdings.values() for n in held}
        chosen = [choice.household for choice in self.choices]
        self.rosters = survey.rosters(chosen, known, whole=self.whole)
        self.numbers = [f"sample-{i:06d}" for i in range(1, len(chosen) + 1)]
        self.scenario.budget_total = 2 * len(known)
        self.scenario.echo = self.echo

    def run(self) -> list[Result]:
        """Everything; returns a result per household."""
        self._describe()
        self.scenario.ceremony()
        self.scenario.serve()
        self.scenario.approve()
        self._timed("import and enrolment", self.load)
        self._timed("authorizations", self.authorize)
        return self.results(self._timed("verification", self.verify))

    def load(self) -> None:
        """Each admin imports the department's file and enrols its people."""
        folder = self.scenario.inputs / "mappings"
        pairs = survey.write_mappings(self.data, folder, self.scenario.reference)
        in_parallel([partial(self._load_one, name, found) for name, found in pairs.items()])

    def _load_one(self, department: str, pairs: list[tuple[Path, Path]]) -> None:
        run, person = self.scenario.federation, plans.admin(department)
        for mapping, path in pairs:
            self._first_line(run.node("import", str(mapping), str(path), person=person))
        self._first_line(run.node("enrol", person=person))

    def authorize(self) -> None:
        """A clerk registers the letters, a checker puts them into force."""
        letters = self.write_letters()
        run = self.scenario.federation
        self.echo(f"{len(letters)} letters: registered by a clerk, put into force by a checker")
        for part in _batches(letters, 50):
            run.hedui("authorize", *map(str, part), person=plans.CLERK)
        for numbers in _batches(self.numbers, 50):
            run.hedui("authorization", "confirm", *numbers, "--yes", person=plans.CHECKER)

    def write_letters(self) -> list[Path]:
        """A letter per household with one common scan as evidence."""
        folder = self.scenario.inputs / "letters"
        folder.mkdir(parents=True, exist_ok=True)
        evidence = folder / "letter.pdf"
        evidence.write_bytes(b"%PDF-1.4\n% scan of a signed letter\n")
        programmes = tuple(self.plain.programmes)
        common = LetterTerms(
            programmes=programmes,
            grants=self.scenario.grants(programmes),
            single=self.scenario.single_rules(programmes),
            region=self.plain.policy["policy"]["region"],
            reference=self.scenario.reference,
            valid_from=datetime.now(UTC).date(),
            evidence=evidence,
        )
        paths = [folder / f"{number}.toml" for number in self.numbers]
        for path, number, members in zip(paths, self.numbers, self.rosters, strict=True):
            survey.write_letter(path, number, members, common)
        return paths

    def verify(self) -> list[dict[str, Any]]:
        """The officer verifies all, a batch at a time; returns the cases as JSON has them."""
        cases: list[dict[str, Any]] = []
        started = time.monotonic()

        def one(numbers: Sequence[str]) -> None:
            cases.extend(self._verify(numbers))
            each = (time.monotonic() - started) / len(cases)
            left = each * (len(self.numbers) - len(cases))
            self.echo(
                f"verified {len(cases)} of {len(self.numbers)} households"
                f" ({each:.2f} s each, {left:.0f} s left)"
            )

        batches = _batches(self.numbers, BATCH)
        in_parallel([partial(one, numbers) for numbers in batches], workers=LANES)
        return cases

    def _verify(self, numbers: Sequence[str]) -> list[dict[str, Any]]:
        """Verify a batch; the same command finds cases again that still run."""
        programmes = [x for name in self.plain.programmes for x in ("--programme", name)]
        policy = ("--policy", str(self.scenario.policy_file))
        cases: list[dict[str, Any]] = []
        for _ in range(ATTEMPTS):
            cases = self.scenario.federation.hedui_json(
                *("verify", *numbers, *policy, *programmes, "--wait", str(WAIT_S)),
                person=plans.OFFICER,
                ok=(0, 4, 5, 7, 8),
            )
            if not any(case["state"] in RUNNING for case in cases):
                break
        return cases

    def results(self, cases: Sequence[dict[str, Any]]) -> list[Result]:
        """Each case beside the plain arithmetic."""
        by_number = {case["authorization"]: case for case in cases}
        rows = zip(self.numbers, self.choices, self.rosters, strict=True)
        return [self._result(by_number.get(n, {}), c, r) for n, c, r in rows]

    def _result(self, case: dict[str, Any], choice: Choice, roster: Sequence[Person]) -> Result:
        bits = self.plain.bits([person.number for person in roster], len(roster))
        programmes = self.plain.determinations(bits)
        plain = {rule: WORDS[bit] for rule, bit in bits.items()}
        plain |= {f"programme {name}": WORDS[bit] for name, bit in programmes.items()}
        ended = " ".join(filter(None, (case.get("state", "no case"), case.get("reason", ""))))
        return Result(
            choice.household.label, choice.kinds, len(roster), plain, opened_bits(case), ended
        )

    def _timed(self, name: str, step: Any) -> Any:
        started = time.monotonic()
        found = step()
        self.seconds[name] = time.monotonic() - started
        return found

    def _first_line(self, text: str) -> None:
        self.echo(f"  {text.splitlines()[0]}")

    def _describe(self) -> None:
        persons = sum(len(h.listed) for h in self.all)
        rows = sum(len(v) for held in self.plain.holdings.values() for v in held.values())
        self.echo(f"{self.data}: {len(self.all)} households, {persons} persons, {rows} rows")
        members = "all who live there" if self.whole else "those listed"
        self.echo(
            f"verifying {len(self.choices)} of them, members: {members},"
            f" seed {self.scenario.seed}, reference date {self.scenario.reference}"
        )
        if outside := self.plain.outside():
            self.echo(f"note: {outside} rows lie outside the policy's windows and count nowhere")


def opened_bits(case: dict[str, Any]) -> dict[str, str]:
    """Rules and programmes of a case to their outcome; a rule that two programmes tell
    differently is named as such."""
    found: dict[str, str] = {}
    for programme in case.get("programmes", []):
        found[f"programme {programme['programme']}"] = programme["outcome"]
        for rule in programme["rules"]:
            if found.setdefault(rule["rule"], rule["outcome"]) != rule["outcome"]:
                found[rule["rule"]] = "told in two ways"
    return found


def rule_table(results: Sequence[Result]) -> Table:
    """One row per rule and programme; plain outcomes, and how many agree."""
    table = Table(title="Every rule bit, federation beside plain 逐条对比", title_justify="left")
    table.add_column("rule")
    for heading in ("households met", "not met", "agree", "differ"):
        table.add_column(heading, justify="right")
    for name in results[0].plain if results else []:
        agree = sum(r.federation.get(name) == r.plain[name] for r in results)
        met = sum(r.plain[name] == "met" for r in results)
        counts = (met, len(results) - met, agree, len(results) - agree)
        table.add_row(name, *map(str, counts))
    return table


def kind_table(results: Sequence[Result]) -> Table:
    """How many of the chosen households are of each kind."""
    table = Table(title="Households chosen 所选家庭", title_justify="left")
    table.add_column("kind")
    table.add_column("households", justify="right")
    for kind in sorted({kind for result in results for kind in result.kinds}):
        table.add_row(kind, str(sum(kind in result.kinds for result in results)))
    return table


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def report(sample: Sample, results: Sequence[Result], console: Console) -> int:
    """Print tables, figures and every difference; return the exit code."""
    console.print(kind_table(results))
    console.print(rule_table(results))
    for name, seconds in sample.seconds.items():
        console.print(f"{name}: {seconds:.1f} s", highlight=False)
    each = sample.seconds["verification"] / max(len(results), 1)
    console.print(f"verification, throughput: {each:.2f} s a household", highlight=False)
    path = sample.scenario.home / "results.json"
    path.write_text(json.dumps([vars(r) for r in results], indent=1, ensure_ascii=False) + "\n")
    console.print(f"every household's bits: {path}", highlight=False, soft_wrap=True)
    differences = [line for result in results for line in result.differences]
    for line in differences:
        console.print(f"DIFFERS {line}", markup=False, highlight=False, soft_wrap=True)
    bits = sum(len(result.plain) for result in results)
    console.print(f"{len(results)} households, {bits} bits, {len(differences)} differences")
    return 1 if differences or not results else 0


def options(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="sample", description="A survey verified by a federation and in plain; both compared."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the CSV files")
    parser.add_argument("--households", type=int, default=HOUSEHOLDS, help="how many are verified")
    parser.add_argument("--seed", type=int, default=SEED, help="of the choice of households")
    parser.add_argument(
        "--household", action="append", default=[], metavar="LABEL", help="take this one first"
    )
    parser.add_argument("--home", type=Path, default=ROOT / "sample-home")
    parser.add_argument("--policy", type=Path, default=POLICY)
    parser.add_argument("--bits", type=int, default=3072, help="of the joint key; 2048 at least")
    parser.add_argument(
        "--reference-date", type=date.fromisoformat, help="default: the policy's first day"
    )
    parser.add_argument(
        "--members",
        choices=("listed", "household-size"),
        default="listed",
        help="who is in the letter: those whom households.csv lists, or as many as live there",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sample and stop the federation."""
    chosen = options(argv)
    console, started = Console(width=100, file=sys.stdout), time.monotonic()

    def say(text: str) -> None:
        seconds = time.monotonic() - started
        console.print(f"[{seconds:5.1f} s] {text}", markup=False, highlight=False, soft_wrap=True)

    try:
        sample = build(chosen, say)
        with sample.scenario.federation:
            return report(sample, sample.run(), console)
    except (SurveyError, PlainError, LauncherError, OSError) as error:
        print(f"sample: {error}", file=sys.stderr)
        return 2


def build(chosen: argparse.Namespace, echo: Echo) -> Sample:
    """The run that the options describe. Raises SurveyError, PlainError, OSError."""
    survey.files(chosen.data)
    scenario = Scenario(
        home=fresh_home(chosen.home.resolve(), "sample"),
        seed=chosen.seed,
        persons=0,
        reference=chosen.reference_date or first_day(chosen.policy),
        bits=chosen.bits,
        departments=survey.DEPARTMENTS,
        policy_file=chosen.policy.resolve(),
    )
    return Sample(
        data=chosen.data.resolve(),
        scenario=scenario,
        households=chosen.households,
        first=chosen.household,
        whole=chosen.members == "household-size",
        echo=echo,
    )


def first_day(policy: Path) -> date:
    """The first day on which a policy holds."""
    from model.policy import parse

    return parse(policy.read_bytes(), source=str(policy)).file.policy.valid_from


if __name__ == "__main__":
    sys.exit(main())
