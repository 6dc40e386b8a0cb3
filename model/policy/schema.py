"""The policy file as pydantic models: strict, frozen, unknown keys refused.

Every amount is a quoted text with a unit, so that no float can arise; every number that comes
from a regulation is a dated parameter with its legal reference.
"""

from datetime import date
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from model.fields import Name, Strict, Text
from model.limits import MAX_MEMBERS, MAX_TEXT
from model.money import Unit, parse_amount
from model.policy.expression import RESERVED

MAX_ENTRIES = 100
MAX_WEIGHT = 1000
MAX_BOUND = 10**15
RATIO = "ratio"


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f'"{name}" is a word of the expression language; choose another name')
    return name


def _quoted(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError(f'write it in quotes: "{value}"')
    return value


def parse_ratio(text: str) -> Fraction:
    """Return "3/5" or "0.6" exactly. Raises ValueError unless it is a plain number above 0."""
    top, slash, bottom = text.partition("/")
    if slash:
        found = Fraction(parse_amount(top, Unit.COUNT), parse_amount(bottom, Unit.COUNT) or 1)
        if parse_amount(bottom, Unit.COUNT) <= 0:
            raise ValueError(f"{text[:40]!r}: the denominator must be positive")
    else:
        found = Fraction(parse_amount(text, Unit.YUAN), 100)
    if found <= 0:
        raise ValueError(f"{text[:40]!r}: it must be positive")
    return found


def _check_ratio(text: str) -> str:
    parse_ratio(text)
    return text


Identifier = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40),
    AfterValidator(_not_reserved),
]
"""A name that expressions may mention."""
Amount = Annotated[str, BeforeValidator(_quoted), StringConstraints(max_length=40)]
Times = Annotated[str, BeforeValidator(_quoted), AfterValidator(_check_ratio)]
MeasureUnit = Literal["fen", "yuan", "1", "m2", "0.01m2"]
ParameterUnit = Literal["fen", "yuan", "1", "m2", "0.01m2", "ratio"]
Op = Literal["<=", "<", ">", ">="]
Weight = Annotated[int, Field(ge=-MAX_WEIGHT, le=MAX_WEIGHT)]
Minimum = Annotated[int, Field(ge=1, le=20)]
Months = Annotated[int, Field(ge=1, le=36)]


class Title(Strict):
    """A heading in English and Chinese."""

    en: Text
    zh: Text


