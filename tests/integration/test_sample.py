"""A survey split by department: every rule bit of the federation beside the files in plain.

One federation of real processes for the whole module. Its households are made up here, each at
or beside a limit, with the bits written down by hand; and where the survey's folder lies beside
the project, two hundred real ones with them.

Tests design.md 2.5.4, 2.5.6, 2.5.7, 2.7.1.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from model.identifiers import check_digit
from simulations import choosing
from simulations.sample import POLICY, Result, Sample, first_day
from simulations.scenario import Scenario
from simulations.survey import DEPARTMENTS, FILES, HOUSEHOLDS

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "cps"
REAL_HOUSEHOLDS = 200
YEAR = 2012

Member = Mapping[str, int]
"""File to amount; a member without any is in no file."""


@dataclass(frozen=True)
class Story:
    """A made-up household and what the policy's limits make of it."""

    members: Sequence[Member]
    met: str
    """Rules that are met; all others are not."""
    age: int = 40


BOTH, NONE = "signs_below_standard signs_below_twice", ""
POOR = f"income_within_standard income_within_twice net_income_within_standard {BOTH}"
MIDDLE = f"income_above_standard income_within_twice {BOTH}"
MADE_UP = {
    "income exactly at the limit": Story([{"wages": 12_000}], POOR),
    "income one dollar above it": Story([{"wages": 12_001}], MIDDLE),
    "income exactly at twice the limit, of two people": Story(
        [{"wages": 40_000}, {"pensions": 7_000, "unemployment": 1_000}], MIDDLE
    ),
    "income one dollar above twice, of two people": Story(
        [{"wages": 40_000}, {"pensions": 8_001}], f"income_above_standard {BOTH}"
    ),
    "signs of assets exactly at their limit, which is outside": Story(
        [{"securities": 300, "deposits": 200, "housing": 100}],
        POOR.replace("signs_below_standard ", ""),
    ),
    "signs of assets one dollar below it": Story(
        [{"securities": 300, "deposits": 200, "housing": 99}], POOR
    ),
    "a loss brings the income below the limit": Story(
        [{"wages": 16_000}, {"business": -5_000, "pensions": 13_000}], POOR
    ),
    "a loss alone: no share of a negative income": Story(
        [{"business": -3_000, "medical": 500}], POOR
    ),
    "medical expense without any income": Story([{"medical": 500}], POOR),
    "medical expense exactly a fifth": Story(
        [{"wages": 10_000, "medical": 2_000}], f"{POOR} medical_burden"
    ),
    "medical expense one dollar below a fifth": Story([{"wages": 10_000, "medical": 1_999}], POOR),
    "medical expense brings the net income to the limit": Story(
        [{"wages": 15_000, "medical": 3_000}], f"{MIDDLE} net_income_within_standard medical_burden"
    ),
    "nobody in any file": Story([{}, {}], POOR),
    "the spouse in no file counts as a person": Story([{"wages": 24_000}, {}], POOR),
    "a child alone, with a guardian": Story([{"housing": 599}], POOR, age=9),
    "everything above": Story(
        [{"wages": 900_000, "securities": 2_400_000}], "income_above_standard"
    ),
}


def numbers(age: int) -> Iterator[str]:
    """Well-formed numbers of nobody, born so that they are of this age in the survey's year."""
    for serial in count(1):
        body = f"330212{YEAR - age}0101{serial:03d}"
        yield body + check_digit(body)


def write_made_up(folder: Path) -> None:
    """Write the made-up survey in the same files and columns as the real one."""
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in FILES}
    people: list[tuple[object, ...]] = []
    known = {age: numbers(age) for age in {story.age for story in MADE_UP.values()}}
    for label, story in MADE_UP.items():
        for relation, member in zip(("head", "spouse"), story.members, strict=False):
            number = next(known[story.age])
            people.append((label, number, relation, story.age, len(story.members)))
            for name, amount in member.items():
                rows[name].append((number, YEAR, amount))
    header = ("household", "person_id", "relation", "age", "household_size")
    _write(folder / HOUSEHOLDS, header, people)
    for name in FILES:
        _write(folder / f"{name}.csv", ("person_id", "year", "amount_usd"), rows[name])


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def append_real(folder: Path) -> None:
    """Add the survey's rows to the made-up ones."""
    for path in (folder / HOUSEHOLDS, *(folder / f"{name}.csv" for name in FILES)):
        lines = (REAL / path.name).read_text(encoding="utf-8").splitlines(keepends=True)
        with path.open("a", encoding="utf-8", newline="") as file:
            file.writelines(lines[1:])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Result]]:
    """Every household's result, by label."""
    folder = tmp_path_factory.mktemp("survey")
    write_made_up(folder)
    if REAL.is_dir():
        append_real(folder)
    # Bit proofs protect against a cheating evaluator and change no bit; here nobody cheats, and
    # two hundred households take half as long without them.
    policy = folder.with_name("sample-policy.toml")
    text = POLICY.read_text(encoding="utf-8")
    policy.write_text(text.replace('level = "verdict"', 'level = "verdict"\nbit_proofs = false'))
    scenario = Scenario(
        home=tmp_path_factory.mktemp("sample") / "home",
        seed=7,
        persons=0,
        reference=first_day(POLICY),
        bits=2048,
        departments=DEPARTMENTS,
        policy_file=policy,
    )
    wanted = len(MADE_UP) + (REAL_HOUSEHOLDS if REAL.is_dir() else 0)
    sample = Sample(data=folder, scenario=scenario, households=wanted, first=list(MADE_UP))
    with scenario.federation:
        yield {result.label: result for result in sample.run()}


@pytest.mark.timeout(900)
def test_every_bit_of_every_household_agrees(results: dict[str, Result]) -> None:
    assert [line for result in results.values() for line in result.differences] == []
    assert set(MADE_UP) <= set(results)


@pytest.mark.parametrize("label", MADE_UP)
def test_a_made_up_household_has_the_bits_written_down(
    results: dict[str, Result], label: str
) -> None:
    bits = {k: v for k, v in results[label].federation.items() if not k.startswith("programme ")}
    met = set(MADE_UP[label].met.split())
    assert bits == {rule: "met" if rule in met else "not met" for rule in bits}
    assert met <= set(bits)
    assert len(bits) == 7


def test_two_hundred_real_households_of_every_kind(results: dict[str, Result]) -> None:
    if not REAL.is_dir():
        pytest.skip("the survey's folder is not beside the project")
    real = [result for label, result in results.items() if label not in MADE_UP]
    assert len(real) == REAL_HOUSEHOLDS
    for kind in (choosing.NEGATIVE, choosing.ABSENT, choosing.UNKNOWN, choosing.NO_INCOME):
        assert sum(kind in result.kinds for result in real) >= 5, kind
    for rule in real[0].federation:
        outcomes = {result.federation[rule] for result in real}
        assert outcomes == {"met", "not met"}, f"{rule}: only {outcomes} occurs"
