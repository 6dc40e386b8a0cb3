"""``policy check``: whether a policy that parses may also be opened, and what it reveals.

Source: design.md 2.5.2, 2.5.5, 2.7.8.
Errors refuse the policy; warnings name what an authorization must tell the household; notes
print what a reader should know: brackets, saturation, capacity.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from model.money import Unit, format_amount
from model.policy import expression
from model.policy.compiling import Comparison, Layout, compile_policy
from model.policy.errors import InputError, PolicyError
from model.policy.parsing import Policy

MAX_LIMITS_PER_FORM = 4
DEFAULT_KEY_BITS = 3072


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One finding; ``place`` is the table of the file that it is about."""

    severity: Severity
    code: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.place}: {self.message} ({self.code})"


def check(policy: Policy, *, key_bits: int = DEFAULT_KEY_BITS) -> list[Finding]:
    """Return all findings, errors first.

    Args:
        key_bits: Exact length of the Paillier modulus of the federation.
    """
    found = [*_bounds(policy), *_months(policy), *_unused(policy), *_dates(policy)]
    try:
        layout = compile_policy(policy)
    except InputError as error:
        found.append(Finding(Severity.ERROR, "empty-comparison", "[ratios]", str(error)))
    else:
        found += [*_served(layout), *_ladders(layout), *_saturation(layout)]
        found += [*_capacity(layout, key_bits), *_bit_proofs(layout)]
    return sorted(found, key=lambda finding: list(Severity).index(finding.severity))


def require_sound(policy: Policy, *, key_bits: int = DEFAULT_KEY_BITS) -> None:
    """Raise PolicyError with every error that check finds; nothing may be opened under it."""
    errors = [f for f in check(policy, key_bits=key_bits) if f.severity is Severity.ERROR]
    if errors:
        raise PolicyError(f"{policy.source}: " + "; ".join(map(str, errors)))


def _bit_proofs(layout: Layout) -> Iterator[Finding]:
    if not layout.policy.file.policy.bit_proofs:
        gain = (layout.ell + 2).bit_length() - 1
        text = f"without bit proofs an evaluator can gain up to {gain} bits a rule from each case"
        yield Finding(Severity.WARNING, "no-bit-proofs", "[policy]", text)


def _bounds(policy: Policy) -> Iterator[Finding]:
    for name, measure in policy.file.measures.items():
        place = f"[measures.{name}]"
        if not measure.low <= 0 <= measure.high:
            text = f"the bounds {measure.min} to {measure.max} must include 0: no record is 0"
            yield Finding(Severity.ERROR, "bounds-without-zero", place, text)
        if measure.low == measure.high:
            text = "the bounds leave one value only"
            yield Finding(Severity.ERROR, "bounds-empty", place, text)
        if measure.kind == "count" and measure.low < 0:
            text = "a count is never negative: set min to 0"
            yield Finding(Severity.ERROR, "bounds-of-count", place, text)


def _months(policy: Policy) -> Iterator[Finding]:
    """A monthly limit is multiplied by the window: every measure must have that window."""
    months = policy.file.policy.months
    for name, rule in policy.file.rules.items():
        if not rule.monthly:
            continue
        for measure in policy.file.forms[rule.form]:
            entry = policy.file.measures.get(measure)
            if entry is None or entry.window_months != months:
                text = f"is monthly, so measure {measure!r} must have window_months = {months}"
                yield Finding(Severity.ERROR, "window", f"[rules.{name}]", text)


def _unused(policy: Policy) -> Iterator[Finding]:
    file = policy.file
    rules = frozenset().union(*(policy.rules_of(name) for name in policy.programmes))
    forms = {r.form for n, r in file.rules.items() if n in rules}
    ratios = [r for n, r in file.ratios.items() if n in rules]
    forms |= {f for r in ratios for f in (r.numerator, r.denominator)}
    measures = {m for name in forms for m in file.forms[name]}
    inner = [expression.names(policy.conditions[m]) for m in measures & file.conditions.keys()]
    measures = measures.union(*inner)
    parameters = {r.parameter for n, r in file.rules.items() if n in rules}
    parameters |= {r.parameter for r in ratios} | measures
    tables = (
        ("rules", file.rules, rules),
        ("ratios", file.ratios, rules),
        ("forms", file.forms, forms),
        ("measures", file.measures, measures),
        ("conditions", file.conditions, measures),
        ("parameters", file.parameters, parameters),
    )
    for table, defined, used in tables:
        for name in sorted(defined.keys() - used):
            yield Finding(Severity.WARNING, "unused", f"[{table}.{name}]", "no programme uses it")
    held = {policy.entry(m).department for m in measures if m in _entries(policy)}
    for department in sorted(set(policy.departments) - held):
        text = f'no programme uses department "{department}": it would be asked for nothing'
        yield Finding(Severity.WARNING, "unused-department", "[measures]", text)


def _entries(policy: Policy) -> frozenset[str]:
    return frozenset(policy.file.measures) | frozenset(policy.file.conditions)


