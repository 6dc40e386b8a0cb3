"""``plan.toml``: who shall be a member of a federation, before anybody has a key.

The ceremony compares every join request with it. Checked as strictly as the federation file
that follows from it, so that a mistake shows before the key is dealt.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from model.fields import Name, Strict, Text
from model.limits import (
    MAX_DEPARTMENTS,
    MAX_FEDERATION_BYTES,
    MAX_FEDERATION_VALUES,
    MAX_OFFICES,
)
from model.mistakes import explain
from model.office import Office, office_faults
from model.roles import PERSON_ROLES, PROCESS_ROLES, Role
from model.toml import TomlError, parse_toml

DEFAULT_KEY_BITS = 3072
LEAST_KEY_BITS = 2048
_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


class PlanError(ValueError):
    """A plan that is not well formed; the message names the file, the member and the key."""


class PlannedProcess(Strict):
    """``[[process]]``."""

    name: Name
    role: Annotated[Role, Field(strict=False)]
    organisation: Text
    office: Text
    department: Name | Literal[""] = ""
    holder: bool = False


class PlannedPerson(Strict):
    """``[[person]]``."""

    name: Name
    role: Annotated[Role, Field(strict=False)]
    organisation: Text
    office: Text


class Plan(Strict):
    """The whole file; ``parse_plan`` is the only way to make one."""

    name: Name
    threshold: Annotated[int, Field(ge=2, le=16)]
    key_bits: Annotated[int, Field(ge=LEAST_KEY_BITS, le=8192)] = DEFAULT_KEY_BITS
    process: Annotated[list[PlannedProcess], Field(max_length=MAX_DEPARTMENTS + 32)]
    person: Annotated[list[PlannedPerson], Field(max_length=20_000, default_factory=list)]
    office: Annotated[list[Office], Field(max_length=MAX_OFFICES, default_factory=list)]

    @property
    def members(self) -> list[PlannedProcess | PlannedPerson]:
        """Processes, then persons, in the file's order."""
        return [*self.process, *self.person]

    @property
    def departments(self) -> list[str]:
        """Departments in the file's order."""
        return [p.department for p in self.process if p.department]

    @property
    def holders(self) -> list[PlannedProcess]:
        """Key holders in the file's order; the first gets index 1."""
        return [p for p in self.process if p.holder]

    def process_of(self, role: Role) -> PlannedProcess:
        """The one process of role registrar or coordinator."""
        return next(p for p in self.process if p.role is role)


def parse_plan(data: bytes, *, source: str = "plan.toml") -> Plan:
    """Parse a plan. Raises PlanError naming ``source``, the member and the mend."""
    try:
        table = parse_toml(
            data, source=source, max_bytes=MAX_FEDERATION_BYTES, max_values=MAX_FEDERATION_VALUES
        )
    except TomlError as error:
        raise PlanError(str(error)) from None
    try:
        plan = Plan.model_validate(table)
    except ValidationError as error:
        raise PlanError(f"{source}: {explain(error, Plan, table)}") from None
    # One after the other: the later ones rely on the earlier.
    for problem in chain(_names(plan), _roles(plan), _holders(plan), _offices(plan)):
        raise PlanError(f"{source}: {problem}")
    return plan


def _names(plan: Plan) -> Iterable[str]:
    yield from _repeated("two members are called", [m.name for m in plan.members])
    yield from _repeated("two processes serve department", plan.departments)
    for member in plan.members:
        parts = member.name.split(".")
        if len(member.name) > 63 or not all(_HOST_LABEL.fullmatch(part) for part in parts):
            yield (
                f'"{member.name}" cannot name a member: lower-case letters, digits and inner '
                "hyphens, at most 63"
            )
        if member.name in ("ca", "people"):
            yield f'"{member.name}" names a folder of the ceremony; choose another name'


def _roles(plan: Plan) -> Iterable[str]:
    for role in (Role.REGISTRAR, Role.COORDINATOR):
        count = sum(p.role is role for p in plan.process)
        if count != 1:
            yield f"there must be exactly one process of role {role}, not {count}"
    for process in plan.process:
        if process.role not in PROCESS_ROLES:
            yield f"process {process.name}: {process.role} is a person's role"
        if process.role is not Role.NODE and (process.department or process.holder):
            yield f"process {process.name}: only a node serves a department or holds a key share"
        if process.role is Role.NODE and not (process.department or process.holder):
            yield f"process {process.name}: a node serves a department, holds a share, or both"
    for person in plan.person:
        if person.role not in PERSON_ROLES:
            yield f"person {person.name}: {person.role} is a process's role"


def _holders(plan: Plan) -> Iterable[str]:
    count = len(plan.holders)
    if not count < 2 * plan.threshold or plan.threshold > count or count > 16:
        yield (
            f"threshold {plan.threshold} of {count} key holders: t of n needs 2t > n, t <= n and "
            "n <= 16 (2 of 3, or 3 of 5, is usual). Set holder = true on more processes, or "
            "correct threshold"
        )
    yield from _repeated("two key shares in organisation", [h.organisation for h in plan.holders])
    for role in (Role.REGISTRAR, Role.COORDINATOR):
        organisation = plan.process_of(role).organisation
        for holder in plan.holders:
            if holder.organisation == organisation:
                yield f"{holder.name} holds a key share in the {role}'s organisation"


def _offices(plan: Plan) -> Iterable[str]:
    yield from office_faults(plan.office, ((m.organisation, m.office) for m in plan.members))


def _repeated(what: str, values: Sequence[str]) -> Iterable[str]:
    for value in sorted({v for v in values if values.count(v) > 1}):
        yield f'{what} "{value}"'
