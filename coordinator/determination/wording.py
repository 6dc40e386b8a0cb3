"""How a rule is explained to an officer: form, limit, parameter, date of effect, in words."""

from typing import Final

from model.money import Unit, format_amount
from model.policy import RuleOutcome, Why
from model.policy.schema import RATIO

_SHOWN: Final = {"fen": (Unit.YUAN, " yuan"), "0.01m2": (Unit.SQUARE_METRE, " m²")}

_WHY: Final = {
    Why.CONCLUSIVE: "",
    Why.FLAGGED: "; a department's value was unreadable or out of its declared bounds",
    Why.SILENT: "; a department that serves it did not answer",
}


def explain(outcome: RuleOutcome, members: int) -> str:
    """One sentence: ``income <= 42516.00 yuan for 3 members (standard 1181 yuan, from …)``."""
    people = "1 member" if members == 1 else f"{members} members"
    return (
        f"{outcome.form} {outcome.op} {_limit(outcome)} for {people}{_source(outcome)}"
        + _WHY[outcome.why]
    )


def _limit(outcome: RuleOutcome) -> str:
    if outcome.limit is None or outcome.unit == RATIO:
        return outcome.value.removesuffix(f" {RATIO}")
    unit, name = _SHOWN.get(outcome.unit, (Unit.COUNT, ""))
    return format_amount(outcome.limit, unit) + name


def _source(outcome: RuleOutcome) -> str:
    if outcome.parameter is None:
        return ""
    since = f", in force from {outcome.effective.isoformat()}" if outcome.effective else ""
    # A count's unit is "1": "= 1 1" would read as a mistake.
    value = outcome.value.removesuffix(f" {Unit.COUNT}")
    return f" ({outcome.parameter} = {value}{since})"
