"""The sample policy on real survey amounts, against arithmetic in whole dollars."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from model.identifiers import IdentifierType, normalise
from model.policy import (
    Inputs,
    Verdict,
    compile_policy,
    contribution,
    determine,
    limits,
    parse,
)

SAMPLE = Path(__file__).resolve().parents[4].parent / "shared" / "data" / "cps"
INPUTS_DAY = date(2013, 6, 30)
MEASURES = {
    "wages": "wages",
    "business": "business_income",
    "pensions": "pensions",
    "unemployment": "unemployment",
    "deposits": "interest",
    "securities": "dividends",
    "housing": "property_tax",
    "medical": "medical_expenses",
}
INCOME = ("wages", "business_income", "pensions", "unemployment", "interest", "dividends")

pytestmark = pytest.mark.skipif(not SAMPLE.is_dir(), reason="the survey sample is not here")


def rows(name: str) -> Iterator[dict[str, str]]:
    with (SAMPLE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def units() -> Iterator[tuple[int, dict[str, int]]]:
    """Size and yearly dollars by measure of every unit."""
    unit_of = {r["person_id"]: r["household"] for r in rows("households")}
    sizes = {r["household"]: int(r["household_size"]) for r in rows("households")}
    held: dict[str, Counter[str]] = {unit: Counter() for unit in sizes}
    for file, measure in MEASURES.items():
        for row in rows(file):
            held[unit_of[row["person_id"]]][measure] += int(row["amount_usd"])
    for unit, size in sizes.items():
        yield size, {measure: held[unit][measure] for measure in MEASURES.values()}


def plain(size: int, dollars: dict[str, int]) -> dict[str, bool]:
    """The three programmes in whole dollars, as a person would work them out."""
    income = sum(dollars[m] for m in INCOME)
    signs = dollars["interest"] + dollars["dividends"] + dollars["property_tax"]
    medical = dollars["medical_expenses"]
    burdened = income - medical <= 12_000 * size or (income >= 1 and 5 * medical >= income)
    return {
        "low-income": income <= 12_000 * size and signs < 600 * size,
        "near-poor": 12_000 * size < income <= 24_000 * size and signs < 1_200 * size,
        "medical-hardship": burdened and income <= 24_000 * size and signs < 1_200 * size,
    }


def test_agrees_on_every_fifth_unit_and_outcomes_are_mixed(policies: Path) -> None:
    layout = compile_policy(parse((policies / "cps-sample.toml").read_bytes()))
    seen: Counter[tuple[str, bool]] = Counter()
    for size, dollars in list(units())[::5]:
        inputs = Inputs(size, INPUTS_DAY)
        held = {d: {m: 100 * dollars[m] for m in layout.measures_of(d)} for d in layout.departments}
        for department, values in held.items():
            for name, measure in layout.measures_of(department).items():
                assert measure.low <= values[name] <= measure.high
        sent = [contribution(layout, d, values, inputs) for d, values in held.items()]
        sums = [sum(column) for column in zip(*sent, strict=True)]
        bits = [int(x > t) for x, t in zip(sums, limits(layout, inputs), strict=True)]
        expected = plain(size, dollars)
        for found in determine(layout, inputs, bits):
            assert found.verdict is (
                Verdict.MET if expected[found.programme] else Verdict.NOT_MET
            ), (size, dollars)
            seen[found.programme, expected[found.programme]] += 1
    assert len(seen) == 6
    assert min(seen.values()) > 50


def test_the_bounds_leave_room_for_other_units_of_the_survey(policies: Path) -> None:
    policy = parse((policies / "cps-sample.toml").read_bytes())
    for measure in policy.file.measures.values():
        assert measure.high >= 10_000_000 * 100
    assert policy.file.measures["business_income"].low <= -10_000_000 * 100
    assert max(size for size, _ in units()) <= policy.file.policy.max_members


def test_the_sample_persons_have_valid_numbers() -> None:
    for row in rows("households"):
        normalise(IdentifierType.RESIDENT, row["person_id"])
