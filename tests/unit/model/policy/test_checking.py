"""``policy check``: every policy that would reveal too much, or cannot work, is refused.

Tests design.md 1.2, 2.5.2, 2.5.5, 2.7.8.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from model.policy import Policy, PolicyError, Severity, check, parse, require_sound

Change = Callable[..., Policy]


def rule(name: str, *lines: str) -> str:
    """One more rule on income, used by a programme of its own."""
    head = f'[rules.{name}]\ntitle = {{ en = "{name}", zh = "规则" }}\nlegal = "none"\n'
    use = f'[programmes.{name.replace("_", "-")}]\ntitle = {{ en = "P", zh = "项目" }}\n'
    return f'\n{head}{chr(10).join(lines)}\n{use}when = "{name}"\nlegal = "none"\n'


def parameter(name: str, value: str, unit: str = "yuan") -> str:
    return (
        f'\n[parameters.{name}]\ntitle = {{ en = "P", zh = "参数" }}\nvalue = "{value}"\n'
        f'unit = "{unit}"\neffective = 2022-12-01\nlegal = "none"\n'
    )


ON_INCOME = 'form = "income"'
PER_MONTH = ('parameter = "standard"', 'per = "member"', "monthly = true")
LADDER = "".join(rule(f"step_{n}", ON_INCOME, 'op = "<="', f'times = "{n}"', *PER_MONTH)
                 for n in (2, 3, 4, 5))  # fmt: skip
DOUBLED = "\n[forms.doubled]\nwages = 2\npensions = 2\n"
NEGATED = "\n[forms.negated]\nwages = -1\npensions = -1\n"
BURDEN = (
    '\n[ratios.burden]\ntitle = { en = "R", zh = "比例" }\nnumerator = "income"\n'
    'denominator = "income"\nparameter = "share"\nlegal = "none"\n'
    '[programmes.burdened]\ntitle = { en = "P", zh = "项目" }\nwhen = "burden"\nlegal = "none"\n'
)

BAD: dict[str, tuple[list[tuple[str, str]], str, str]] = {
    "bounds above 0": ([('kind = "count"\nunit = "1"\nmin = "0"', 'kind = "count"\nunit = "1"\n'
                        'min = "1"')], "", "bounds-without-zero"),
    "bounds below 0": ([('min = "0"\nmax = "20"', 'min = "-9"\nmax = "-1"')], "",
                       "bounds-without-zero"),
    "bounds of one value": ([('max = "20"', 'max = "0"')], "", "bounds-empty"),
    "negative count": ([('kind = "count"\nunit = "1"\nmin = "0"', 'kind = "count"\nunit = "1"\n'
                        'min = "-1"')], "", "bounds-of-count"),
    "monthly rule on a measure without window": (
        [('resource = "tax.wages"\nkind = "sum"\nunit = "yuan"\nwindow_months = 12',
          'resource = "tax.wages"\nkind = "sum"\nunit = "yuan"')], "", "window"),
    "monthly rule on a measure of 6 months": (
        [('resource = "tax.wages"\nkind = "sum"\nunit = "yuan"\nwindow_months = 12',
          'resource = "tax.wages"\nkind = "sum"\nunit = "yuan"\nwindow_months = 6')], "", "window"),
    "single department not accepted": ([("min_departments = 1\n", "")], "",
                                       "too-few-departments"),
    "minimum above the departments": ([("min_departments = 2", "min_departments = 3")], "",
                                      "too-few-departments"),
    "at most and below the same limit": (
        [], rule("close", ON_INCOME, 'op = "<"', *PER_MONTH), "distance"),
    "at least the same limit": (
        [], rule("close", ON_INCOME, 'op = ">="', *PER_MONTH), "distance"),
    "close for one household size only": (
        [], parameter("flat", "36000.00") + rule("close", ON_INCOME, 'op = "<"',
                                                'parameter = "flat"'), "distance"),
    "close once the form is divided by its gcd": (
        [], DOUBLED + parameter("twice", "2000.02")
        + rule("close", 'form = "doubled"', 'op = "<="', 'parameter = "twice"', 'per = "member"',
               "monthly = true"), "distance"),
    "close once the form's sign is turned": (
        [], NEGATED + parameter("debt", "-1000.00")
        + rule("close", 'form = "negated"', 'op = "<="', 'parameter = "debt"', 'per = "member"',
               "monthly = true"), "distance"),
    "five limits on one form": ([], LADDER, "ladder"),
    "ratio that compares nothing": ([], parameter("share", "1/1", "ratio") + BURDEN,
                                    "empty-comparison"),
}  # fmt: skip


@pytest.mark.parametrize(("pairs", "more", "code"), BAD.values(), ids=BAD.keys())
def test_refuses_bad_policies(
    pairs: list[tuple[str, str]], more: str, code: str, changed: Change
) -> None:
    policy = changed(*pairs, more=more)
    assert code in {f.code for f in check(policy) if f.severity is Severity.ERROR}
    with pytest.raises(PolicyError, match=code):
        require_sound(policy)


def test_a_policy_that_does_not_fit_the_key_is_refused(changed: Change) -> None:
    policy = changed()
    require_sound(policy, key_bits=2048)
    with pytest.raises(PolicyError, match="capacity"):
        require_sound(policy, key_bits=256)


def test_four_limits_at_a_distance_are_accepted_and_their_brackets_printed(
    changed: Change,
) -> None:
    steps = "".join(
        rule(f"step_{n}", ON_INCOME, 'op = "<="', f'times = "{n}"', *PER_MONTH) for n in (2, 3, 4)
    )
    found = check(changed(more=steps))
    assert not [f for f in found if f.severity is Severity.ERROR]
    brackets = [f for f in found if f.code == "brackets"]
    assert len(brackets) == 1
    assert "5 brackets" in brackets[0].message
    assert "12000.00 yuan, 24000.00 yuan, 36000.00 yuan, 48000.00 yuan" in brackets[0].message


def test_the_same_limit_met_by_a_negated_rule_is_one_limit(changed: Change) -> None:
    """Negative income at or above minus the limit says the same as income at or below it."""
    same = NEGATED + parameter("debt", "-1000.00")
    lines = ('op = ">="', 'parameter = "debt"', 'per = "member"', "monthly = true")
    found = check(changed(more=same + rule("mirror", 'form = "negated"', *lines)))
    assert not [f for f in found if f.severity is Severity.ERROR or f.code == "brackets"]


def test_a_declared_distance_of_a_form_stands_in_place_of_the_default(changed: Change) -> None:
    close = parameter("next", "1000.50") + rule(
        "close", ON_INCOME, 'op = "<="', 'parameter = "next"', 'per = "member"', "monthly = true"
    )
    assert "distance" not in {
        f.code for f in check(changed(more=close + "[distances]\nincome = 600"))
    }
    assert "distance" in {f.code for f in check(changed(more=close + "[distances]\nincome = 601"))}


WARNED = {
    "single-department rule": ([], "", "single-department", "only vehicles serves it"),
    "unused parameter": ([], parameter("idle", "1"), "unused", "[parameters.idle]"),
    "unused rule": ([("poor and cars_allowed", "poor")], "", "unused", "[rules.cars_allowed]"),
    "unused department": (
        [("poor and cars_allowed", "poor")], "", "unused-department", '"vehicles"'),
    "parameter of the future": (
        [("effective = 2022-12-01", "effective = 2023-01-01")], "", "not-yet-effective",
        "2023-01-01"),
}  # fmt: skip


@pytest.mark.parametrize(("pairs", "more", "code", "says"), WARNED.values(), ids=WARNED.keys())
def test_warns(
    pairs: list[tuple[str, str]], more: str, code: str, says: str, changed: Change
) -> None:
    policy = changed(*pairs, more=more)
    found = [str(f) for f in check(policy) if f.code == code]
    assert any(says in line for line in found)
    assert all(line.startswith("warning: ") for line in found)
    require_sound(policy)


@pytest.mark.parametrize("name", ["yinzhou-2022-12", "cps-sample"])
def test_committed_policies_are_sound(name: str, policies: Path) -> None:
    path = policies / f"{name}.toml"
    policy = parse(path.read_bytes(), source=path.name)
    assert policy.name == name
    require_sound(policy, key_bits=2048)
    assert len(policy.departments) >= 8
    assert {f.code for f in check(policy) if f.severity is Severity.WARNING} <= {
        "single-department"
    }
