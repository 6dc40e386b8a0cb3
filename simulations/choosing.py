"""Which households of a survey are verified: the awkward ones first, then at random by seed.

Awkward: negative amounts, members whom no department knows, no income at all, as many members
as any, and totals that lie at or nearest to a limit, where an error of one cent would show.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from simulations.plain import Plain
from simulations.survey import Household

INCOME = (
    "tax.wages",
    "market-regulation.business-income",
    "social-security.pensions",
    "employment.benefits",
    "banks.interest",
    "securities.dividends",
)
NEGATIVE = "a negative amount"
ABSENT = "a person in no file"
UNKNOWN = "nobody in any file"
NO_INCOME = "no income"
LARGE = "largest"
AT_LIMIT = "exactly at a limit"
NEAR = "nearest to a limit"
ANY = "at random"
QUOTA = 10
"""Of each awkward kind a tenth of the sample, and of the negative ones all up to a fourth."""


@dataclass(frozen=True)
class Choice:
    """A household and every kind that it is of."""

    household: Household
    kinds: tuple[str, ...]


def choose(
    households: Sequence[Household], plain: Plain, count: int, *, seed: int, whole: bool
) -> list[Choice]:
    """Return ``count`` households, or all where there are fewer; the same for the same seed.

    Args:
        whole: Limits are per person of all who live there, not only of those listed.
    """
    order = sorted(households, key=lambda h: h.label)
    random.Random(seed).shuffle(order)
    largest = max((h.size for h in order), default=0)
    kinds = {h.label: list(_kinds(h, plain, largest, whole)) for h in order}
    for household in _nearest(order, plain, whole):
        kinds[household.label].append(NEAR)
    picked: dict[str, Household] = {}
    for kind in (NEGATIVE, AT_LIMIT, LARGE, UNKNOWN, ABSENT, NO_INCOME, NEAR):
        quota = count // 4 if kind == NEGATIVE else max(count // QUOTA, 1)
        fitting = [h for h in order if kind in kinds[h.label]]
        picked |= {h.label: h for h in fitting[:quota]}
    for household in order:
        picked.setdefault(household.label, household)
    chosen = list(picked.values())[:count]
    return [Choice(h, tuple(kinds[h.label]) or (ANY,)) for h in chosen]


def _kinds(household: Household, plain: Plain, largest: int, whole: bool) -> Iterator[str]:
    amounts = {
        number: [a for held in plain.holdings.values() for _, a in held.get(number, ())]
        for number in household.numbers
    }
    if any(amount < 0 for rows in amounts.values() for amount in rows):
        yield NEGATIVE
    if not all(amounts.values()):
        yield ABSENT
    if not any(amounts.values()):
        yield UNKNOWN
    if not any(n in plain.holdings[code] for n in household.numbers for code in INCOME):
        yield NO_INCOME
    if household.size == largest:
        yield LARGE
    if any(_margin(plain, rule, household, whole) == 0 for rule in _limits(plain)):
        yield AT_LIMIT


def _nearest(households: Sequence[Household], plain: Plain, whole: bool) -> Iterator[Household]:
    """For each rule the household just below its limit and the one just above."""
    for rule in _limits(plain):
        margins = [(_margin(plain, rule, household, whole), household) for household in households]
        below = [pair for pair in margins if pair[0] < 0]
        above = [pair for pair in margins if pair[0] > 0]
        if below:
            yield max(below, key=lambda pair: pair[0])[1]
        if above:
            yield min(above, key=lambda pair: pair[0])[1]


def _limits(plain: Plain) -> list[str]:
    return [rule for rule in plain.rules if rule in plain.policy["rules"]]


def _margin(plain: Plain, rule: str, household: Household, whole: bool) -> Fraction:
    members = household.size if whole else len(household.listed)
    return plain.margin(rule, household.numbers, members)
