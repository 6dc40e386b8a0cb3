"""A small federation on disk, without a ceremony.

For tests of what lies below the ceremony: every file is real, every key is new but the joint
one, which is dealt over the fixed primes of tests/support/keys.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crypto.rng import system_rng
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from model.federation import WIRE, Federation
from model.roles import PROCESS_ROLES, Role
from model.toml import to_toml
from runtime.site.certificates import (
    KeyPair,
    Subject,
    Validity,
    create_authority,
    create_request,
    fingerprint,
    issue,
)
from runtime.site.identity import write_federation_signature, write_secret, write_secret_file
from tests.support.keys import dealt

NAME = "hexi"


@dataclass(frozen=True)
class Who:
    """One member to be."""

    name: str
    role: Role
    organisation: str
    department: str = ""
    holder_index: int = 0


MEMBERS = (
    Who("registrar", Role.REGISTRAR, "Data Bureau"),
    Who("coordinator", Role.COORDINATOR, "Civil Affairs"),
    Who("tax", Role.NODE, "Tax Service", "tax", 1),
    Who("bank", Role.NODE, "Bank", "bank", 2),
    Who("rosa", Role.REVIEWER, "Audit Office"),
    Who("adam", Role.ADMIN, "Tax Service"),
    Who("bert", Role.ADMIN, "Bank"),
    Who("olga", Role.OFFICER, "Civil Affairs"),
)


class FixedClock:
    """A clock that a test turns by hand."""

    def __init__(self, now: datetime | None = None) -> None:
        self.moment = now or datetime.now(UTC)
        self.seconds = 0.0

    def now(self) -> datetime:
        """Return the moment that was set."""
        return self.moment

    def monotonic_s(self) -> float:
        """Return the seconds that have been moved."""
        return self.seconds

    def move(self, **by: float) -> None:
        """Move both counters on: ``clock.move(days=40)``."""
        self.moment += timedelta(**by)
        self.seconds += timedelta(**by).total_seconds()


@dataclass
class Home:
    """What ``make_home`` wrote."""

    path: Path
    root: SigningKey
    authority: KeyPair
    now: datetime
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    days: int = 365
    number: int = 1
    previous: str = ""

    @property
    def root_hex(self) -> str:
        """The pin that stands in process.toml and person.toml."""
        return self.root.verify_key.to_bytes().hex()

    def federation(self) -> Federation:
        """Parse the file that is there."""
        return Federation.parse((self.path / "federation.toml").read_bytes())

    def certify(
        self,
        who: Who,
        *,
        start: datetime | None = None,
        days: int | None = None,
        authority: KeyPair | None = None,
        pin: bool = True,
        certified_as: str = "",
    ) -> None:
        """Give a member a new TLS key and certificate, and pin it unless told otherwise."""
        subject = Subject(NAME, who.role, who.organisation, "office", certified_as or who.name)
        request = create_request(subject, rng=system_rng)
        pem = issue(
            request.pem,
            subject,
            authority or self.authority,
            server=who.role in PROCESS_ROLES,
            validity=Validity(start or self.now, self.days if days is None else days),
            rng=system_rng,
        )
        certificate, key = self._tls_paths(who)
        certificate.parent.mkdir(parents=True, exist_ok=True)
        key.unlink(missing_ok=True)
        certificate.write_bytes(pem)
        write_secret_file(key, request.key_pem)
        if pin:
            self.tables[who.name]["certificate_sha256"] = fingerprint(pem)
            self.sign()

    def _tls_paths(self, who: Who) -> tuple[Path, Path]:
        if who.role in PROCESS_ROLES:
            folder = self.path / who.name / "tls"
            return folder / "cert.pem", folder / "key.pem"
        folder = self.path / "people" / who.name
        return folder / "tls.crt", folder / "tls.key"

    def add(self, who: Who) -> None:
        """Write a member's keys and settings."""
        process = who.role in PROCESS_ROLES
        folder = self.path / who.name if process else self.path / "people" / who.name
        keys = folder / "keys" if process else folder
        sign_key, seal_key = (
            SigningKey.generate(rng=system_rng),
            SealingKey.generate(rng=system_rng),
        )
        write_secret(keys / "sign.key", sign_key.to_seed())
        write_secret(keys / "seal.key", seal_key.to_bytes())
        self.tables[who.name] = {
            "name": who.name,
            "role": str(who.role),
            "organisation": who.organisation,
            "office": "office",
            "verify_key": sign_key.verify_key.to_bytes().hex(),
            "seal_key": seal_key.public_key.to_bytes().hex(),
        }
        settings = {"name": who.name, "root_verify_key": self.root_hex}
        if process:
            write_secret(keys / "kek", system_rng(32))
            settings["role"] = str(who.role)
            self.tables[who.name] |= _process_table(who)
        (folder / ("process.toml" if process else "person.toml")).write_text(to_toml(settings))

    def table(self) -> dict[str, Any]:
        """The federation file as a table."""
        rows = list(self.tables.values())
        return {
            "version": 1,
            "number": self.number,
            "previous": self.previous,
            "wire": WIRE,
            "name": NAME,
            "ca_certificate": self.authority.pem.decode("ascii"),
            "joint_key": _joint_key(sum(bool(row.get("holder_index")) for row in rows)),
            "process": [row for row in rows if row["role"] in PROCESS_ROLES],
            "person": [row for row in rows if row["role"] not in PROCESS_ROLES],
        }

    def sign(self) -> None:
        """Write federation.toml from the tables, and its signature."""
        (self.path / "federation.toml").write_text(to_toml(self.table()))
        write_federation_signature(self.path, self.root)

    def follow(self) -> None:
        """Sign the file that follows the one that is there."""
        self.number, self.previous = self.number + 1, self.federation().digest
        self.sign()


def _joint_key(holders: int) -> dict[str, Any]:
    joint = dealt(holders // 2 + 1, holders).joint
    return {
        "bits": joint.public.bits,
        "threshold": joint.threshold,
        "fingerprint": joint.fingerprint.hex(),
        "encoding": joint.to_bytes().hex(),
    }


def _process_table(who: Who) -> dict[str, Any]:
    extra: dict[str, Any] = {"department": who.department, "holder_index": who.holder_index}
    if who.department:
        extra["prf_keys"] = [{"epoch": 1, "public_key": "00" * 32}]
    return extra


def make_home(
    path: Path,
    members: Iterable[Who] = MEMBERS,
    *,
    now: datetime | None = None,
    days: int = 365,
) -> Home:
    """Write a whole federation; certificates hold from ``now`` for ``days``."""
    moment = now or datetime.now(UTC)
    authority = create_authority(NAME, days=days, now=moment, rng=system_rng)
    home = Home(path, SigningKey.generate(rng=system_rng), authority, moment, days=days)
    path.mkdir(parents=True, exist_ok=True)
    for who in members:
        home.add(who)
    for who in members:
        home.tables[who.name]["certificate_sha256"] = "00" * 32
        home.certify(who, pin=False)
        certificate, _ = home._tls_paths(who)
        home.tables[who.name]["certificate_sha256"] = fingerprint(certificate.read_bytes())
    home.sign()
    return home


def who(name: str) -> Who:
    """One of MEMBERS."""
    return next(each for each in MEMBERS if each.name == name)


def renamed(member: Who, name: str) -> Who:
    """The same under another name."""
    return replace(member, name=name)
