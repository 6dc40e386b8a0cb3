"""Compiling, contributing, determining: against a plain evaluation written independently.

The reference below knows nothing of slots, normal forms or bounds: it evaluates each rule with
exact integers over the household's measures.

Tests design.md 2.5.1 to 2.5.9, 2.5.11, 2.7.1, 2.7.6.
"""

from dataclasses import dataclass
from datetime import date
from itertools import combinations
from math import prod
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import packing
from crypto.paillier import PublicKey
from model.policy import (
    UNREADABLE,
    InputError,
    Inputs,
    Layout,
    MeasureValue,
    Verdict,
    compile_policy,
    contribution,
    determine,
    limits,
    parse,
)
from tests.support.smallkeys import SMALL_BITS, SMALL_PRIMES

DEPARTMENTS = ("banks", "education", "tax")
MAX_MEMBERS = 4
KEY = PublicKey(prod(SMALL_PRIMES), 4, SMALL_BITS)
"""1024 bits: only its size matters here."""
OPS = {
    "<=": lambda x, t: x <= t,
    "<": lambda x, t: x < t,
    ">": lambda x, t: x > t,
    ">=": lambda x, t: x >= t,
}


@dataclass(frozen=True)
class PlainRule:
    form: dict[str, int]
    op: str
    limit: int
    per_member: bool


@dataclass(frozen=True)
class World:
    """A random policy in plain data, a household and what its departments hold."""

    bounds: dict[str, tuple[int, int]]
    holder: dict[str, str]
    rules: dict[str, PlainRule]
    ratio: tuple[int, int] | None
    members: int
    values: dict[str, MeasureValue]

    def toml(self) -> bytes:
        title = 'title = { en = "T", zh = "题" }\n'
        text = (
            f'[policy]\nname = "random"\n{title}region = "330212"\nvalid_from = 2022-01-01\n'
            f"months = 12\nmax_members = {MAX_MEMBERS}\nmin_departments = 1\n"
            'min_distance = 2\nlevel = "verdict"\n'
        )
        for name, (low, high) in self.bounds.items():
            text += (
                f'[measures.{name}]\n{title}department = "{self.holder[name]}"\n'
                f'resource = "r.{name}"\nkind = "sum"\nunit = "fen"\n'
                f'min = "{low}"\nmax = "{high}"\n'
            )
        for name, rule in self.rules.items():
            form = "".join(f"{m} = {w}\n" for m, w in rule.form.items())
            text += (
                f"[forms.f_{name}]\n{form}[parameters.p_{name}]\n{title}"
                f'value = "{rule.limit}"\nunit = "fen"\neffective = 2022-01-01\nlegal = "L"\n'
                f'[rules.{name}]\n{title}form = "f_{name}"\nop = "{rule.op}"\n'
                f'parameter = "p_{name}"\nlegal = "L"\n'
                f'per = "{"member" if rule.per_member else "household"}"\n'
            )
        names = list(self.rules)
        if self.ratio is not None:
            a, b = self.ratio
            text += (
                f"[forms.top]\nm0 = 1\n[forms.bottom]\nm1 = 1\n[parameters.share]\n{title}"
                f'value = "{a}/{b}"\nunit = "ratio"\neffective = 2022-01-01\nlegal = "L"\n'
                f'[ratios.burden]\n{title}numerator = "top"\ndenominator = "bottom"\n'
                'parameter = "share"\nlegal = "L"\n'
            )
            names.append("burden")
        for name in names:
            text += f'[programmes.{name}]\n{title}when = "{name}"\nlegal = "L"\n'
        return text.encode()

    def plain(self, name: str) -> bool | None:
        """The truth of a rule by exact arithmetic; None if a value of it cannot be read."""
        form = {"m0": 1, "m1": 1} if name == "burden" else self.rules[name].form
        known: dict[str, int] = {}
        for measure in form:
            value = self.values[measure]
            if not isinstance(value, int):
                return None
            known[measure] = value
        if name == "burden":
            assert self.ratio is not None
            top, bottom = known["m0"], known["m1"]
            return bottom >= 1 and top * self.ratio[1] >= self.ratio[0] * bottom
        rule = self.rules[name]
        total = sum(weight * known[m] for m, weight in rule.form.items())
        limit = rule.limit * (self.members if rule.per_member else 1)
        return bool(OPS[rule.op](total, limit))

    def all_in_bounds(self, name: str) -> bool:
        form = ("m0", "m1") if name == "burden" else tuple(self.rules[name].form)
        for measure in form:
            value, (low, high) = self.values[measure], self.bounds[measure]
            if not isinstance(value, int) or not low <= value <= high:
                return False
        return True


SMALL_SIZES = st.integers(1, 60)
WEIGHTS = st.integers(-6, 6).filter(bool)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    measures = [f"m{n}" for n in range(draw(st.integers(2, 4)))]
    bounds = {
        m: (draw(st.one_of(st.just(0), st.integers(-60, 0))), draw(SMALL_SIZES)) for m in measures
    }
    holder = {m: draw(st.sampled_from(DEPARTMENTS)) for m in measures}
    rules = {f"r{n}": draw(plain_rules(measures)) for n in range(draw(st.integers(1, 3)))}
    ratio = draw(st.none() | st.tuples(st.integers(1, 5), st.integers(1, 5)))
    values = {m: draw(measure_values(*bounds[m])) for m in measures}
    return World(bounds, holder, rules, ratio, draw(st.integers(1, MAX_MEMBERS)), values)


