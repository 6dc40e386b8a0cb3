"""What a person should know about a federation before trusting it: warnings, not refusals.

Source: design.md 1.7.
``Federation.parse`` refuses what would break the protocol; here stands what weakens a guarantee.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from model.federation import Federation, Member, Person, Process
from model.roles import Role
from runtime.errors import CertificateError
from runtime.site.certificates import parse_certificate, verify_issuer

_SOON: Final = timedelta(days=30)


def findings(federation: Federation, *, home: Path, now: datetime) -> list[str]:
    """Warnings in words, the gravest first; empty where there is nothing to say."""
    return [
        *_offices(federation),
        *_holders(federation),
        *_people(federation),
        *_certificates(federation, home, now),
    ]


def _offices(federation: Federation) -> Iterable[str]:
    registrar = federation.registrar
    for requester in federation.requesters:
        if registrar.organisation == requester.organisation:
            yield (
                f"{registrar.name} and {requester.name} both belong to {registrar.organisation}: "
                "whoever runs both can ask about anyone. Give the registrar to another organisation"
            )
    for person in federation.person:
        if person.role in (Role.CLERK, Role.CHECKER):
            continue
        if person.role is Role.REGISTRAR_OFFICER and person.organisation != registrar.organisation:
            yield f"{person.name} is a registrar officer of another organisation: it can do nothing"
        if person.role is Role.OFFICER:
            yield from _officer(federation, person)


def _officer(federation: Federation, person: Person) -> Iterable[str]:
    through = federation.acts_through(person.organisation)
    if not through:
        yield (
            f"{person.name} is an officer of {person.organisation}, which runs no coordinator and "
            "which none serves: it can open no case. Name it in the serves of one"
        )
    elif person.organisation not in {requester.organisation for requester in through}:
        yield (
            f"{person.name} is an officer of another organisation than the coordinator's: it "
            "may open cases, but not approve policies"
        )


def _holders(federation: Federation) -> Iterable[str]:
    threshold, count = federation.joint_key.threshold, len(federation.holders)
    if threshold == 2:
        yield (
            f"any 2 of {count} key holders open: masker and evaluator together can decrypt every "
            "answer shown to them. 3 of 5 is the setting for production"
        )
    if threshold == count:
        yield f"all {count} key holders are needed: one that fails stops every case"
    if federation.joint_key.bits < 3072:
        yield f"the joint key has {federation.joint_key.bits} bits; 3072 is the default"


def _people(federation: Federation) -> Iterable[str]:
    wanted = {
        Role.CLERK: (1, "nobody can register an authorization"),
        Role.CHECKER: (1, "no authorization can come into force"),
        Role.OFFICER: (1, "nobody can open a case"),
        Role.REGISTRAR_OFFICER: (2, "no enrolment budget can be approved"),
        Role.REVIEWER: (1, "nobody outside reads the ledgers"),
    }
    for role, (least, consequence) in wanted.items():
        count = sum(person.role is role for person in federation.person)
        if count < least:
            yield f"{count} of role {role}, at least {least} needed: {consequence}"
    admins = {p.organisation for p in federation.person if p.role is Role.ADMIN}
    for process in federation.process:
        if process.role is Role.NODE and process.organisation not in admins:
            yield f"{process.name}: {process.organisation} has no admin, so nobody can run it"


def _certificates(federation: Federation, home: Path, now: datetime) -> Iterable[str]:
    """Of the members whose certificates lie in this home."""
    for member in federation.members:
        path = _certificate_path(home, member)
        if not path.is_file():
            continue
        try:
            certificate = parse_certificate(path.read_bytes())
            verify_issuer(certificate.pem, federation.ca_certificate.encode())
            certificate.check_validity(now)
        except CertificateError as error:
            yield f"{path}: {error}"
            continue
        if certificate.sha256 != member.certificate_sha256:
            yield f"{path}: not the certificate that federation.toml pins"
        elif certificate.not_after - now < _SOON:
            yield f"{path}: ends in {(certificate.not_after - now).days} days"


def _certificate_path(home: Path, member: Member) -> Path:
    if isinstance(member, Process):
        return home / member.name / "tls" / "cert.pem"
    return home / "people" / member.name / "tls.crt"
