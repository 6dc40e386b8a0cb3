"""What a letter must fulfil before it is stored, and which state it is in on a day.

Source: design.md 2.3.1.
Pure. Messages name a member by position, never by number or name.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from model.documents.authorization import Authorization, HouseholdMember
from model.federation import Federation
from model.identifiers import Identifier, IdentifierError, parse
from model.mistakes import did_you_mean
from model.reasons import Reason
from registrar.authorizations.store import AuthorizationRow
from runtime.errors import Refusal

_STATE_REASONS = {
    "draft": Reason.AUTHORIZATION_NOT_IN_FORCE,
    "revoked": Reason.AUTHORIZATION_REVOKED,
    "ended": Reason.AUTHORIZATION_ENDED,
    "expired": Reason.AUTHORIZATION_EXPIRED,
    "erased": Reason.AUTHORIZATION_ERASED,
}


def check_terms(terms: Authorization, federation: Federation) -> None:
    """Raise Refusal(malformed) naming the first thing that is wrong with a letter."""
    for problem in _problems(terms, federation):
        raise Refusal(Reason.MALFORMED, problem)


def state_on(row: AuthorizationRow, today: date) -> str:
    """draft | in-force | revoked | ended | expired | erased."""
    if row.state == "in-force" and date.fromisoformat(row.valid_to) < today:
        return "expired"
    return row.state


def require_over(row: AuthorizationRow, today: date) -> str:
    """Return revoked, ended or expired. Raises Refusal for a letter not over, or erased."""
    state = state_on(row, today)
    if state == "erased":
        raise Refusal(Reason.AUTHORIZATION_ERASED)
    if state in ("draft", "in-force"):
        raise Refusal(Reason.AUTHORIZATION_IN_FORCE)
    return state


def require_in_force(row: AuthorizationRow | None, today: date) -> AuthorizationRow:
    """Return the row if it is in force today; raise Refusal with the reason that fits best."""
    if row is None:
        raise Refusal(Reason.AUTHORIZATION_UNKNOWN)
    state = state_on(row, today)
    if state != "in-force":
        raise Refusal(_STATE_REASONS[state])
    if today < date.fromisoformat(row.valid_from):
        raise Refusal(
            Reason.AUTHORIZATION_EXPIRED, "the authorization's first day has not come yet"
        )
    return row


def require_all_signed(terms: Authorization) -> None:
    """Raise Refusal(member_not_signed) unless everybody, or a guardian, has signed."""
    if any(member.signed == "missing" for member in terms.members):
        raise Refusal(Reason.MEMBER_NOT_SIGNED)


def _problems(terms: Authorization, federation: Federation) -> Iterable[str]:
    for position, member in enumerate(terms.members, 1):
        yield from _member(position, member)
    persons = [member.person for member in terms.members]
    if len(set(persons)) != len(persons):
        yield "a person stands twice among the members"
    heads = sum(member.relation == "head" for member in terms.members)
    if heads != 1:
        yield f"{heads} members are the head of the household; exactly one is"
    yield from _dates(terms)
    yield from _grants(terms, federation)
    yield from _requesters(terms, federation)
    yield from _repeated("programme", terms.programmes)
    yield from _repeated("single-department rule", terms.single_department_rules)


def _member(position: int, member: HouseholdMember) -> Iterable[str]:
    where = f"member {position}"
    yield from _identifier(where, member.person)
    if (member.signed == "guardian") != bool(member.guardian):
        yield f'{where}: a guardian is named if, and only if, signed is "guardian"'
    if member.guardian:
        yield from _identifier(f"{where}, guardian", member.guardian)
    if member.guardian == member.person:
        yield f"{where} cannot be their own guardian"


def _identifier(where: str, text: str) -> Iterable[str]:
    try:
        found: Identifier = parse(text)
    except IdentifierError as error:
        yield f"{where}: {error}"
        return
    if found.text != text:
        yield f"{where}: the identifier is not in its normal form"


def _dates(terms: Authorization) -> Iterable[str]:
    if terms.valid_to < terms.valid_from:
        yield "valid_to is before valid_from"


def _grants(terms: Authorization, federation: Federation) -> Iterable[str]:
    departments = [grant.department for grant in terms.grants]
    yield from _repeated("department", departments)
    known = [process.department for process in federation.process if process.department]
    for grant in terms.grants:
        if grant.department not in known:
            hint = did_you_mean(grant.department, known)
            yield f'no member serves department "{grant.department}"{hint}'
        yield from _repeated(f"resource of {grant.department}", grant.resources)


def _requesters(terms: Authorization, federation: Federation) -> Iterable[str]:
    yield from _repeated("requester", terms.requesters or [])
    known = [requester.name for requester in federation.requesters]
    if not terms.requesters and len(known) > 1:
        yield f"the letter says through which of {', '.join(known)} it may be asked: requesters"
    for name in terms.requesters or [""]:
        requester = federation.requester(name)
        if requester is None:
            yield f'no coordinator is called "{name}"{did_you_mean(name, known)}'
        elif terms.purpose not in requester.asks_for:
            purposes = ", ".join(requester.asks_for)
            yield f"{requester.name} may not ask for {terms.purpose} (it may for: {purposes})"


def _repeated(what: str, values: Sequence[str]) -> Iterable[str]:
    for value in values:
        if values.count(value) > 1:
            yield f'{what} "{value}" stands twice'
            return
