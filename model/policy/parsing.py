"""From the bytes of a policy file to a Policy in which every name is known and every unit fits.

Source: design.md 7.3.
The digest is over the exact bytes, so that all parties can tell that they mean the same file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from crypto.labels import Label, digest
from model.limits import MAX_POLICY_BYTES, MAX_PROGRAMMES, MAX_TOML_VALUES
from model.mistakes import did_you_mean, explain
from model.money import Unit
from model.policy import expression, schema
from model.policy.errors import ExpressionError, PolicyError
from model.policy.expression import TRUTH, Node
from model.policy.schema import Condition, Measure, PolicyFile
from model.toml import TomlError, parse_toml


@dataclass(frozen=True)
class Policy:
    """A parsed policy; ``conditions`` and ``programmes`` are the syntax trees by name."""

    file: PolicyFile
    digest: bytes
    source: str
    conditions: Mapping[str, Node]
    programmes: Mapping[str, Node]

    @property
    def name(self) -> str:
        """The policy's name, from its header."""
        return self.file.policy.name

    @property
    def departments(self) -> tuple[str, ...]:
        """Every department that holds a measure or condition, sorted."""
        held = {entry.department for entry in self.file.measures.values()}
        held |= {entry.department for entry in self.file.conditions.values()}
        return tuple(sorted(held))

    def entry(self, name: str) -> Measure | Condition:
        """The measure or condition of that name."""
        return self.file.measures.get(name) or self.file.conditions[name]

    def rules_of(self, programme: str) -> frozenset[str]:
        """The rules and ratios that the programme's expression mentions."""
        return expression.names(self.programmes[programme])


def policy_digest(data: bytes) -> bytes:
    """Return the digest, 32 bytes, of the exact bytes of a policy file."""
    return digest(Label.POLICY, data)


def parse(data: bytes, *, source: str = "policy") -> Policy:
    """Parse a policy file.

    Args:
        data: The exact bytes of the TOML file, at most 256 KiB of UTF-8.
        source: The file's name, for messages.

    Raises:
        PolicyError: naming file, table and key, and a similar name where there is one.
            Whether the policy is also safe to open is for model.policy.check.
    """
    try:
        table = parse_toml(
            data, source=source, max_bytes=MAX_POLICY_BYTES, max_values=MAX_TOML_VALUES
        )
        file = PolicyFile.model_validate(table)
        conditions, programmes = _resolve(file)
    except TomlError as error:
        raise PolicyError(str(error)) from None
    except ValidationError as error:
        raise PolicyError(f"{source}: {explain(error, PolicyFile)}") from None
    except PolicyError as error:
        raise PolicyError(f"{source}: {error}") from None
    return Policy(file, policy_digest(data), source, conditions, programmes)


def _resolve(file: PolicyFile) -> tuple[dict[str, Node], dict[str, Node]]:
    _names_are_unique(file)
    for name, form in file.forms.items():
        _check_form(file, name, form)
    for name in file.distances:
        _known(f"[distances]: form {name!r}", name, file.forms)
    for name, rule in file.rules.items():
        _check_rule(file, name, rule)
    for name, ratio in file.ratios.items():
        _check_ratio(file, name, ratio)
    conditions = {name: _condition(file, name) for name in file.conditions}
    if not 1 <= len(file.programmes) <= MAX_PROGRAMMES:
        raise PolicyError(f"[programmes]: between 1 and {MAX_PROGRAMMES} are needed")
    return conditions, {name: _programme(file, name) for name in file.programmes}


def _names_are_unique(file: PolicyFile) -> None:
    groups = (
        ("measures", file.measures, "conditions", file.conditions),
        ("measures", file.measures, "parameters", file.parameters),
        ("conditions", file.conditions, "parameters", file.parameters),
        ("rules", file.rules, "ratios", file.ratios),
    )
    for first, one, second, other in groups:
        for name in one.keys() & other.keys():
            raise PolicyError(f'"{name}" appears in both [{first}] and [{second}]')


def _known(place: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        raise PolicyError(f"{place} is not defined{did_you_mean(name, names)}")


def _check_form(file: PolicyFile, name: str, form: Mapping[str, int]) -> None:
    units = set()
    for measure, weight in form.items():
        place = f"[forms.{name}]: measure {measure!r}"
        _known(place, measure, [*file.measures, *file.conditions])
        if weight == 0:
            raise PolicyError(f"{place} has the weight 0; leave it out")
        units.add(_unit_of(file, measure))
    if len(units) > 1:
        raise PolicyError(f"[forms.{name}]: units differ: {', '.join(sorted(units))}")


def _unit_of(file: PolicyFile, measure: str) -> str:
    return (file.measures.get(measure) or file.conditions[measure]).base_unit


def _form_unit(file: PolicyFile, form: str) -> str:
    return _unit_of(file, next(iter(file.forms[form])))


def _check_rule(file: PolicyFile, name: str, rule: schema.Rule) -> None:
    _known(f"[rules.{name}]: form {rule.form!r}", rule.form, file.forms)
    if rule.parameter is None:
        return
    place = f"[rules.{name}]: parameter {rule.parameter!r}"
    _known(place, rule.parameter, file.parameters)
    unit, wanted = file.parameters[rule.parameter].base_unit, _form_unit(file, rule.form)
    if unit != wanted:
        raise PolicyError(f"{place} is in {unit}, but form {rule.form!r} is in {wanted}")
    value = file.parameters[rule.parameter].amount * schema.parse_ratio(rule.times)
    if value.denominator != 1:
        raise PolicyError(f"{place} times {rule.times} is not a whole number of {unit}")


def _check_ratio(file: PolicyFile, name: str, ratio: schema.Ratio) -> None:
    for form in (ratio.numerator, ratio.denominator):
        _known(f"[ratios.{name}]: form {form!r}", form, file.forms)
    place = f"[ratios.{name}]: parameter {ratio.parameter!r}"
    _known(place, ratio.parameter, file.parameters)
    if file.parameters[ratio.parameter].base_unit != schema.RATIO:
        raise PolicyError(f'{place} must have the unit "ratio"')
    if _form_unit(file, ratio.numerator) != _form_unit(file, ratio.denominator):
        raise PolicyError(f"[ratios.{name}]: numerator and denominator differ in unit")


def _condition(file: PolicyFile, name: str) -> Node:
    place = f"[conditions.{name}]: when"
    department = file.conditions[name].department
    own = {m: e.base_unit for m, e in file.measures.items() if e.department == department}
    dated = {p: e.base_unit for p, e in file.parameters.items() if e.base_unit != schema.RATIO}
    kinds = {**dated, **own, "members": str(Unit.COUNT)}
    node = _tree(place, file.conditions[name].when, kinds)
    if not expression.names(node) & own.keys():
        raise PolicyError(f"{place}: it mentions no measure of {department}")
    return node


def _programme(file: PolicyFile, name: str) -> Node:
    place = f"[programmes.{name}]: when"
    kinds = dict.fromkeys([*file.rules, *file.ratios], TRUTH)
    node = _tree(place, file.programmes[name].when, kinds)
    if not expression.is_boolean_of_names(node):
        raise PolicyError(f"{place}: only rules joined by and, or, not, and parentheses")
    return node


def _tree(place: str, text: str, kinds: Mapping[str, str]) -> Node:
    try:
        node = expression.parse(text)
        for name in sorted(expression.names(node)):
            _known(f"{name!r}", name, kinds)
        if expression.kind_of(node, kinds) != TRUTH:
            raise ExpressionError("it gives a number; a comparison is expected")
    except PolicyError as error:
        raise PolicyError(f"{place}: {error}") from None
    return node
