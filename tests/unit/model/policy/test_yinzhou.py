"""The programmes of Ningbo Yinzhou, December 2022, at their limits and one fen beyond.

Amounts below are fen, worked out by hand from the published table, not from the policy file.

Tests design.md 2.5.4, 2.5.6, 2.7.1, 2.7.6, 2.7.8.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from model.policy import (
    UNREADABLE,
    Determination,
    InputError,
    Inputs,
    Layout,
    MeasureValue,
    Verdict,
    Why,
    compile_policy,
    contribution,
    determine,
    limits,
    parse,
    require_minimum,
)

MET, NOT_MET, INCONCLUSIVE = Verdict.MET, Verdict.NOT_MET, Verdict.INCONCLUSIVE
REFERENCE = date(2023, 3, 15)
# For one person: 1,181 yuan x 12 months; 14,172 yuan x 4, 6, 8 and 12.
STANDARD = 1_417_200
ASSETS_4, ASSETS_6, ASSETS_8, CAR = 5_668_800, 8_503_200, 11_337_600, 17_006_400
CAPITAL_DIBAO, CAPITAL_NEAR_POOR = 10_000_000, 20_000_000


@pytest.fixture(scope="module")
def layout(policies: Path) -> Layout:
    return compile_policy(parse((policies / "yinzhou-2022-12.toml").read_bytes()))


def opened(
    layout: Layout,
    members: int,
    values: Mapping[str, MeasureValue],
    silent: frozenset[str] = frozenset(),
) -> dict[str, Determination]:
    inputs = Inputs(members, REFERENCE)
    sent = []
    for department in layout.departments:
        held = {m: values.get(m, 0) for m in layout.measures_of(department)}
        if department not in silent:
            sent.append(contribution(layout, department, held, inputs))
    sums = [sum(column) for column in zip(*sent, strict=True)]
    bits = [int(x > t) for x, t in zip(sums, limits(layout, inputs), strict=True)]
    return {d.programme: d for d in determine(layout, inputs, bits, silent=silent)}


CASES: dict[str, tuple[str, int, dict[str, MeasureValue], Verdict]] = {
    "nothing at all": ("dibao", 1, {}, MET),
    "income at the standard": ("dibao", 1, {"wages": STANDARD}, MET),
    "income one fen above": ("dibao", 1, {"wages": STANDARD + 1}, NOT_MET),
    "income from all sources at the standard": (
        "dibao", 3, {"wages": 3 * STANDARD - 5, "pensions": 1, "unemployment": 1, "interest": 1,
                     "dividends": 1, "other_income": 1}, MET),
    "income from all sources one fen above": (
        "dibao", 3, {"wages": 3 * STANDARD - 5, "pensions": 2, "unemployment": 1, "interest": 1,
                     "dividends": 1, "other_income": 1}, NOT_MET),
    "the largest household at the standard": ("dibao", 12, {"pensions": 12 * STANDARD}, MET),
    "the largest household one fen above": ("dibao", 12, {"pensions": 12 * STANDARD + 1}, NOT_MET),
    "assets one fen below 4 x": ("dibao", 1, {"deposits": ASSETS_4 - 1}, MET),
    "assets at 4 x": ("dibao", 1, {"deposits": ASSETS_4 - 1, "fund_balance": 1}, NOT_MET),
    "assets of two, one fen below": ("dibao", 2, {"holdings": 2 * ASSETS_4 - 1}, MET),
    "assets of two at 4 x": ("dibao", 2, {"holdings": 2 * ASSETS_4}, NOT_MET),
    "capital one fen below": ("dibao", 4, {"capital": CAPITAL_DIBAO - 1}, MET),
    "capital at the limit": ("dibao", 4, {"capital": CAPITAL_DIBAO}, NOT_MET),
    "one large home": ("dibao", 1, {"homes": 1, "floor_area": 50_000}, MET),
    "two homes just below": ("dibao", 2, {"homes": 2, "floor_area": 9_995}, MET),
    "two homes at the limit": ("dibao", 2, {"homes": 2, "floor_area": 9_996}, NOT_MET),
    "three tiny homes": ("dibao", 2, {"homes": 3, "floor_area": 3}, NOT_MET),
    "a car does not matter for dibao": ("dibao", 1, {"cars": 3, "cars_value": 10**9}, MET),
    "expenses do not matter for dibao": (
        "dibao", 1, {"wages": STANDARD + 1, "tuition": STANDARD}, NOT_MET),
    "income beyond every bound": ("dibao", 1, {"wages": 10**18}, NOT_MET),
    "income unreadable": ("dibao", 1, {"wages": UNREADABLE}, INCONCLUSIVE),
    "income unreadable, assets too high": (
        "dibao", 1, {"wages": UNREADABLE, "deposits": ASSETS_4}, NOT_MET),
    "negative wages": ("dibao", 1, {"wages": -1}, INCONCLUSIVE),
    "floor area unreadable": ("dibao", 1, {"homes": 1, "floor_area": UNREADABLE}, INCONCLUSIVE),
    "more homes than the bound": ("dibao", 1, {"homes": 1001}, INCONCLUSIVE),
    "near-poor: at the standard it is not above": ("near-poor", 1, {"wages": STANDARD}, NOT_MET),
    "near-poor: one fen above": ("near-poor", 1, {"wages": STANDARD + 1}, MET),
    "near-poor: at twice": ("near-poor", 1, {"wages": 2 * STANDARD}, MET),
    "near-poor: one fen above twice": ("near-poor", 1, {"wages": 2 * STANDARD + 1}, NOT_MET),
    "near-poor: assets one fen below 8 x": (
        "near-poor", 1, {"wages": 2 * STANDARD, "deposits": ASSETS_8 - 1}, MET),
    "near-poor: assets at 8 x": (
        "near-poor", 1, {"wages": 2 * STANDARD, "deposits": ASSETS_8}, NOT_MET),
    "near-poor: capital one fen below": (
        "near-poor", 1, {"wages": 2 * STANDARD, "capital": CAPITAL_NEAR_POOR - 1}, MET),
    "near-poor: capital at the limit": (
        "near-poor", 1, {"wages": 2 * STANDARD, "capital": CAPITAL_NEAR_POOR}, NOT_MET),
    "near-poor: one car just below": (
        "near-poor", 5, {"wages": 10 * STANDARD, "cars": 1, "cars_value": CAR - 1}, MET),
    "near-poor: one car at the limit": (
        "near-poor", 5, {"wages": 10 * STANDARD, "cars": 1, "cars_value": CAR}, NOT_MET),
    "near-poor: two cheap cars": (
        "near-poor", 5, {"wages": 10 * STANDARD, "cars": 2, "cars_value": 2}, NOT_MET),
    "near-poor: homes do not matter": (
        "near-poor", 1, {"wages": 2 * STANDARD, "homes": 5}, MET),
    "expenses bring income to the standard": (
        "expense-driven", 2, {"wages": 2 * STANDARD + 900, "tuition": 400,
                              "medical_expenses": 500}, MET),
    "expenses one fen short": (
        "expense-driven", 2, {"wages": 2 * STANDARD + 901, "tuition": 400,
                              "medical_expenses": 500}, NOT_MET),
    "expenses above income": ("expense-driven", 1, {"medical_expenses": 10**9}, MET),
    "expense-driven: assets one fen below 6 x": ("expense-driven", 1, {"holdings": ASSETS_6 - 1},
                                                 MET),
    "expense-driven: assets at 6 x": ("expense-driven", 1, {"holdings": ASSETS_6}, NOT_MET),
    # A saturated income could be lowered by expenses: it must not decide.
    "expense-driven: income beyond its bound": ("expense-driven", 1, {"wages": 10**18},
                                                INCONCLUSIVE),
    "expense-driven: expense beyond its bound": ("expense-driven", 1, {"tuition": 10**18},
                                                 INCONCLUSIVE),
}  # fmt: skip


@pytest.mark.parametrize(
    ("programme", "members", "values", "expected"), CASES.values(), ids=CASES.keys()
)
def test_programme(
    programme: str,
    members: int,
    values: dict[str, MeasureValue],
    expected: Verdict,
    layout: Layout,
) -> None:
    assert opened(layout, members, values)[programme].verdict is expected


@pytest.mark.parametrize("programme", ["dibao", "near-poor", "expense-driven"])
def test_a_programme_alone_says_the_same_as_with_the_others(programme: str, layout: Layout) -> None:
    alone = compile_policy(layout.policy, [programme])
    assert len(alone.slots) < len(layout.slots)
    for name, members, values, expected in CASES.values():
        if name == programme:
            held = {m: v for m, v in values.items() if m in layout.policy.file.measures}
            assert opened(alone, members, held)[programme].verdict is expected


def test_the_layout_depends_on_the_set_of_programmes_only(layout: Layout) -> None:
    policy = layout.policy
    assert compile_policy(policy, ["near-poor", "dibao"]) == compile_policy(
        policy, ["dibao", "near-poor"]
    )
    assert compile_policy(policy, list(policy.programmes)) == layout


WRONG_PROGRAMMES: dict[str, list[str]] = {
    "none": [],
    "twice": ["dibao", "dibao"],
    "unknown": ["dibo"],
}


@pytest.mark.parametrize("programmes", WRONG_PROGRAMMES.values(), ids=WRONG_PROGRAMMES.keys())
def test_wrong_programmes(programmes: list[str], layout: Layout) -> None:
    with pytest.raises(InputError):
        compile_policy(layout.policy, programmes)


def test_the_standard_and_its_negation_share_one_comparison(layout: Layout) -> None:
    within, above = layout.rules["income_within_standard"], layout.rules["income_above_standard"]
    assert within[0].comparison == above[0].comparison
    assert [within[0].negated, above[0].negated] == [False, True]
    assert len(layout.comparisons) == 10


def test_a_department_reads_only_what_the_programmes_need(layout: Layout) -> None:
    alone = compile_policy(layout.policy, ["expense-driven"])
    assert alone.measures_of("vehicles") == {}
    assert alone.resources_of("banks") == ("banks.deposits", "banks.interest")
    assert contribution(alone, "vehicles", {}, Inputs(1, REFERENCE)) == [0] * len(alone.slots)
    assert set(layout.measures_of("real-estate")) == {"homes", "floor_area"}


def test_the_explanation_names_parameter_date_limit_and_law(layout: Layout) -> None:
    rules = {r.rule: r for r in opened(layout, 3, {"wages": 3 * STANDARD + 1})["dibao"].rules}
    income = rules["income_within_standard"]
    assert (income.verdict, income.bits, income.flags) == (NOT_MET, (1,), (0,))
    assert (income.parameter, income.value) == ("monthly_standard", "1181.00 yuan")
    assert (income.limit, income.unit, income.op) == (4_251_600, "fen", "<=")
    assert income.effective == date(2022, 12, 1)
    assert "minimum living allowance" in income.legal
    assert income.departments == ("banks", "securities", "social-security", "tax")
    assert rules["assets_below_4"].limit == 3 * ASSETS_4
    assert rules["housing_allowed"].limit == 0


def test_a_flag_explains_itself(layout: Layout) -> None:
    rules = {r.rule: r for r in opened(layout, 1, {"capital": UNREADABLE})["dibao"].rules}
    assert rules["capital_below_100000"].why is Why.FLAGGED
    assert rules["assets_below_4"].why is Why.CONCLUSIVE


SILENT: dict[str, tuple[str, str, dict[str, MeasureValue], Verdict]] = {
    "income known to exceed": ("tax", "dibao", {"pensions": STANDARD + 1}, NOT_MET),
    "income below so far": ("tax", "dibao", {"pensions": STANDARD}, INCONCLUSIVE),
    "above the standard is not concluded": (
        "tax", "near-poor", {"pensions": STANDARD + 1}, INCONCLUSIVE),
    "expenses could still lower the net income": (
        "education", "expense-driven", {"wages": STANDARD + 1}, INCONCLUSIVE),
    "income could only raise the net income": (
        "social-security", "expense-driven", {"wages": STANDARD + 1}, NOT_MET),
    "a department that does not serve the programme": (
        "vehicles", "dibao", {"wages": STANDARD}, MET),
    "a rule of one department": ("vehicles", "near-poor", {"wages": 2 * STANDARD}, INCONCLUSIVE),
}  # fmt: skip


@pytest.mark.parametrize(
    ("department", "programme", "values", "expected"), SILENT.values(), ids=SILENT.keys()
)
def test_closing_as_incomplete(
    department: str,
    programme: str,
    values: dict[str, MeasureValue],
    expected: Verdict,
    layout: Layout,
) -> None:
    found = opened(layout, 1, values, silent=frozenset({department}))
    assert found[programme].verdict is expected


def test_too_few_departments_for_a_rule_are_not_opened(layout: Layout) -> None:
    everybody = set(layout.departments)
    require_minimum(layout, everybody)
    require_minimum(layout, everybody - {"tax", "banks"})
    with pytest.raises(InputError, match="income_within_standard"):
        require_minimum(layout, everybody - {"tax", "social-security", "banks"})
    with pytest.raises(InputError, match="car_allowed"):
        require_minimum(layout, everybody - {"vehicles"})


def test_rules_that_one_department_alone_serves_are_named(layout: Layout) -> None:
    assert layout.single_department_rules == {
        "capital_below_100000": "market-regulation",
        "capital_below_200000": "market-regulation",
        "housing_allowed": "real-estate",
        "car_allowed": "vehicles",
    }
