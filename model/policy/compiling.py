"""From a policy to the layout of one opening: comparisons ``x <= T`` in numbered slots.

Source: design.md 2.5.1 to 2.5.7. Everything here is a function of the policy's bytes, the
programmes of the case and the plain inputs, so that node, masker, evaluator and coordinator
derive the same. Every comparison has a value slot 2k and, behind it, its own flag slot 2k+1 with
the limit 0.
Learns: whoever opens a layout learns one bit a slot.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil, floor, gcd

from model.mistakes import did_you_mean
from model.policy.errors import InputError
from model.policy.expression import names
from model.policy.parsing import Policy
from model.policy.schema import Condition, Measure, Rule

MASK_EXTRA_BITS = 41
WIDTH_EXTRA_BITS = 42


@dataclass(frozen=True)
class Inputs:
    """The plain inputs of a case, derived by the registrar from the authorization."""

    members: int
    reference_date: date


@dataclass(frozen=True)
class Comparison:
    """``Σ weight · measure ≤ T``, with primitive weights of which the first is positive."""

    form: tuple[tuple[str, int], ...]
    """(measure, weight), sorted by measure."""
    limits: tuple[int, ...]
    """T for a household of 1, 2, … max_members: two comparisons are one if both agree."""
    departments: tuple[str, ...]
    """Those that serve it, sorted."""
    low: int
    high: int
    """Least and greatest sum over every subset of departments."""
    saturates: bool
    """Whether a value above its bound is sent as the bound instead of raising the flag."""
    min_departments: int
    """How many serving departments must have answered before it is opened."""

    @property
    def ell(self) -> int:
        """The least ℓ with ``|Σy − T| < 2^ℓ − 1`` for every sum and household, and ``|y| < 2^ℓ``.

        The second for the limit in the middle of the range: a value at its bound that could not be
        packed would make a department refuse, and the refusal would say that it is there.
        """
        deviation = max(self.high - min(self.limits), max(self.limits) - self.low)
        most = max(deviation + 1, self.high, -self.low, len(self.departments) + 1)
        return most.bit_length()


@dataclass(frozen=True)
class Term:
    """One comparison of a rule: the bit says ``x > T``; negated, that is what the rule wants."""

    comparison: int
    negated: bool


@dataclass(frozen=True)
class Slot:
    """One slot of the plaintext: the value of a comparison, or its flag."""

    comparison: int
    is_flag: bool
    departments: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """What all parties of one opening must agree on. Build it with compile_policy."""

    policy: Policy
    programmes: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    rules: Mapping[str, tuple[Term, ...]]
    """Rule or ratio name → its comparisons, all of which must hold; in the file's order."""

    @property
    def slots(self) -> tuple[Slot, ...]:
        """All slots in order: value and flag of each comparison in turn."""
        return tuple(
            Slot(index, is_flag, comparison.departments)
            for index, comparison in enumerate(self.comparisons)
            for is_flag in (False, True)
        )

    @property
    def ell(self) -> int:
        """ℓ: bits of the comparison, the same for every slot."""
        return max(comparison.ell for comparison in self.comparisons)

    @property
    def mask_bits(self) -> int:
        """Bits of a slot's mask: ℓ + 41."""
        return self.ell + MASK_EXTRA_BITS

    @property
    def width(self) -> int:
        """Bits of a slot, w = ℓ + 42: a masked number never reaches the next slot."""
        return self.ell + WIDTH_EXTRA_BITS

    @property
    def departments(self) -> tuple[str, ...]:
        """Departments that serve any rule of these programmes, sorted."""
        return tuple(sorted({d for c in self.comparisons for d in c.departments}))

    @property
    def single_department_rules(self) -> dict[str, str]:
        """Rule → department, where one department alone serves it: authorizations name them."""
        return {
            rule: self.comparisons[term.comparison].departments[0]
            for rule, terms in self.rules.items()
            for term in terms
            if len(self.comparisons[term.comparison].departments) == 1
        }

    def fits(self, key_bits: int) -> bool:
        """Whether every masked plaintext stays below a modulus of exactly ``key_bits`` bits."""
        return 2 * len(self.comparisons) * self.width <= key_bits - 1

    def measures_of(self, department: str) -> dict[str, Measure]:
        """The measures, by name, that this department must compute, in the file's order."""
        wanted = {name for c in self.comparisons for name, _ in c.form}
        for name in wanted & self.policy.conditions.keys():
            wanted = wanted | _inputs_of(self.policy, name)
        measures = self.policy.file.measures.items()
        return {n: m for n, m in measures if n in wanted and m.department == department}

    def resources_of(self, department: str) -> tuple[str, ...]:
        """The resources that this department must read, sorted: those a ticket names."""
        return tuple(sorted({m.resource for m in self.measures_of(department).values()}))


