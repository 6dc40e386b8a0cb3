"""Join requests against the plan: nobody gets a certificate who was not planned, as planned."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from crypto import oprf
from crypto.errors import CryptoError
from crypto.sealing import SealingPublicKey
from model.documents.joining import JoinRequest
from model.messages import gettext as _
from model.plan import PlannedPerson, PlannedProcess
from model.roles import Role
from runtime.errors import SettingsError
from runtime.site.joining import FIRST_EPOCH, JOIN, Site, read_join_request


@dataclass(frozen=True)
class Joined:
    """A planned member and its verified request; ``folder`` is where its files lie."""

    planned: PlannedProcess | PlannedPerson
    request: JoinRequest
    folder: Path

    @property
    def is_process(self) -> bool:
        """Whether it is a process."""
        return isinstance(self.planned, PlannedProcess)


def gather(site: Site) -> list[Joined]:
    """All members' requests, in the plan's order. Raises SettingsError naming what is missing."""
    folders = _folders(site)
    missing = [m.name for m in site.plan.members if not (folders[m.name] / JOIN).is_file()]
    if missing:
        raise SettingsError(
            _(
                "no join request from {missing}. Each runs its own init (`hedui registrar init`, "
                "`hedui coordinator init`, `hedui-node init NAME`, `hedui person init NAME`) "
                "and sends {file}",
                missing=", ".join(missing),
                file=JOIN,
            )
        )
    joined = [
        Joined(m, read_join_request(folders[m.name] / JOIN), folders[m.name])
        for m in site.plan.members
    ]
    for member in joined:
        for problem in _problems(site, member):
            raise SettingsError(
                _(
                    "{file}: {problem}. Run its init again",
                    file=member.folder / JOIN,
                    problem=problem,
                )
            )
    return joined


def prf_keys(joined: Iterable[Joined], departments: list[str]) -> Mapping[str, str]:
    """Department to the public PRF key that the registrar offers for the first epoch, hex."""
    registrar = next(m for m in joined if m.planned.role is Role.REGISTRAR)
    offered = {k.department: k for k in registrar.request.prf_keys if k.epoch == FIRST_EPOCH}
    for department in departments:
        key = offered.get(department)
        if key is None:
            raise SettingsError(
                _(
                    "{file}: no PRF key for department {department}: the plan has changed since "
                    "then. Move the registrar's folder away and run its init again",
                    file=registrar.folder / JOIN,
                    department=department,
                )
            )
        _check_prf_key(registrar, department, key.public_key)
    return {department: offered[department].public_key for department in departments}


def _check_prf_key(registrar: Joined, department: str, key: str) -> None:
    try:
        oprf.PublicKey(oprf.suite(), bytes.fromhex(key))
    except CryptoError as error:
        raise SettingsError(
            _(
                "{file}: PRF key of {department}: {why}",
                file=registrar.folder / JOIN,
                department=department,
                why=error,
            )
        ) from None


def _folders(site: Site) -> dict[str, Path]:
    folders = {p.name: site.home / p.name for p in site.plan.process}
    return folders | {p.name: site.home / "people" / p.name for p in site.plan.person}


def _problems(site: Site, member: Joined) -> Iterable[str]:
    planned, request = member.planned, member.request
    department = planned.department if isinstance(planned, PlannedProcess) else ""
    expected = {
        "federation": site.plan.name,
        "name": planned.name,
        "role": str(planned.role),
        "organisation": planned.organisation,
        "office": planned.office,
        "department": department,
    }
    for field, value in expected.items():
        if getattr(request, field) != value:
            yield f"{field} is not what the plan says"
    if request.cosign_key and not (member.is_process or planned.role is Role.REVIEWER):
        yield "cosign key: only processes and reviewers are witnesses"
    try:
        SealingPublicKey(bytes.fromhex(request.seal_key))
    except CryptoError as error:
        yield f"seal key: {error}"
