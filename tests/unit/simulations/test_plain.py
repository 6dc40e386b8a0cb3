"""The plain arithmetic of the sample, the choice of households, and what counts as a difference."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from model.identifiers import IdentifierType, normalise
from simulations import choosing, survey
from simulations.choosing import choose
from simulations.plain import Plain, PlainError, read_holdings
from simulations.sample import Result, main, opened_bits
from simulations.survey import Household, Person, SurveyError

REFERENCE = date(2013, 1, 1)
POLICY = """
[policy]
months = 12
[parameters.standard]
value = "100.00"
unit = "yuan"
[parameters.share]
value = "1/3"
unit = "ratio"
[measures.wages]
resource = "tax.wages"
kind = "sum"
window_months = 12
[measures.losses]
resource = "banks.interest"
kind = "sum"
[forms.income]
wages = 1
losses = -2
[forms.wages]
wages = 1
[rules.within]
form = "income"
op = "<="
parameter = "standard"
per = "member"
[rules.below]
form = "income"
op = "<"
parameter = "standard"
times = "3/2"
monthly = true
[rules.unused]
form = "income"
op = ">"
parameter = "standard"
[ratios.part]
numerator = "wages"
denominator = "income"
parameter = "share"
[programmes.one]
when = "within and not (below or part)"
"""


@pytest.fixture
def files(tmp_path: Path) -> Mapping[str, Path]:
    wages, losses = tmp_path / "wages.csv", tmp_path / "losses.csv"
    wages.write_text(
        "person_id,year,amount_usd\nA1x,2012,150\nB,2012,50\nB,2012,50.50\nB,2011,9999\n"
    )
    losses.write_text("person_id,year,amount_usd\nB,1999,25\nC,2012,-7\n")
    (tmp_path / "policy.toml").write_text(POLICY)
    return {"tax.wages": wages, "banks.interest": losses}


@pytest.fixture
def plain(files: Mapping[str, Path]) -> Plain:
    return Plain.read(files["tax.wages"].parent / "policy.toml", files, REFERENCE)


TOTALS = {
    "one row": (["A1X"], 150),
    "two rows, one outside the window, a loss with a weight": (["B"], Fraction("50.5")),
    "a negative amount with a negative weight": (["C"], 14),
    "a person in no file": (["D"], 0),
    "a household": (["A1X", "B", "C", "D"], Fraction("214.5")),
}


@pytest.mark.parametrize(("persons", "total"), TOTALS.values(), ids=TOTALS.keys())
def test_a_form_adds_the_households_rows_within_its_windows(
    plain: Plain, persons: list[str], total: Fraction
) -> None:
    assert plain.total("income", persons) == total


def test_rules_follow_from_operator_factor_members_and_months(plain: Plain) -> None:
    assert plain.rules == ["within", "below", "part"]
    assert plain.bits(["A1X"], 1) == {"within": False, "below": True, "part": True}
    assert plain.bits(["A1X"], 2) == {"within": True, "below": True, "part": True}
    assert plain.margins(["A1X"], 2) == {"within": -50, "below": -1650}
    assert plain.bits(["D"], 1)["part"] is False, "nothing is a third of nothing"


def test_a_programme_joins_bits_as_its_expression_says(plain: Plain) -> None:
    assert plain.determinations({"within": True, "below": False, "part": False}) == {"one": True}
    assert plain.determinations({"within": True, "below": True, "part": False}) == {"one": False}


def test_rows_outside_every_window_are_counted(plain: Plain) -> None:
    assert plain.outside() == 1


def test_a_row_that_is_no_amount_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wages.csv"
    path.write_text("person_id,year,amount_usd\nA,2012,lots\n")
    with pytest.raises(PlainError, match=r"wages\.csv, line 2: not person_id,year,amount_usd"):
        read_holdings(path)


AGREE = {"within": "met", "programme one": "not met"}
DIFFERENCES = {
    "all agree": (AGREE, []),
    "a bit differs": (AGREE | {"within": "not met"}, ["federation not met, plain met"]),
    "a rule is missing": ({"programme one": "not met"}, ["federation determined, plain met"]),
    "inconclusive is no agreement": (
        AGREE | {"programme one": "inconclusive"},
        ["federation inconclusive, plain not met"],
    ),
}


@pytest.mark.parametrize(("federation", "wanted"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_whatever_is_not_the_same_is_a_difference(
    federation: dict[str, str], wanted: list[str]
) -> None:
    result = Result("H1", (), 1, AGREE, federation, "determined")
    assert [line.split(": ", 2)[2] for line in result.differences] == wanted


def test_a_rule_that_two_programmes_tell_differently_agrees_with_nothing() -> None:
    rules = [[{"rule": "within", "outcome": word}] for word in ("met", "not met")]
    programmes = [
        {"programme": name, "outcome": "met", "rules": found}
        for name, found in zip(("one", "two"), rules, strict=True)
    ]
    assert opened_bits({"programmes": programmes})["within"] == "told in two ways"


def household(label: str, *numbers: str, size: int = 0) -> Household:
    people = tuple(Person(n, "head" if i == 0 else "spouse", 40) for i, n in enumerate(numbers))
    return Household(label, people, size or len(people))


def listed(household: Household) -> int:
    """How many members the file lists."""
    return len(household.listed)


def test_the_awkward_are_chosen_first_and_the_rest_by_seed(plain: Plain) -> None:
    ordinary = [household(f"h{i}", "A1X") for i in range(30)]
    awkward = [household("loss", "C"), household("nobody", "D"), household("half", "A1X", "D")]
    chosen = choose([*ordinary, *awkward], plain, 8, seed=1, members=listed)
    kinds = {choice.household.label: choice.kinds for choice in chosen}
    assert choosing.NEGATIVE in kinds["loss"]
    assert {choosing.ABSENT, choosing.UNKNOWN, choosing.NO_INCOME} <= set(kinds["nobody"])
    assert choosing.ABSENT in kinds["half"]
    again = choose([*awkward, *reversed(ordinary)], plain, 8, seed=1, members=listed)
    assert again == chosen
    assert len(chosen) == 8
    named = choose(ordinary, plain, 1, seed=1, first=["h17"], members=listed)
    assert [choice.household.label for choice in named] == ["h17"]


def test_members_without_a_number_become_children_whom_nobody_knows() -> None:
    chosen = [household("a", "A", size=3), household("b", "B", "C", size=2)]
    listed = survey.rosters(chosen, {"A", "B", "C"}, whole=False)
    assert [len(members) for members in listed] == [1, 2]
    taken = {next(survey.invented(()))}
    whole = survey.rosters(chosen, taken, whole=True)
    invented = [member.number for member in whole[0][1:]]
    assert [len(members) for members in whole] == [3, 2]
    assert len({*invented, *taken}) == 3
    for number in invented:
        assert normalise(IdentifierType.RESIDENT, number).value == number


def test_a_folder_that_is_no_survey_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SurveyError, match=r"households\.csv is missing"):
        survey.files(tmp_path)
    assert main(["--data", str(tmp_path), "--home", str(tmp_path / "home")]) == 2
    assert "households.csv is missing" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_a_person_of_two_households_is_refused(tmp_path: Path) -> None:
    text = "household,person_id,relation,age,household_size\na,A,head,40,1\nb,A,head,40,1\n"
    (tmp_path / "households.csv").write_text(text)
    with pytest.raises(SurveyError, match="line 3: stands in two households"):
        survey.read_households(tmp_path)


def test_a_department_without_rows_imports_an_invented_person_with_nothing(tmp_path: Path) -> None:
    for name in survey.FILES:
        rows = "" if name == "business" else "33021219900101001X,2012,5\n"
        (tmp_path / f"{name}.csv").write_text("person_id,year,amount_usd\n" + rows)
    pairs = survey.write_mappings(tmp_path, tmp_path / "mappings", REFERENCE)
    assert len(pairs) == 8
    assert pairs["tax"][0][1] == tmp_path / "wages.csv"
    copied = read_holdings(pairs["market-regulation"][0][1])
    assert [rows for rows in copied.values()] == [[((2012, 12), Fraction(0))]]