def compile_policy(policy: Policy, programmes: Sequence[str] | None = None) -> Layout:
    """Return the layout for the programmes of a case; for all programmes when None.

    Args:
        programmes: Names from the policy, in any order and without duplicates; the layout
            depends on the set only.

    Raises:
        InputError: no programme, a duplicate, or one that the policy does not have.
    """
    chosen = _chosen(policy, list(policy.programmes) if programmes is None else programmes)
    wanted = frozenset().union(*(policy.rules_of(name) for name in chosen))
    builder = _Builder(policy)
    for name, rule in policy.file.rules.items():
        if name in wanted:
            builder.add_rule(name, rule)
    for name in policy.file.ratios:
        if name in wanted:
            builder.add_ratio(name)
    return builder.layout(chosen)


def limits(layout: Layout, inputs: Inputs) -> list[int]:
    """Return T of every slot for this household; 0 for flags.

    Raises:
        InputError: more members than the policy admits, or a reference date outside its validity.
    """
    check_inputs(layout.policy, inputs)
    found: list[int] = []
    for comparison in layout.comparisons:
        found += [comparison.limits[inputs.members - 1], 0]
    return found


def require_minimum(layout: Layout, answered: Iterable[str]) -> None:
    """Raise InputError unless enough departments answered for every rule of the layout."""
    there = frozenset(answered)
    for rule, terms in layout.rules.items():
        for term in terms:
            comparison = layout.comparisons[term.comparison]
            count = len(there.intersection(comparison.departments))
            if count < comparison.min_departments:
                raise InputError(
                    f'rule "{rule}" needs answers of {comparison.min_departments} of the'
                    f" departments that serve it; {count} answered"
                )


def check_inputs(policy: Policy, inputs: Inputs) -> None:
    """Raise InputError unless the policy admits a household with these inputs."""
    header = policy.file.policy
    if type(inputs.members) is not int or not 1 <= inputs.members <= header.max_members:
        raise InputError(f'policy "{policy.name}" allows households of 1 to {header.max_members}')
    last = header.valid_to or date.max
    if not header.valid_from <= inputs.reference_date <= last:
        until = f" to {header.valid_to}" if header.valid_to else " on"
        raise InputError(
            f'policy "{policy.name}" holds from {header.valid_from}{until},'
            f" not on {inputs.reference_date}"
        )


def rule_limit(policy: Policy, rule: Rule, members: int) -> int:
    """The limit of a rule for a household, in the base unit of its form, as the law states it."""
    if rule.parameter is None:
        return 0
    limit = policy.file.parameters[rule.parameter].amount * Fraction(rule.times)
    limit *= members if rule.per == "member" else 1
    limit *= policy.file.policy.months if rule.monthly else 1
    return int(limit)


def interval(policy: Policy, form: Iterable[tuple[str, int]]) -> dict[str, tuple[int, int]]:
    """Per department the least and greatest contribution to a form, 0 included in each."""
    found: dict[str, tuple[int, int]] = {}
    for name, weight in form:
        entry = policy.entry(name)
        ends = sorted((weight * entry.low, weight * entry.high))
        low, high = found.get(entry.department, (0, 0))
        found[entry.department] = (low + min(0, ends[0]), high + max(0, ends[1]))
    return found


def _chosen(policy: Policy, programmes: Sequence[str]) -> tuple[str, ...]:
    for name in programmes:
        if name not in policy.programmes:
            similar = did_you_mean(name, policy.programmes)
            raise InputError(f'policy "{policy.name}" has no programme "{name}"{similar}')
    if not programmes or len(set(programmes)) != len(programmes):
        raise InputError("a case must name at least one programme, and none twice")
    return tuple(name for name in policy.programmes if name in programmes)