def measure_values(low: int, high: int) -> st.SearchStrategy[MeasureValue]:
    """Mostly within the bounds and at their ends; sometimes beyond, absurd or unreadable."""
    beyond: st.SearchStrategy[MeasureValue] = st.sampled_from([10**30, -(10**30), UNREADABLE])
    inside = st.integers(low, high) | st.sampled_from([low, high])
    return inside | st.integers(-200, 200) | beyond


@st.composite
def plain_rules(draw: st.DrawFn, measures: list[str]) -> PlainRule:
    used = draw(st.lists(st.sampled_from(measures), min_size=1, unique=True))
    weights = draw(
        st.one_of(
            st.fixed_dictionaries(dict.fromkeys(used, WEIGHTS)),
            st.fixed_dictionaries(dict.fromkeys(used, st.integers(1, 6))),
        )
    )
    limit = draw(st.integers(-80, 80))
    return PlainRule(weights, draw(st.sampled_from(sorted(OPS))), limit, draw(st.booleans()))


def compiled(world: World) -> tuple[Layout, Inputs]:
    return compile_policy(parse(world.toml())), Inputs(world.members, date(2023, 1, 1))


def answers(world: World, layout: Layout, inputs: Inputs) -> dict[str, list[int]]:
    return {
        department: contribution(
            layout,
            department,
            {m: world.values[m] for m in layout.measures_of(department)},
            inputs,
        )
        for department in DEPARTMENTS
    }


def bits_of(layout: Layout, inputs: Inputs, sent: dict[str, list[int]]) -> list[int]:
    sums = [sum(column) for column in zip(*sent.values(), strict=True)]
    return [int(x > t) for x, t in zip(sums, limits(layout, inputs), strict=True)]


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_agrees_with_the_plain_evaluation(world: World) -> None:
    """In bounds: exactly the truth. Out of bounds: the truth or inconclusive, never flipped."""
    layout, inputs = compiled(world)
    bits = bits_of(layout, inputs, answers(world, layout, inputs))
    for found in determine(layout, inputs, bits):
        truth = world.plain(found.programme)
        expected = {True: Verdict.MET, False: Verdict.NOT_MET, None: Verdict.INCONCLUSIVE}[truth]
        if world.all_in_bounds(found.programme) or truth is None:
            assert found.verdict is expected
        else:
            assert found.verdict in (expected, Verdict.INCONCLUSIVE)


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_every_subset_of_answers_stays_within_ell(world: World) -> None:
    layout, inputs = compiled(world)
    sent = answers(world, layout, inputs)
    tops = limits(layout, inputs)
    for size in range(len(DEPARTMENTS) + 1):
        for subset in combinations(DEPARTMENTS, size):
            for slot, top in enumerate(tops):
                total = sum(sent[department][slot] for department in subset)
                assert abs(total - top) < 2**layout.ell - 1


