"""Which households of a survey are verified: the awkward ones first, then at random by seed.

Awkward: negative amounts, members whom no department knows, no income at all, as many members
as any, and totals that lie at or nearest to a limit, where an error of one cent would show.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    households: Sequence[Household],
    plain: Plain,
    count: int,
    *,
    seed: int,
    members: Callable[[Household], int],
    first: Sequence[str] = (),
) -> list[Choice]:
    """Return ``count`` households, or all where there are fewer; the same for the same seed.

    Args:
        members: By how many a household's per-person limits are multiplied.
        first: Labels that are taken before all others, in this order.
    """
    order = sorted(households, key=lambda h: h.label)
    random.Random(seed).shuffle(order)
    kinds = _all_kinds(order, plain, members)
    by_label = {h.label: h for h in order}
    picked = {label: by_label[label] for label in first if label in by_label}
    for kind in (NEGATIVE, AT_LIMIT, LARGE, UNKNOWN, ABSENT, NO_INCOME, NEAR):
        quota = count // 4 if kind == NEGATIVE else max(count // QUOTA, 1)
        fitting = [h for h in order if kind in kinds[h.label]]
        picked |= {h.label: h for h in fitting[:quota]}
    picked |= {h.label: h for h in order if h.label not in picked}
    chosen = list(picked.values())[:count]
    return [Choice(h, tuple(kinds[h.label]) or (ANY,)) for h in chosen]


def _all_kinds(
    households: Sequence[Household], plain: Plain, members: Callable[[Household], int]
) -> dict[str, list[str]]:
    """Label to every kind that the household is of."""
    largest = max((h.size for h in households), default=0)
    kinds = {h.label: list(_kinds(h, plain, largest)) for h in households}
    margins = {h.label: plain.margins(h.numbers, members(h)) for h in households}
    for label, found in margins.items():
        kinds[label] += [AT_LIMIT] if 0 in found.values() else []
    for label in dict.fromkeys(_nearest(margins)):
        kinds[label].append(NEAR)
    return kinds


def _kinds(household: Household, plain: Plain, largest: int) -> Iterator[str]:
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
    files = [plain.holdings.get(code, {}) for code in INCOME]
    held = [file.get(number, ()) for file in files for number in household.numbers]
    if not any(amount for rows in held for _, amount in rows):
        yield NO_INCOME
    if household.size == largest:
        yield LARGE


def _nearest(margins: Mapping[str, Mapping[str, Fraction]]) -> Iterator[str]:
    """For each rule the label of the household just below its limit, and of the one just above."""
    for rule in next(iter(margins.values()), {}):
        below = {label: found[rule] for label, found in margins.items() if found[rule] < 0}
        above = {label: found[rule] for label, found in margins.items() if found[rule] > 0}
        if below:
            yield max(below, key=lambda label: below[label])
        if above:
            yield min(above, key=lambda label: above[label])