def _inputs_of(policy: Policy, condition: str) -> frozenset[str]:
    """The measures that a condition mentions."""
    return names(policy.conditions[condition]) & policy.file.measures.keys()


class _Builder:
    """Collects comparisons; rules whose normal forms agree share one."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._sizes = range(1, policy.file.policy.max_members + 1)
        self._minimum: dict[tuple[tuple[tuple[str, int], ...], tuple[int, ...]], int] = {}
        self._rules: dict[str, tuple[Term, ...]] = {}

    def add_rule(self, name: str, rule: Rule) -> None:
        stated = [rule_limit(self._policy, rule, size) for size in self._sizes]
        form = self._policy.file.forms[rule.form]
        self._rules[name] = (self._term(form, rule.op, stated, rule.min_departments),)

    def add_ratio(self, name: str) -> None:
        """e / i ≥ a / b as i ≥ 1 and b·e − a·i ≥ 0."""
        file = self._policy.file
        ratio = file.ratios[name]
        share = file.parameters[ratio.parameter].ratio
        balance: dict[str, int] = {}
        for measure, weight in file.forms[ratio.numerator].items():
            balance[measure] = weight * share.denominator
        for measure, weight in file.forms[ratio.denominator].items():
            balance[measure] = balance.get(measure, 0) - weight * share.numerator
        ones, zeros = [1] * len(self._sizes), [0] * len(self._sizes)
        minimum = ratio.min_departments
        self._rules[name] = (
            self._term(file.forms[ratio.denominator], ">=", ones, minimum),
            self._term(balance, ">=", zeros, minimum),
        )

    def _term(
        self, form: Mapping[str, int], op: str, stated: Sequence[int], minimum: int | None
    ) -> Term:
        weights = sorted((name, weight) for name, weight in form.items() if weight)
        if not weights:
            raise InputError("a ratio whose two sides cancel out compares nothing")
        divisor = gcd(*(weight for _, weight in weights))
        if weights[0][1] < 0:
            divisor, op = -divisor, op.translate(_MIRROR)
        primitive = tuple((name, weight // divisor) for name, weight in weights)
        strict, negated = _NORMAL[op]
        table = tuple(_bound(Fraction(limit, divisor), strict=strict) for limit in stated)
        key = (primitive, table)
        wanted = self._policy.file.policy.min_departments if minimum is None else minimum
        self._minimum[key] = max(wanted, self._minimum.get(key, 1))
        return Term(list(self._minimum).index(key), negated)

    def layout(self, programmes: tuple[str, ...]) -> Layout:
        comparisons = tuple(
            _comparison(self._policy, form, table, minimum)
            for (form, table), minimum in self._minimum.items()
        )
        return Layout(self._policy, programmes, comparisons, dict(self._rules))


_MIRROR = str.maketrans("<>", "><")
_NORMAL = {
    "<=": (False, False),
    "<": (True, False),
    ">": (False, True),
    ">=": (True, True),
}
"""Operator → (limit itself excluded from the ``≤`` side, rule is its negation)."""


def _bound(limit: Fraction, *, strict: bool) -> int:
    """T with ``x ≤ limit``, or strictly ``x < limit``, equivalent to ``x ≤ T`` for integers."""
    return ceil(limit) - 1 if strict else floor(limit)


def _comparison(
    policy: Policy, form: tuple[tuple[str, int], ...], table: tuple[int, ...], minimum: int
) -> Comparison:
    ends = interval(policy, form)
    entries: list[tuple[Measure | Condition, int]] = [(policy.entry(n), w) for n, w in form]
    return Comparison(
        form=form,
        limits=table,
        departments=tuple(sorted(ends)),
        low=sum(low for low, _ in ends.values()),
        high=sum(high for _, high in ends.values()),
        saturates=all(
            weight > 0 and entry.low >= 0 and weight * entry.high > max(table)
            for entry, weight in entries
        ),
        min_departments=minimum,
    )