class Header(Strict):
    """``[policy]``: what holds for the whole file."""

    name: Name
    title: Title
    region: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    valid_from: date
    valid_to: date | None = None
    """The last day, inclusive."""
    months: Months
    """Multiplies the limits of rules with ``monthly = true``; the window of their measures."""
    max_members: Annotated[int, Field(ge=1, le=MAX_MEMBERS)]
    min_departments: Minimum
    """Departments serving a rule that must have answered before it is opened."""
    min_distance: Annotated[int, Field(ge=2, le=MAX_BOUND)]
    """Distance of two limits on one form, in its base unit (fen)."""
    bit_proofs: bool = True
    """Whether the evaluator proves each of its ciphertexts to be a bit; without, it may gain up
    to log2(l + 2) bits a rule from a case, and a comparison costs half as much."""
    level: Literal["verdict", "totals"]
    """The widest disclosure level that authorizations may grant under this policy."""

    @model_validator(mode="after")
    def _dates(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        return self


class Parameter(Strict):
    """``[parameters.X]``: a number out of a regulation."""

    title: Title
    value: Amount
    unit: ParameterUnit
    effective: date
    legal: Text

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.unit == RATIO:
            parse_ratio(self.value)
        else:
            parse_amount(self.value, Unit(self.unit))
        return self

    @property
    def base_unit(self) -> str:
        """``fen``, ``1``, ``0.01m2`` or ``ratio``."""
        return RATIO if self.unit == RATIO else Unit(self.unit).base

    @property
    def amount(self) -> int:
        """The value in the base unit; only for parameters that are not ratios."""
        return parse_amount(self.value, Unit(self.unit))

    @property
    def ratio(self) -> Fraction:
        """The value of a parameter with the unit ``ratio``."""
        return parse_ratio(self.value)


class Measure(Strict):
    """``[measures.X]``: sum or count over the household's distinct rows of one resource."""

    title: Title
    department: Name
    resource: Name
    kind: Literal["sum", "count"]
    unit: MeasureUnit
    window_months: Months | None = None
    """Rows whose period ends within so many months before the reference date; none: all rows."""
    min: Amount
    max: Amount
    """Bounds of this department's total for one household, both inclusive, in ``unit``."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "count" and Unit(self.unit) is not Unit.COUNT:
            raise ValueError('a count has the unit "1"')
        if not -MAX_BOUND <= self.low <= self.high <= MAX_BOUND:
            raise ValueError("min and max are out of order or beyond 10^15")
        return self

    @property
    def low(self) -> int:
        """``min`` in the base unit."""
        return parse_amount(self.min, Unit(self.unit))

    @property
    def high(self) -> int:
        """``max`` in the base unit."""
        return parse_amount(self.max, Unit(self.unit))

    @property
    def base_unit(self) -> str:
        """``fen``, ``1`` or ``0.01m2``."""
        return Unit(self.unit).base


class Condition(Strict):
    """``[conditions.X]``: a measure that is 1 if ``when`` holds at its one department, else 0."""

    title: Title
    department: Name
    when: Annotated[str, StringConstraints(min_length=1)]

    @property
    def low(self) -> int:
        """Always 0."""
        return 0

    @property
    def high(self) -> int:
        """Always 1."""
        return 1

    @property
    def base_unit(self) -> str:
        """A condition counts violations."""
        return Unit.COUNT


class Rule(Strict):
    """``[rules.X]``: form, op, limit = parameter times ``times``, members and months."""

    title: Title
    form: Identifier
    op: Op
    parameter: Identifier | None = None
    limit: Literal[0] | None = None
    """``limit = 0`` instead of a parameter: for conditions, which count violations."""
    times: Times = "1"
    per: Literal["household", "member"] = "household"
    monthly: bool = False
    min_departments: Minimum | None = None
    legal: Text

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.parameter is None) == (self.limit is None):
            raise ValueError('give either a parameter or "limit = 0"')
        if self.limit == 0 and (self.times != "1" or self.per != "household" or self.monthly):
            raise ValueError('"limit = 0" cannot be combined with times, per or monthly')
        return self


class Ratio(Strict):
    """``[ratios.X]``: numerator / denominator ≥ parameter, and denominator ≥ 1."""

    title: Title
    numerator: Identifier
    denominator: Identifier
    parameter: Identifier
    min_departments: Minimum | None = None
    legal: Text


Step = Literal["accepted", "verified", "reviewed", "decided"]
STEPS: Final[tuple[Step, ...]] = ("accepted", "verified", "reviewed", "decided")
"""受理, 核对, 审核, 确认: the steps of an item, in their order. Then it is closed."""
MAX_DAYS = 250


class Programme(Strict):
    """``[programmes.X]``: a boolean expression over the names of rules and ratios."""

    title: Title
    when: Annotated[str, StringConstraints(min_length=1)]
    legal: Text
    office: Annotated[str, StringConstraints(max_length=MAX_TEXT)] = ""
    """The office that decides, as its members' certificates name it; empty: the officer's own."""
    steps: Annotated[list[Step], Field(max_length=len(STEPS), default_factory=list)]
    """The steps that are taken; empty: all."""
    days: dict[Step, Annotated[int, Field(ge=1, le=MAX_DAYS)]] = Field(default_factory=dict)
    """Working days within which a step is to be taken."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.steps and self.steps != [step for step in STEPS if step in self.steps]:
            raise ValueError(f"steps: each once, in the order {', '.join(STEPS)}")
        if self.steps and not {STEPS[0], STEPS[-1]} <= set(self.steps):
            raise ValueError(f"steps: begin with {STEPS[0]} and end with {STEPS[-1]}")
        for step in self.days:
            if self.steps and step not in self.steps:
                raise ValueError(f'days: "{step}" is not one of the steps')
        return self


Form = Annotated[dict[Identifier, Weight], Field(min_length=1, max_length=MAX_ENTRIES)]


def _few(entries: dict[str, Any]) -> dict[str, Any]:
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f"{len(entries)} entries; at most {MAX_ENTRIES}")
    return entries


class PolicyFile(Strict):
    """The whole file. Names are resolved and expressions checked in model.policy.parsing."""

    policy: Header
    parameters: Annotated[dict[Identifier, Parameter], AfterValidator(_few)] = Field(default={})
    measures: Annotated[dict[Identifier, Measure], AfterValidator(_few)]
    conditions: Annotated[dict[Identifier, Condition], AfterValidator(_few)] = Field(default={})
    forms: Annotated[dict[Identifier, Form], AfterValidator(_few)]
    distances: dict[Identifier, Annotated[int, Field(ge=2, le=MAX_BOUND)]] = Field(default={})
    """Per form, in place of ``min_distance``: for forms that are not money."""
    rules: Annotated[dict[Identifier, Rule], AfterValidator(_few)]
    ratios: Annotated[dict[Identifier, Ratio], AfterValidator(_few)] = Field(default={})
    programmes: Annotated[dict[Name, Programme], AfterValidator(_few)]
