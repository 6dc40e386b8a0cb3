"""The federation file: who is a member, with which role, certificate and keys.

Source: design.md 1.4, 2.1.7.
TOML, signed by the federation's root key, distributed to every process. It pins; addresses are
not signed and stand in ``endpoints.toml``.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from crypto.errors import InvalidKey
from crypto.threshold import JointKey
from model.documents.authorization import PURPOSE, Purpose
from model.fields import Hex32, Name, Strict, Text
from model.limits import (
    MAX_DEPARTMENTS,
    MAX_FEDERATION_BYTES,
    MAX_FEDERATION_VALUES,
    MAX_OFFICES,
    MAX_REQUESTERS,
)
from model.mistakes import explain
from model.office import Office, office_faults
from model.roles import PERSON_ROLES, PROCESS_ROLES, Role
from model.suite import SUITE, Suite
from model.toml import TomlError, parse_toml

WIRE: Final = 2
"""Version of the wire contract that this tree speaks; stated in every call."""

BigHex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$", max_length=4096)]


class FederationError(ValueError):
    """The federation file is not well formed; the message names the table and key."""


class PrfKey(Strict):
    """The public PRF key of one department in one epoch."""

    epoch: Annotated[int, Field(ge=1, le=65535)]
    suite: Literal["ristretto255-SHA512", "P256-SHA256"] = "ristretto255-SHA512"
    public_key: BigHex


class Process(Strict):
    """A process. A node may serve a department, hold a key share, or both."""

    name: Name
    role: Annotated[Role, Field(strict=False)]
    organisation: Text
    office: Text
    certificate_sha256: Hex32
    verify_key: Hex32
    seal_key: BigHex
    department: Name | Literal[""] = ""
    holder_index: Annotated[int, Field(ge=0, le=16)] = 0
    prf_keys: Annotated[list[PrfKey], Field(max_length=64, default_factory=list)]
    cosign_key: Hex32 | Literal[""] = ""
    """Ed25519 key that cosigns others' checkpoints and signs nothing else; empty: no witness."""
    purposes: Annotated[list[Purpose], Field(max_length=16, default_factory=list)]
    """Of a requester: what it may ask for. Empty in files from before there were several."""
    serves: Annotated[list[Text], Field(max_length=256, default_factory=list)]
    """Of a requester: organisations besides its own whose officers act through it."""

    @property
    def asks_for(self) -> tuple[str, ...]:
        """The purposes of a requester; of no other process any."""
        if self.role is not Role.COORDINATOR:
            return ()
        return tuple(self.purposes) or (PURPOSE,)

    @property
    def newest_epoch(self) -> int:
        """The newest epoch with a pinned PRF key; 0 for none."""
        return max((key.epoch for key in self.prf_keys), default=0)

    def prf_key(self, epoch: int) -> PrfKey | None:
        """The pinned key of this epoch, or None."""
        return next((k for k in self.prf_keys if k.epoch == epoch), None)


class Person(Strict):
    """A person who acts with an own certificate."""

    name: Name
    role: Annotated[Role, Field(strict=False)]
    organisation: Text
    office: Text
    certificate_sha256: Hex32
    verify_key: Hex32
    seal_key: BigHex
    cosign_key: Hex32 | Literal[""] = ""
    """Ed25519 key of a reviewer's own witness; empty: none, or one that nobody pinned."""


Member = Process | Person


class JointKeyPin(Strict):
    """The key that was dealt to the holders, in full, and its fingerprint."""

    bits: Annotated[int, Field(ge=2048, le=8192)]
    threshold: Annotated[int, Field(ge=2, le=16)]
    fingerprint: Hex32
    encoding: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$", max_length=65536)]
    """``crypto.threshold.JointKey.to_bytes``, hex: public key and share verification keys."""

    @cached_property
    def key(self) -> JointKey:
        """The validated key. ``Federation.parse`` has checked it against the fields above."""
        return JointKey.from_bytes(bytes.fromhex(self.encoding))