def _dates(policy: Policy) -> Iterator[Finding]:
    for name, parameter in policy.file.parameters.items():
        if parameter.effective > policy.file.policy.valid_from:
            text = f"takes effect on {parameter.effective}, after the policy's valid_from"
            yield Finding(Severity.WARNING, "not-yet-effective", f"[parameters.{name}]", text)


def _served(layout: Layout) -> Iterator[Finding]:
    for name, terms in layout.rules.items():
        place = _rule_place(layout, name)
        for term in terms:
            comparison = layout.comparisons[term.comparison]
            yield from _too_few(place, comparison)
            if len(comparison.departments) == 1:
                text = (
                    f"only {comparison.departments[0]} serves it: its bit is that department's"
                    " fact, and the authorization must name it"
                )
                yield Finding(Severity.WARNING, "single-department", place, text)


def _too_few(place: str, comparison: Comparison) -> Iterator[Finding]:
    count, wanted = len(comparison.departments), comparison.min_departments
    if count < wanted:
        text = f"{count} of at least {wanted} departments serve {_written(comparison)}"
        text += "; to accept that, set min_departments in every rule on it"
        yield Finding(Severity.ERROR, "too-few-departments", place, text)


def _ladders(layout: Layout) -> Iterator[Finding]:
    forms: dict[tuple[tuple[str, int], ...], list[Comparison]] = {}
    for comparison in layout.comparisons:
        forms.setdefault(comparison.form, []).append(comparison)
    for form, steps in forms.items():
        place = f"[forms] {_written(steps[0])}"
        if len(steps) > MAX_LIMITS_PER_FORM:
            text = f"{len(steps)} distinct limits; a ladder of more than {MAX_LIMITS_PER_FORM}"
            yield Finding(Severity.ERROR, "ladder", place, f"{text} is a binary search")
        yield from _distances(layout, place, steps, _distance(layout.policy, form))
        if len(steps) > 1:
            yield Finding(Severity.NOTE, "brackets", place, _brackets(layout, steps))


def _distances(
    layout: Layout, place: str, steps: list[Comparison], distance: int
) -> Iterator[Finding]:
    for index, first in enumerate(steps):
        for second in steps[index + 1 :]:
            gaps = [abs(a - b) for a, b in zip(first.limits, second.limits, strict=True)]
            if min(gaps) >= distance:
                continue
            size = gaps.index(min(gaps))
            near = f"{_amount(layout, first, size)} and {_amount(layout, second, size)}"
            text = f"for {size + 1} members the limits {near} lie closer than {distance}"
            yield Finding(Severity.ERROR, "distance", place, f"{text}: together they show equality")


def _distance(policy: Policy, form: tuple[tuple[str, int], ...]) -> int:
    """The declared distance of a normalised form: the widest of the forms that come to it."""
    names = {name for name, _ in form}
    file = policy.file
    declared = [file.distances[f] for f in file.distances if file.forms[f].keys() == names]
    return max(declared, default=file.policy.min_distance)


def _brackets(layout: Layout, steps: list[Comparison]) -> str:
    ordered = sorted(steps, key=lambda comparison: comparison.limits)
    edges = ", ".join(_amount(layout, step, 0) for step in ordered)
    return f"opening it shows in which of {len(steps) + 1} brackets a household lies; edges for" + (
        f" one member: {edges}"
    )


def _saturation(layout: Layout) -> Iterator[Finding]:
    for comparison in layout.comparisons:
        place = f"[forms] {_written(comparison)}"
        if comparison.saturates:
            text = "saturates: a value above its bound is sent as the bound, beyond every limit"
        else:
            text = "never saturates: a value out of bounds sets the flag; inconclusive"
        top = format_amount(max(comparison.limits), _unit(layout, comparison))
        text += f"; largest limit {top} {_unit(layout, comparison)}, ell {comparison.ell}"
        yield Finding(Severity.NOTE, "saturation", place, text)


def _capacity(layout: Layout, key_bits: int) -> Iterator[Finding]:
    used = f"{len(layout.slots)} slots of {layout.width} bits"
    if layout.fits(key_bits):
        text = f"{used} fit a key of {key_bits} bits"
        yield Finding(Severity.NOTE, "capacity", "[programmes]", text)
    else:
        text = f"{used} do not fit a key of {key_bits} bits: fewer rules or tighter bounds"
        yield Finding(Severity.ERROR, "capacity", "[programmes]", text)


def _rule_place(layout: Layout, name: str) -> str:
    return f"[ratios.{name}]" if name in layout.policy.file.ratios else f"[rules.{name}]"


def _written(comparison: Comparison) -> str:
    parts = [f"{weight:+d} {name}" for name, weight in comparison.form]
    return " ".join(parts).replace("+1 ", "+ ").replace("-1 ", "- ").removeprefix("+ ")


def _unit(layout: Layout, comparison: Comparison) -> Unit:
    base = Unit(layout.policy.entry(comparison.form[0][0]).base_unit)
    return {Unit.FEN: Unit.YUAN, Unit.SQUARE_METRE_HUNDREDTH: Unit.SQUARE_METRE}.get(base, base)


def _amount(layout: Layout, comparison: Comparison, size: int) -> str:
    unit = _unit(layout, comparison)
    return f"{format_amount(comparison.limits[size], unit)} {unit}"
