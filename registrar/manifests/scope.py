"""What a request may ask: derived from the letter and the policy, never taken from the request.

Source: design.md 2.3.7, 2.3.14.
Pure. Raises Refusal with the reason that fits best, in the order in which an officer would
mend things.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from model.documents.authorization import Authorization
from model.documents.query import OfficerRequest
from model.federation import Federation, Process
from model.policy import InputError, Inputs, Layout, Policy, compile_policy
from model.policy.compiling import check_inputs
from model.reasons import Reason
from registrar.authorizations.grants import granted
from runtime.errors import Refusal


@dataclass(frozen=True)
class Scope:
    """Who asks; the departments of a manifest, in its order, and the resources of each."""

    requester: str
    resources: dict[str, tuple[str, ...]]
    members: int
    reference_date: str
    region: str
    programmes: tuple[str, ...]

    @property
    def departments(self) -> list[str]:
        """In the manifest's order."""
        return list(self.resources)


def derive_scope(
    terms: Authorization,
    request: OfficerRequest,
    policy: Policy,
    federation: Federation,
    requester: Process,
) -> Scope:
    """Return what may be asked. Raises Refusal."""
    _check_requester(terms, requester, federation)
    _check_programmes(terms, request, policy)
    _check_level(terms, request, policy)
    _check_household(terms, policy)
    layout = compile_policy(policy, request.programmes)
    _check_single_departments(terms, layout)
    resources = {d: layout.resources_of(d) for d in layout.departments}
    _check_grants(terms, resources, federation)
    return Scope(
        requester=requester.name,
        resources=resources,
        members=len(terms.members),
        reference_date=terms.reference_date,
        region=terms.region,
        programmes=layout.programmes,
    )


def _check_requester(terms: Authorization, requester: Process, federation: Federation) -> None:
    if requester.name not in granted(terms, federation):
        raise Refusal(Reason.WRONG_REQUESTER, f"the authorization does not name {requester.name}")
    if terms.purpose not in requester.asks_for:
        raise Refusal(Reason.WRONG_REQUESTER, f"{requester.name} may not ask for {terms.purpose}")


def _check_programmes(terms: Authorization, request: OfficerRequest, policy: Policy) -> None:
    if len(set(request.programmes)) != len(request.programmes):
        raise Refusal(Reason.MALFORMED, "a programme appears twice in the request")
    for programme in request.programmes:
        if programme not in terms.programmes:
            raise Refusal(
                Reason.PROGRAMME_NOT_GRANTED, f"the authorization does not name {programme}"
            )
        if programme not in policy.programmes:
            known = ", ".join(policy.programmes)
            raise Refusal(Reason.MALFORMED, f"the policy has no {programme} (it has: {known})")


def _check_level(terms: Authorization, request: OfficerRequest, policy: Policy) -> None:
    if request.level == "totals" and terms.level != "totals":
        raise Refusal(Reason.LEVEL_NOT_GRANTED)
    if request.level == "totals" and policy.file.policy.level != "totals":
        raise Refusal(Reason.LEVEL_NOT_GRANTED, "the policy allows verdicts only")


def _check_household(terms: Authorization, policy: Policy) -> None:
    if len(terms.members) > policy.file.policy.max_members:
        raise Refusal(Reason.HOUSEHOLD_TOO_LARGE)
    try:
        inputs = Inputs(len(terms.members), date.fromisoformat(terms.reference_date))
        check_inputs(policy, inputs)
    except InputError as error:
        raise Refusal(Reason.POLICY_INVALID, str(error)) from None


def _check_single_departments(terms: Authorization, layout: Layout) -> None:
    for rule, department in layout.single_department_rules.items():
        if rule not in terms.single_department_rules:
            raise Refusal(
                Reason.RESOURCE_NOT_GRANTED,
                f"{department} alone serves rule {rule}, so the officer would learn that "
                f"department's fact; the authorization does not name {rule} under "
                "single_department_rules",
            )


def _check_grants(
    terms: Authorization, resources: dict[str, tuple[str, ...]], federation: Federation
) -> None:
    granted = {grant.department: set(grant.resources) for grant in terms.grants}
    for department, resource in _pairs(resources):
        if resource not in granted.get(department, set()):
            raise Refusal(
                Reason.RESOURCE_NOT_GRANTED,
                f"the authorization does not grant {resource} of {department}",
            )
    for department in resources:
        if federation.department(department) is None:
            raise Refusal(Reason.POLICY_INVALID, f"no member serves department {department}")


def _pairs(resources: dict[str, tuple[str, ...]]) -> Iterable[tuple[str, str]]:
    return ((d, resource) for d, names in resources.items() for resource in names)