class Federation(Strict):
    """The whole file; ``parse`` is the only way to make one."""

    version: Literal[1]
    number: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """1 for the first file, one more for each that follows."""
    previous: Hex32 | Literal[""] = ""
    """Digest of the file before; empty for the first."""
    wire: Literal[2] = WIRE
    name: Name
    suite: Suite = SUITE
    ca_certificate: Annotated[str, StringConstraints(max_length=8192)]
    joint_key: JointKeyPin
    process: Annotated[list[Process], Field(max_length=MAX_DEPARTMENTS + 32)]
    person: Annotated[list[Person], Field(max_length=20_000)]
    office: Annotated[list[Office], Field(max_length=MAX_OFFICES, default_factory=list)]
    digest: str = ""
    """SHA-256 of the file's bytes, hex; set by ``parse``, absent from the file."""

    @classmethod
    def parse(cls, data: bytes) -> "Federation":
        """Parse the exact bytes of ``federation.toml``. Raises FederationError.

        The caller has verified the signature over these bytes.
        """
        try:
            table = parse_toml(
                data,
                source="federation.toml",
                max_bytes=MAX_FEDERATION_BYTES,
                max_values=MAX_FEDERATION_VALUES,
            )
        except TomlError as error:
            raise FederationError(str(error)) from None
        if "digest" in table:
            raise FederationError("federation.toml: digest: unknown key")
        try:
            return cls.model_validate({**table, "digest": hashlib.sha256(data).hexdigest()})
        except ValidationError as error:
            raise FederationError(f"federation.toml: {explain(error, cls, table)}") from None

    @model_validator(mode="after")
    def _consistent(self) -> "Federation":
        _check_unique("name", [m.name for m in self.members])
        _check_unique("certificate", [m.certificate_sha256 for m in self.members])
        cosign_keys = [m.cosign_key for m in self.members if m.cosign_key]
        _check_unique("verify key", [m.verify_key for m in self.members] + cosign_keys)
        _check_unique("department", [p.department for p in self.process if p.department])
        if bool(self.previous) != (self.number > 1):
            raise ValueError("previous is empty in the first file, a digest in each that follows")
        for fault in office_faults(self.office, ((m.organisation, m.office) for m in self.members)):
            raise ValueError(fault)
        _check_roles(self)
        _check_holders(self)
        _check_key(self)
        return self

    @property
    def members(self) -> list[Member]:
        """Processes, then persons."""
        return [*self.process, *self.person]

    @cached_property
    def _by_name(self) -> dict[str, Member]:
        return {m.name: m for m in self.members}

    @cached_property
    def _by_certificate(self) -> dict[str, Member]:
        return {m.certificate_sha256: m for m in self.members}

    def member(self, name: str) -> Member | None:
        """The member of this name, or None."""
        return self._by_name.get(name)

    def by_certificate(self, sha256: str) -> Member | None:
        """The member whose certificate (DER) has this SHA-256 (hex), or None."""
        return self._by_certificate.get(sha256)

    @property
    def registrar(self) -> Process:
        """The one registrar."""
        return next(p for p in self.process if p.role is Role.REGISTRAR)

    @cached_property
    def requesters(self) -> tuple[Process, ...]:
        """The coordinators, in the file's order: whoever may ask, one or more."""
        return tuple(p for p in self.process if p.role is Role.COORDINATOR)

    def requester(self, name: str | None) -> Process | None:
        """The requester of this name, or None.

        No name, or an empty one, stands for the only one: documents from before wire version 2
        have none, and their federations had one. Where there are several, it is nobody.
        """
        if not name:
            return self.requesters[0] if len(self.requesters) == 1 else None
        return next((r for r in self.requesters if r.name == name), None)

    def acts_through(self, organisation: str) -> tuple[Process, ...]:
        """The requesters through which persons of this organisation act.

        Where there is one requester, everybody acts through it. Where there are several, each
        organisation through its own, and through those that say that they serve it: who runs a
        requester of their own does so to share cases with nobody.
        """
        if len(self.requesters) == 1:
            return self.requesters
        return tuple(r for r in self.requesters if organisation in (r.organisation, *r.serves))

    @property
    def holders(self) -> list[Process]:
        """Key holders by index, 1 to l."""
        return sorted((p for p in self.process if p.holder_index), key=lambda p: p.holder_index)

    def holders_beside(self, member: str) -> frozenset[str]:
        """The names of key holders in a member's own organisation."""
        found = self.member(member)
        office = found.organisation if found else None
        return frozenset(h.name for h in self.holders if h.organisation == office)

    def department(self, name: str) -> Process | None:
        """The process that serves this department, or None."""
        return next((p for p in self.process if p.department == name and name), None)


def _check_unique(what: str, values: Sequence[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"two members have the same {what}: {value}")
        seen.add(value)


def _check_roles(federation: Federation) -> None:
    roles = [p.role for p in federation.process]
    if roles.count(Role.REGISTRAR) != 1:
        raise ValueError(f"there must be exactly one registrar, not {roles.count(Role.REGISTRAR)}")
    if not 1 <= roles.count(Role.COORDINATOR) <= MAX_REQUESTERS:
        count = roles.count(Role.COORDINATOR)
        raise ValueError(f"there must be 1 to {MAX_REQUESTERS} coordinators, not {count}")
    if set(roles) - PROCESS_ROLES or {p.role for p in federation.person} - PERSON_ROLES:
        raise ValueError("a process has a person's role, or a person a process's")
    for person in federation.person:
        if person.cosign_key and person.role is not Role.REVIEWER:
            raise ValueError(f"{person.name}: only processes and reviewers are witnesses")
    for process in federation.process:
        if process.department and (process.role is not Role.NODE or not process.prf_keys):
            raise ValueError(f"{process.name}: a department needs role node and a PRF key")
        if process.role is not Role.COORDINATOR and (process.purposes or process.serves):
            raise ValueError(f"{process.name}: only a coordinator has purposes and serves others")


def _check_holders(federation: Federation) -> None:
    holders = federation.holders
    if [h.holder_index for h in holders] != list(range(1, len(holders) + 1)):
        raise ValueError("holder indices must be 1, 2, ... without gaps")
    if not len(holders) // 2 < federation.joint_key.threshold <= len(holders):
        raise ValueError("the threshold t must satisfy 2t > n and t <= n")
    organisations = {h.organisation for h in holders}
    if len(organisations) != len(holders):
        raise ValueError("two key shares lie in one organisation")
    if organisations & {p.organisation for p in (federation.registrar, *federation.requesters)}:
        raise ValueError("a key share lies in a coordinator's or the registrar's organisation")
    if any(h.role is not Role.NODE for h in holders):
        raise ValueError("a key holder must be a node process")


def _check_key(federation: Federation) -> None:
    pin = federation.joint_key
    try:
        key = pin.key
    except InvalidKey as error:
        raise ValueError(f"joint_key: {error}") from None
    if key.fingerprint.hex() != pin.fingerprint:
        raise ValueError("joint_key: the key does not have the fingerprint")
    if (key.public.bits, key.threshold) != (pin.bits, pin.threshold):
        raise ValueError("joint_key: bits or threshold are not those of the key")
    if key.holders != len(federation.holders):
        raise ValueError("joint_key: dealt to another number of holders than are members")