@settings(max_examples=200, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_masked_slots_give_the_same_bits(world: World, random: Random) -> None:
    """Pack, add the masker's M, take slot by slot: z_l ^ r_l ^ [z mod 2^l < r mod 2^l]."""
    layout, inputs = compiled(world)
    sent = answers(world, layout, inputs)
    shape = packing.Layout(layout.ell, len(layout.slots))
    assert (shape.mask_bits, shape.slot_bits) == (layout.mask_bits, layout.width)
    masks = [random.randrange(2**layout.mask_bits) for _ in layout.slots]
    total = packing.pack_masks(KEY, shape, limits(layout, inputs), masks)
    total += sum(packing.pack(KEY, shape, slots) for slots in sent.values())
    found = []
    for z, r in zip(packing.unpack_masked(KEY, shape, total % KEY.n), masks, strict=True):
        low = 2**layout.ell
        found.append((z >> layout.ell & 1) ^ (r >> layout.ell & 1) ^ int(z % low < r % low))
    assert found == bits_of(layout, inputs, sent)


@pytest.mark.parametrize("value", [0, 1, 3, 4])
def test_a_value_at_its_bound_packs_where_the_limit_is_in_the_middle(value: int) -> None:
    """A refusal that depends on what is held would say what is held."""
    world = World(
        {"m0": (0, 4)},
        {"m0": "tax"},
        {"r0": PlainRule({"m0": 1}, "<=", 2, per_member=False)},
        None,
        1,
        {"m0": value},
    )
    layout, inputs = compiled(world)
    sent = answers(world, layout, inputs)
    packed = packing.pack(KEY, packing.Layout(layout.ell, len(layout.slots)), sent["tax"])
    assert packed == value
    assert bits_of(layout, inputs, sent)[0] == int(value > 2)


@settings(max_examples=100, deadline=None)
@given(worlds(), st.sets(st.sampled_from(DEPARTMENTS), min_size=1))
def test_closing_as_incomplete_is_never_wrong(world: World, silent: set[str]) -> None:
    """Whatever the silent departments hold within their bounds, a conclusion stays true."""
    layout, inputs = compiled(world)
    sent = answers(world, layout, inputs)
    there = {d: slots if d not in silent else [0] * len(slots) for d, slots in sent.items()}
    bits = bits_of(layout, inputs, there)
    for found in determine(layout, inputs, bits, silent=silent):
        truth = world.plain(found.programme)
        if world.all_in_bounds(found.programme) and found.verdict is not Verdict.INCONCLUSIVE:
            assert (found.verdict is Verdict.MET) is truth


def test_the_number_of_slots_does_not_depend_on_what_is_held() -> None:
    world = World(
        {"m0": (0, 5), "m1": (-5, 5)},
        {"m0": "tax", "m1": "banks"},
        {"r0": PlainRule({"m0": 2, "m1": -2}, "<", 7, per_member=False)},
        None,
        1,
        {"m0": UNREADABLE, "m1": 10**30},
    )
    layout, inputs = compiled(world)
    # 2a - 2b < 7 is a - b < 3.5; normalised the first weight, by name, is positive.
    assert layout.comparisons[0].form == (("m0", 1), ("m1", -1))
    assert limits(layout, inputs) == [3, 0]
    assert answers(world, layout, inputs) == {"banks": [0, 1], "education": [0, 0], "tax": [0, 1]}


SMALL_WORLD = World(
    {"m0": (0, 5)},
    {"m0": "tax"},
    {"r0": PlainRule({"m0": 1}, "<=", 3, per_member=True)},
    None,
    1,
    {"m0": 1},
)
REFUSED_VALUES: dict[str, dict[str, object]] = {
    "missing": {},
    "unexpected": {"m0": 1, "m1": 1},
    "float": {"m0": 1.0},
    "bool": {"m0": True},
    "text": {"m0": "1"},
    "none": {"m0": None},
}


@pytest.mark.parametrize("values", REFUSED_VALUES.values(), ids=REFUSED_VALUES.keys())
def test_values_of_the_wrong_kind_are_a_fault_of_the_caller(values: dict[str, object]) -> None:
    layout, inputs = compiled(SMALL_WORLD)
    with pytest.raises(InputError):
        contribution(layout, "tax", values, inputs)  # type: ignore[arg-type]


REFUSED_INPUTS = {
    "no member": Inputs(0, date(2023, 1, 1)),
    "too many members": Inputs(MAX_MEMBERS + 1, date(2023, 1, 1)),
    "before the policy": Inputs(1, date(2021, 12, 31)),
}


@pytest.mark.parametrize("inputs", REFUSED_INPUTS.values(), ids=REFUSED_INPUTS.keys())
def test_inputs_that_the_policy_does_not_admit(inputs: Inputs) -> None:
    layout, _ = compiled(SMALL_WORLD)
    with pytest.raises(InputError):
        limits(layout, inputs)
    with pytest.raises(InputError):
        contribution(layout, "tax", {"m0": 1}, inputs)
    with pytest.raises(InputError):
        determine(layout, inputs, [0, 0])


@pytest.mark.parametrize("bits", [[], [0], [0, 0, 0], [0, 2], [0, -1], [False, True]])
def test_bits_that_are_no_bits(bits: list[int]) -> None:
    layout, inputs = compiled(SMALL_WORLD)
    with pytest.raises(InputError):
        determine(layout, inputs, bits)


SATURATION: dict[str, tuple[tuple[int, int], dict[str, int], int, bool]] = {
    "cap beyond the limit of the largest household": ((0, 41), {"m0": 1}, 10, True),
    "cap at the limit of the largest household": ((0, 40), {"m0": 1}, 10, False),
    "weight lifts the cap beyond the limit": ((0, 21), {"m0": 2, "m1": 3}, 10, True),
    "measure may be negative": ((-1, 1000), {"m0": 1}, 10, False),
    "a weight is negative": ((0, 1000), {"m0": 1, "m1": -1}, 10, False),
    "a weight is negative and the limit is far below": ((0, 5), {"m0": 1, "m1": -1}, -9, False),
    "both weights are negative: the sign is turned": ((0, 1000), {"m0": -1, "m1": -1}, -10, True),
}


@pytest.mark.parametrize(
    ("bounds", "form", "limit", "expected"), SATURATION.values(), ids=SATURATION.keys()
)
def test_what_may_saturate(
    bounds: tuple[int, int], form: dict[str, int], limit: int, expected: bool
) -> None:
    held: dict[str, MeasureValue] = {"m0": 10**9, "m1": 0}
    rule = PlainRule(form, "<=", limit, per_member=True)
    holder = {"m0": "tax", "m1": "banks"}
    world = World({"m0": bounds, "m1": bounds}, holder, {"r0": rule}, None, 1, held)
    layout, inputs = compiled(world)
    assert layout.comparisons[0].saturates is expected
    value, flag = answers(world, layout, inputs)["tax"]
    weight = abs(form["m0"]) if expected else 0
    assert (value, flag) == (weight * bounds[1], 0 if expected else 1)
