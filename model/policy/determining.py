"""From the opened bits to a determination per programme, explained rule by rule.

Source: design.md 2.7.1, 2.7.6. Three-valued: a flag or a silent department makes a rule
inconclusive; a programme is inconclusive only if its expression is not decided by the rules that
are known.
It is advice: an officer decides.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from model.policy import expression
from model.policy.compiling import Inputs, Layout, Term, check_inputs, interval, rule_limit
from model.policy.errors import InputError
from model.policy.schema import RATIO, Title


class Verdict(StrEnum):
    """What is known about a rule or a programme."""

    MET = "met"
    NOT_MET = "not met"
    INCONCLUSIVE = "inconclusive"


class Why(StrEnum):
    """Why a rule is inconclusive."""

    CONCLUSIVE = ""
    FLAGGED = "flagged"
    SILENT = "silent"


@dataclass(frozen=True)
class RuleOutcome:
    """One rule, with all that an explanation needs."""

    rule: str
    title: Title
    verdict: Verdict
    why: Why
    form: str
    """The form, or for a ratio "numerator / denominator"."""
    op: str
    limit: int | None
    """For this household, in ``unit``; None for a ratio, whose limit is the parameter."""
    unit: str
    parameter: str | None
    value: str
    """The parameter as the policy writes it, with its unit; "0" for a condition."""
    effective: date | None
    legal: str
    departments: tuple[str, ...]
    """Those that serve the rule."""
    bits: tuple[int, ...]
    """The opened bits of the rule's comparisons: 1 says x > T in normal form."""
    flags: tuple[int, ...]


@dataclass(frozen=True)
class Determination:
    """One programme: advice to the officer."""

    programme: str
    title: Title
    legal: str
    expression: str
    verdict: Verdict
    rules: tuple[RuleOutcome, ...]
    """The rules that the programme mentions, in the file's order."""


def determine(
    layout: Layout, inputs: Inputs, bits: Sequence[int], *, silent: Collection[str] = ()
) -> tuple[Determination, ...]:
    """Combine the opened bits, one per slot, into a determination per programme.

    Args:
        bits: In slot order; 1 says that the sum exceeds the limit.
        silent: Departments of the manifest that did not answer, when a case is closed as
            incomplete. A ``≤`` or ``<`` rule is then not met if the answered part already
            exceeds the limit and the silent ones can only add; any other rule that a silent
            department serves is inconclusive.

    Raises:
        InputError: wrong number of bits, a bit that is not 0 or 1, or inputs not admitted.
    """
    check_inputs(layout.policy, inputs)
    if len(bits) != len(layout.slots):
        raise InputError(f"{len(bits)} bits for {len(layout.slots)} slots")
    if any(type(bit) is not int or bit not in (0, 1) for bit in bits):
        raise InputError("a bit is neither 0 nor 1")
    outcomes = {
        name: _outcome(layout, inputs, name, bits, frozenset(silent)) for name in layout.rules
    }
    return tuple(_determination(layout, name, outcomes) for name in layout.programmes)


_TRUTH = {Verdict.MET: True, Verdict.NOT_MET: False, Verdict.INCONCLUSIVE: None}
_VERDICT = {True: Verdict.MET, False: Verdict.NOT_MET, None: Verdict.INCONCLUSIVE}


def _determination(layout: Layout, name: str, outcomes: dict[str, RuleOutcome]) -> Determination:
    programme = layout.policy.file.programmes[name]
    used = layout.policy.rules_of(name)
    known = {rule: _TRUTH[outcomes[rule].verdict] for rule in used}
    truth = expression.evaluate(layout.policy.programmes[name], known)
    return Determination(
        programme=name,
        title=programme.title,
        legal=programme.legal,
        expression=programme.when,
        verdict=_VERDICT[None if truth is None else bool(truth)],
        rules=tuple(outcome for rule, outcome in outcomes.items() if rule in used),
    )


def _outcome(
    layout: Layout, inputs: Inputs, name: str, bits: Sequence[int], silent: frozenset[str]
) -> RuleOutcome:
    terms = layout.rules[name]
    values = tuple(bits[2 * term.comparison] for term in terms)
    flags = tuple(bits[2 * term.comparison + 1] for term in terms)
    served = tuple(
        sorted({d for term in terms for d in layout.comparisons[term.comparison].departments})
    )
    verdict, why = _verdict(layout, name, terms, bits, silent.intersection(served))
    if name in layout.policy.file.ratios:
        return _ratio_outcome(layout, name, verdict, why, served, values, flags)
    file = layout.policy.file
    rule = file.rules[name]
    parameter = file.parameters[rule.parameter] if rule.parameter else None
    return RuleOutcome(
        rule=name,
        title=rule.title,
        verdict=verdict,
        why=why,
        form=rule.form,
        op=rule.op,
        limit=rule_limit(layout.policy, rule, inputs.members),
        unit=layout.policy.entry(next(iter(file.forms[rule.form]))).base_unit,
        parameter=rule.parameter,
        value=f"{parameter.value} {parameter.unit}" if parameter else "0",
        effective=parameter.effective if parameter else None,
        legal=rule.legal,
        departments=served,
        bits=values,
        flags=flags,
    )


def _ratio_outcome(
    layout: Layout,
    name: str,
    verdict: Verdict,
    why: Why,
    served: tuple[str, ...],
    values: tuple[int, ...],
    flags: tuple[int, ...],
) -> RuleOutcome:
    ratio = layout.policy.file.ratios[name]
    parameter = layout.policy.file.parameters[ratio.parameter]
    return RuleOutcome(
        rule=name,
        title=ratio.title,
        verdict=verdict,
        why=why,
        form=f"{ratio.numerator} / {ratio.denominator}",
        op=">=",
        limit=None,
        unit=RATIO,
        parameter=ratio.parameter,
        value=f"{parameter.value} {parameter.unit}",
        effective=parameter.effective,
        legal=ratio.legal,
        departments=served,
        bits=values,
        flags=flags,
    )


def _verdict(
    layout: Layout,
    name: str,
    terms: tuple[Term, ...],
    bits: Sequence[int],
    silent: frozenset[str],
) -> tuple[Verdict, Why]:
    if any(bits[2 * term.comparison + 1] for term in terms):
        return Verdict.INCONCLUSIVE, Why.FLAGGED
    # The bit says x > T; a term wants that if it is negated, and x <= T otherwise.
    holds = all(bool(bits[2 * term.comparison]) == term.negated for term in terms)
    if not silent:
        return _VERDICT[holds], Why.CONCLUSIVE
    if not holds and _silent_can_only_add(layout, name, silent):
        return Verdict.NOT_MET, Why.CONCLUSIVE
    return Verdict.INCONCLUSIVE, Why.SILENT


def _silent_can_only_add(layout: Layout, name: str, silent: frozenset[str]) -> bool:
    """Whether the rule is ``≤`` or ``<`` and no silent department can lower its form."""
    rule = layout.policy.file.rules.get(name)
    if rule is None or rule.op not in ("<=", "<"):
        return False
    ends = interval(layout.policy, layout.policy.file.forms[rule.form].items())
    return all(ends[department][0] >= 0 for department in silent)
