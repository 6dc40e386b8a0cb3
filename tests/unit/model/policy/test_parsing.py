"""Reading a policy file: strict, and with messages that help.

Tests design.md 2.4.5, 7.3.
"""

from collections.abc import Callable
from datetime import date

import pytest

from crypto.labels import Label, digest
from model.policy import Policy, PolicyError, Window, parse, policy_digest, window

Change = Callable[..., Policy]

REFUSED = {
    "misspelt key": (
        ('max = "20"', 'maxx = "20"\nmax = "20"'),
        'small.toml: [measures.cars]: unknown key "maxx". Did you mean "max"?',
    ),
    "misspelt table": (("[rules.poor]", "[rule.poor]"), 'unknown key "rule". Did you mean "rules"'),
    "misspelt key in the header": (
        ("months = 12\nmax", "mnths = 12\nmax"),
        '[policy]: unknown key "mnths". Did you mean "months"?',
    ),
    "missing key in the header": (('level = "verdict"', ""), '[policy]: key "level" is missing'),
    "missing title": (('title = { en = "Poor", zh = "贫困" }\n', ""), '[rules.poor]: key "title"'),
    "title without Chinese": ((', zh = "贫困" }', " }"), 'key "zh" is missing'),
    "misspelt measure": (("wages = 1", "wage = 1"), "[forms.income]: measure 'wage'"),
    "misspelt form": (('form = "income"', 'form = "incom"'), 'Did you mean "income"?'),
    "misspelt parameter": (('parameter = "standard"', 'parameter = "standart"'), '"standard"?'),
    "misspelt rule": (("poor and", "por and"), "[programmes.aid]: when: 'por' is not defined"),
    "unquoted amount": (('value = "1000.00"', "value = 1000.00"), "in quotes"),
    "unquoted count": (('max = "20"', "max = 20"), "in quotes"),
    "thousands separator": (('"1000.00"', '"1,000.00"'), "thousands"),
    "fraction of a fen": (('"1000.00"', '"1000.001"'), "at most 2 decimals"),
    "date as text": (("effective = 2022-12-01", 'effective = "2022-12-01"'), '"effective"'),
    "date with time": (("effective = 2022-12-01", "effective = 2022-12-01T00:00:00Z"), "date"),
    "unknown operator": (('op = "<="\nparameter', 'op = "="\nparameter'), '[rules.poor]: key "op"'),
    "float weight": (("wages = 1", "wages = 1.0"), '[forms.income]: key "wages"'),
    "zero weight": (("wages = 1", "wages = 0"), "weight 0"),
    "huge weight": (("wages = 1", "wages = 1001"), '[forms.income]: key "wages"'),
    "units differ in a form": (("pensions = 1", "cars = 1"), "units differ"),
    "units differ in a rule": (('form = "vehicles"\nop = "<="\nlimit = 0', 'form = "vehicles"\n'
        'op = "<="\nparameter = "standard"'), "is in fen, but form 'vehicles' is in 1"),
    "limit other than 0": (("limit = 0", "limit = 1"), '"limit"'),
    "no limit at all": (("limit = 0", ""), "either a parameter"),
    "both limits": (("limit = 0", 'limit = 0\nparameter = "standard"'), "either a parameter"),
    "limit 0 per member": (("limit = 0", 'limit = 0\nper = "member"'), "cannot be combined"),
    "not a whole fen": (('per = "member"', 'times = "1/3"\nper = "member"'), "not a whole number"),
    "negative times": (('per = "member"', 'times = "-1"\nper = "member"'), "positive"),
    "condition on another department": (("cars > members", "wages > members"), "is not defined"),
    "condition without a measure": (("cars > members", "members > 1"), "mentions no measure"),
    "condition is a number": (("cars > members", "cars + members"), "comparison is expected"),
    "condition with a call": (("cars > members", "exit(1)"), "[conditions.too_many_cars]"),
    "comparison in a programme": (("poor and", "1 < 2 and"), "only rules joined"),
    "count in yuan": (('kind = "count"\nunit = "1"', 'kind = "count"\nunit = "yuan"'), "a count"),
    "bounds out of order": (('max = "20"', 'max = "-1"'), "out of order"),
    "reserved name": (("[measures.cars]", "[measures.members]"), "expression language"),
    "name in two tables": (("[conditions.too_many_cars]", "[conditions.cars]"), "appears in both"),
    "valid_to before valid_from": (("2023-11-30", "2022-11-30"), "before valid_from"),
    "too many members": (("max_members = 5", "max_members = 33"), '"max_members"'),
    "distance 1 shows equality": (("min_distance = 1000", "min_distance = 1"), '"min_distance"'),
    "no programme": (("[programmes.aid]", "[programmes]"), "programmes"),
    "broken TOML": (("[programmes.aid]", "[programmes.aid"), "not TOML"),
    "key twice": (("limit = 0", "limit = 0\nlimit = 0"), "not TOML"),
}  # fmt: skip


@pytest.mark.parametrize(("pair", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_and_names_the_place(pair: tuple[str, str], says: str, changed: Change) -> None:
    with pytest.raises(PolicyError) as refused:
        changed(pair)
    assert str(refused.value).startswith("small.toml: ")
    assert says in str(refused.value)


def test_not_utf8_and_too_long() -> None:
    with pytest.raises(PolicyError, match="UTF-8"):
        parse(b"\xff")
    with pytest.raises(PolicyError, match="at most"):
        parse(b"#" * (256 * 1024 + 1))


def test_the_digest_is_over_the_exact_bytes(changed: Change) -> None:
    plain, commented = changed(), changed(more="# a comment\n")
    assert plain.digest != commented.digest
    assert plain.digest == changed().digest
    assert policy_digest(b"x") == digest(Label.POLICY, b"x")


WINDOWS = {
    "year": (date(2022, 12, 15), 12, date(2021, 12, 15), date(2022, 12, 14)),
    "month of other length": (date(2023, 3, 31), 1, date(2023, 2, 28), date(2023, 3, 30)),
    "leap day": (date(2024, 2, 29), 12, date(2023, 2, 28), date(2024, 2, 28)),
    "across the year": (date(2023, 2, 1), 6, date(2022, 8, 1), date(2023, 1, 31)),
}


@pytest.mark.parametrize(("day", "months", "first", "last"), WINDOWS.values(), ids=WINDOWS.keys())
def test_window(day: date, months: int, first: date, last: date) -> None:
    found = window(day, months)
    assert found == Window(first, last)
    assert first in found
    assert last in found
    assert day not in found


def test_a_window_of_n_months_holds_exactly_n_month_ends() -> None:
    ends = [
        date.fromordinal(n)
        for n in range(date(2022, 1, 31).toordinal(), date(2026, 1, 1).toordinal())
    ]
    ends = [day for day in ends if date.fromordinal(day.toordinal() + 1).day == 1]
    for start in range(date(2023, 2, 1).toordinal(), date(2025, 3, 2).toordinal()):
        for months in (1, 6, 12):
            found = window(date.fromordinal(start), months)
            assert sum(end in found for end in ends) == months
