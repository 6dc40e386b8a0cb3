"""What a policy says of a household, in plain arithmetic: the other side of the comparison.

Written from the meaning of the policy file and nothing else: exact fractions of yuan, one
division, Python's own operators. It shares no code with model.policy, whose slots, bounds,
normal forms and limits it is there to check.
"""

import ast
import csv
import operator
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

Period = tuple[int, int]
"""Year and last month that a row is about."""
Holdings = Mapping[str, Sequence[tuple[Period, Fraction]]]
"""Person to rows of one resource; amounts in yuan."""

_OPERATORS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">": operator.gt,
    ">=": operator.ge,
}
_IN_YUAN = {"yuan": Fraction(1), "fen": Fraction(1, 100), "1": Fraction(1)}


class PlainError(Exception):
    """A file that this plain arithmetic does not understand; names the file and the place."""


def read_holdings(path: Path) -> Holdings:
    """Read ``person_id,year,amount_usd``. Raises PlainError naming file and line."""
    found: dict[str, list[tuple[Period, Fraction]]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        for row in rows:
            try:
                entry = (int(row["year"]), 12), Fraction(row["amount_usd"])
                found.setdefault(row["person_id"].upper(), []).append(entry)
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                wanted = "person_id,year,amount_usd"
                raise PlainError(f"{path}, line {rows.line_num}: not {wanted}: {error}") from None
    return found


@dataclass(frozen=True)
class Plain:
    """A policy over the departments' files.

    Attributes:
        policy: The TOML, parsed.
        holdings: Resource code to what that file says.
        reference: Windows count back from the month of this day.
    """

    policy: Mapping[str, Any]
    holdings: Mapping[str, Holdings]
    reference: date

    @classmethod
    def read(cls, policy: Path, files: Mapping[str, Path], reference: date) -> "Plain":
        """Read the policy and a file per resource. Raises PlainError."""
        table = tomllib.loads(policy.read_text(encoding="utf-8"))
        if table.get("conditions"):
            raise PlainError(f"{policy}: [conditions] are not computed here, only sums and ratios")
        for name, measure in table["measures"].items():
            if measure["resource"] not in files:
                known = ", ".join(files)
                raise PlainError(f"{policy}: measure {name}: no file for it (there are: {known})")
        return cls(table, {code: read_holdings(path) for code, path in files.items()}, reference)

    @property
    def programmes(self) -> list[str]:
        """Names, in the file's order."""
        return list(self.policy["programmes"])

    @cached_property
    def rules(self) -> list[str]:
        """Names of the rules and ratios that a programme mentions, in the file's order."""
        trees = [_tree(entry["when"]) for entry in self.policy["programmes"].values()]
        used = {n.id for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name)}
        return [n for n in [*self.policy["rules"], *self.policy.get("ratios", {})] if n in used]

    def bits(self, persons: Sequence[str], members: int) -> dict[str, bool]:
        """Rule to met or not.

        Args:
            persons: Who may have rows.
            members: By how many a per-person limit is multiplied.
        """
        return {rule: self._bit(rule, persons, members) for rule in self.rules}

    def determinations(self, bits: Mapping[str, bool]) -> dict[str, bool]:
        """Programme to met or not, from the bits of its rules."""
        table = self.policy["programmes"]
        return {name: _truth(_tree(entry["when"]), bits) for name, entry in table.items()}

    def margins(self, persons: Sequence[str], members: int) -> dict[str, Fraction]:
        """Rule, ratios apart, to yuan between its total and its limit: 0 is exactly at it."""
        rules = {name: self.policy["rules"].get(name) for name in self.rules}
        forms = {rule["form"] for rule in rules.values() if rule}
        totals = {form: self.total(form, persons) for form in forms}
        return {
            name: totals[rule["form"]] - self._limit(rule, members)
            for name, rule in rules.items()
            if rule
        }

    def total(self, form: str, persons: Sequence[str]) -> Fraction:
        """The weighted sum of a form over these persons, in yuan."""
        weights = self.policy["forms"][form]
        return sum((w * self._measure(name, persons) for name, w in weights.items()), Fraction())

    def outside(self) -> int:
        """How many rows no measure counts because their year lies outside its window."""
        measures = self.policy["measures"].values()
        return sum(
            not self._counts(measure, period)
            for measure in measures
            for rows in self.holdings[measure["resource"]].values()
            for period, _ in rows
        )

    def _bit(self, rule: str, persons: Sequence[str], members: int) -> bool:
        if rule in self.policy["rules"]:
            entry = self.policy["rules"][rule]
            total = self.total(entry["form"], persons)
            return _OPERATORS[entry["op"]](total, self._limit(entry, members))
        top, bottom, share = self._ratio(rule, persons)
        return bottom > 0 and top / bottom >= share

    def _ratio(self, rule: str, persons: Sequence[str]) -> tuple[Fraction, Fraction, Fraction]:
        """Numerator, denominator, and the share that the one must have of the other."""
        entry = self.policy["ratios"][rule]
        top, bottom = (self.total(entry[k], persons) for k in ("numerator", "denominator"))
        return top, bottom, Fraction(self.policy["parameters"][entry["parameter"]]["value"])

    def _limit(self, rule: Mapping[str, Any], members: int) -> Fraction:
        if "parameter" not in rule:
            return Fraction(rule["limit"])
        parameter = self.policy["parameters"][rule["parameter"]]
        limit = Fraction(parameter["value"]) * _IN_YUAN[parameter["unit"]]
        limit *= Fraction(rule.get("times", "1"))
        limit *= members if rule.get("per") == "member" else 1
        return limit * (self.policy["policy"]["months"] if rule.get("monthly") else 1)

    def _measure(self, name: str, persons: Sequence[str]) -> Fraction:
        measure = self.policy["measures"][name]
        held = self.holdings[measure["resource"]]
        rows = [row for person in persons for row in held.get(person, ())]
        counted = [amount for period, amount in rows if self._counts(measure, period)]
        return Fraction(len(counted)) if measure["kind"] == "count" else sum(counted, Fraction())

    def _counts(self, measure: Mapping[str, Any], period: Period) -> bool:
        """Whether the row's last month is one of the full months before the reference month."""
        if "window_months" not in measure:
            return True
        months = (self.reference.year - period[0]) * 12 + self.reference.month - period[1]
        return bool(1 <= months <= measure["window_months"])


def _tree(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def _truth(node: ast.expr, bits: Mapping[str, bool]) -> bool:
    """A tree of ``and``, ``or``, ``not`` and names, which Python writes as policies do."""
    if isinstance(node, ast.Name):
        return bits[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _truth(node.operand, bits)
    if isinstance(node, ast.BoolOp):
        join = all if isinstance(node.op, ast.And) else any
        return join(_truth(value, bits) for value in node.values)
    raise PlainError(f"not an expression over rules: {ast.unparse(node)}")
