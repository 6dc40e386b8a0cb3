"""A department's side: from its measures to one integer per slot.

Source: design.md 2.5.8, 2.5.9, 2.5.11. A value above its bound is sent as the bound where that
alone decides the comparison; anywhere else, and for every value that cannot be read, 0 is sent
and the comparison's own flag is set. Never raises for what records contain: an error would tell
that a person was matched.
"""

from collections.abc import Mapping
from enum import Enum

from model.policy import expression
from model.policy.compiling import Comparison, Inputs, Layout, check_inputs
from model.policy.errors import InputError
from model.policy.expression import names
from model.policy.schema import Measure


class Unreadable(Enum):
    """The one value UNREADABLE: rows that are missing a field, garbled or in conflict."""

    UNREADABLE = "unreadable"


UNREADABLE = Unreadable.UNREADABLE
MeasureValue = int | Unreadable


def contribution(
    layout: Layout, department: str, values: Mapping[str, MeasureValue], inputs: Inputs
) -> list[int]:
    """Return this department's signed integer for every slot, in slot order.

    Args:
        values: Exactly the measures of ``layout.measures_of(department)``: sum or count over
            the household's distinct rows in the base unit, 0 where nobody has a record. Any
            integer is taken, however large; conditions are computed here.
        inputs: As in the manifest.

    Raises:
        InputError: a measure is missing or unexpected, a value is neither int nor UNREADABLE, or
            the policy does not admit the inputs. Never for what a value is.
    """
    check_inputs(layout.policy, inputs)
    measures = layout.measures_of(department)
    _check_values(department, measures, values)
    slots: list[int] = []
    for comparison in layout.comparisons:
        slots += _slot_pair(layout, department, comparison, values, inputs.members)
    return slots


def _check_values(
    department: str, measures: Mapping[str, Measure], values: Mapping[str, MeasureValue]
) -> None:
    if measures.keys() != values.keys():
        names_differ = ", ".join(sorted(measures.keys() ^ values.keys()))
        raise InputError(f"{department}: measures missing or unexpected: {names_differ}")
    for name, value in values.items():
        if type(value) is not int and value is not UNREADABLE:
            raise InputError(f"{department}: measure {name!r} is neither int nor UNREADABLE")


def _slot_pair(
    layout: Layout,
    department: str,
    comparison: Comparison,
    values: Mapping[str, MeasureValue],
    members: int,
) -> tuple[int, int]:
    """The value and the flag of one comparison."""
    total = 0
    for name, weight in comparison.form:
        if layout.policy.entry(name).department != department:
            continue
        value = _usable(layout, name, values, members, saturates=comparison.saturates)
        if value is None:
            return 0, 1
        total += weight * value
    return total, 0


def _usable(
    layout: Layout,
    name: str,
    values: Mapping[str, MeasureValue],
    members: int,
    *,
    saturates: bool,
) -> int | None:
    """The value of a measure or condition, cut to its bound if it may be; else None."""
    if name in layout.policy.conditions:
        return _condition(layout, name, values, members)
    measure, value = layout.policy.file.measures[name], values[name]
    if saturates and value is not UNREADABLE and value > measure.high:
        return measure.high
    return _in_range(measure, value)


def _in_range(measure: Measure, value: MeasureValue) -> int | None:
    if value is UNREADABLE or not measure.low <= value <= measure.high:
        return None
    return value


def _condition(
    layout: Layout, name: str, values: Mapping[str, MeasureValue], members: int
) -> int | None:
    """1 if the condition holds, else 0; None if any measure in it is out of range."""
    file, node = layout.policy.file, layout.policy.conditions[name]
    known: dict[str, expression.Value] = {"members": members}
    for used in names(node) - known.keys():
        if used in file.parameters:
            known[used] = file.parameters[used].amount
            continue
        value = _in_range(file.measures[used], values[used])
        if value is None:
            return None
        known[used] = value
    return 1 if expression.evaluate(node, known) else 0
