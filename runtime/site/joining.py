"""A member's own half of the ceremony: private keys that never leave, and a join request.

Trusts: the operating system's randomness, and the plan that lies in the home.
Learns: whoever reads ``join.json``, public keys.
Everything is written into a new folder that then takes its name, so that nothing is left
half-written.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from crypto import oprf
from crypto.errors import CryptoError
from crypto.rng import Rng
from crypto.sealing import AtRestKey, SealingKey, open_at_rest, seal_at_rest
from crypto.signing import SigningKey, VerifyKey
from model.documents.joining import JoinRequest, OfferedPrfKey
from model.documents.signed import DocumentError, Signed, sign
from model.messages import gettext as _
from model.mistakes import did_you_mean
from model.plan import Plan, PlanError, PlannedPerson, PlannedProcess, parse_plan
from model.roles import Role
from model.toml import to_toml
from runtime.errors import KeyFileError, SettingsError
from runtime.site.certificates import Subject, create_request
from runtime.site.endpoints import write_atomically
from runtime.site.identity import write_secret, write_secret_file
from runtime.site.settings import PersonSettings, ProcessSettings

PLAN: Final = "plan.toml"
ROOT_KEY: Final = "root.pub"
JOIN: Final = "join.json"
FIRST_EPOCH: Final = 1
_MAX_JOIN_BYTES = 256 * 1024

P = TypeVar("P", PlannedProcess, PlannedPerson)


@dataclass(frozen=True)
class Site:
    """What a home knows of its federation before the ceremony: plan and root key (hex)."""

    home: Path
    plan: Plan
    root_verify_key: str


@dataclass(frozen=True)
class DatabasePlace:
    """What ``init`` is told of the database: a PostgreSQL URL and its password's file, or ""."""

    url: str = ""
    password_file: str = ""


EMBEDDED: Final = DatabasePlace()
"""SQLite in the process's own folder."""


def load_site(home: Path) -> Site:
    """Read plan and root key. Raises SettingsError saying what to copy from where."""
    for name in (PLAN, ROOT_KEY):
        if not (home / name).is_file():
            raise SettingsError(
                _(
                    "{path} is missing. Run `hedui federation init` on the ceremony machine and "
                    "copy {plan} and {root_key} from there",
                    path=home / name,
                    plan=PLAN,
                    root_key=ROOT_KEY,
                )
            )
    try:
        plan = parse_plan((home / PLAN).read_bytes(), source=str(home / PLAN))
        key = VerifyKey(bytes.fromhex((home / ROOT_KEY).read_text("ascii").strip()))
    except PlanError as error:
        raise SettingsError(str(error)) from None
    except (ValueError, CryptoError):
        raise SettingsError(
            _("{path} is not the root's key: one line of hex", path=home / ROOT_KEY)
        ) from None
    return Site(home, plan, key.to_bytes().hex())


def init_process(
    site: Site,
    name: str,
    *,
    roles: frozenset[Role],
    rng: Rng,
    database: DatabasePlace = EMBEDDED,
) -> Path:
    """Create ``HOME/NAME`` with its keys and join request; return the folder.

    Args:
        name: A process of the plan with one of ``roles``.
        database: Where its database is to be; what ``process.toml`` says of it.

    Raises SettingsError for another name, and where the folder exists.
    """
    planned = _planned(site, name, site.plan.process, roles)

    def fill(folder: Path) -> None:
        settings = ProcessSettings(
            name=name,
            role=str(planned.role),
            root_verify_key=site.root_verify_key,
            database_url=database.url,
            database_password_file=database.password_file,
        )
        shown = {"name", "role", "root_verify_key", "listen"}
        shown |= {"database_url"} if database.url else set()
        shown |= {"database_password_file"} if database.password_file else set()
        table = settings.model_dump(include=shown)
        (folder / "process.toml").write_text(to_toml(table), encoding="utf-8")
        for inner in ("tls", "keys", "data", "run", "log"):
            (folder / inner).mkdir(mode=0o700)
        kek = AtRestKey.generate(rng=rng)
        write_secret(folder / "keys" / "kek", kek.secret_bytes())
        offered: list[OfferedPrfKey] = []
        if planned.role is Role.REGISTRAR:
            write_secret(folder / "keys" / "tag.key", rng(32))
            offered = _new_prf_keys(folder / "keys", site.plan.departments, kek, rng)
        _join(site, planned, folder, folder / "tls" / "key.pem", folder / "keys", offered, rng)

    return _build(site.home / name, fill)


def init_person(site: Site, name: str, *, rng: Rng) -> Path:
    """Create ``HOME/people/NAME`` with keys and join request; as ``init_process``."""
    planned = _planned(site, name, site.plan.person, frozenset(Role))

    def fill(folder: Path) -> None:
        settings = PersonSettings(name=name, root_verify_key=site.root_verify_key)
        (folder / "person.toml").write_text(to_toml(settings.model_dump()), encoding="utf-8")
        _join(site, planned, folder, folder / "tls.key", folder, [], rng)

    return _build(site.home / "people" / name, fill)


def read_join_request(path: Path) -> JoinRequest:
    """Read and verify ``join.json``. Raises SettingsError naming it."""
    try:
        data = path.read_bytes()
        if len(data) > _MAX_JOIN_BYTES:
            raise ValueError("too large")
        table = json.loads(data)
        body, signature = table["body"].encode(), bytes.fromhex(table["signature"])
        request = JoinRequest.decode(body)
        Signed(body, signature, request.name).open(
            JoinRequest, VerifyKey(bytes.fromhex(request.verify_key))
        )
    except OSError as error:
        raise SettingsError(
            _(
                "{path} cannot be read: {why}",
                path=path,
                why=error.strerror,
            )
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, CryptoError, DocumentError) as error:
        raise SettingsError(
            _(
                "{path} is not a sound join request ({why}); run init again",
                path=path,
                why=error,
            )
        ) from None
    return request


def load_prf_key(
    keys: Path, department: str, epoch: int, kek: AtRestKey, *, mode: oprf.Mode
) -> oprf.PrivateKey:
    """Open one PRF key of the registrar. Raises KeyFileError."""
    path = _prf_path(keys, department, epoch)
    try:
        sealed = path.read_bytes()
        scalar = open_at_rest(kek, sealed, aad=_prf_aad(department, epoch))
        return oprf.PrivateKey(oprf.suite(mode=mode), scalar)
    except OSError as error:
        raise KeyFileError(
            _(
                "{path} cannot be read: {why}",
                path=path,
                why=error.strerror,
            )
        ) from None
    except CryptoError:
        raise KeyFileError(
            _(
                "{path} does not open under this registrar's key-encryption key. Restore both",
                path=path,
            )
        ) from None


def _new_prf_keys(
    keys: Path, departments: Sequence[str], kek: AtRestKey, rng: Rng
) -> list[OfferedPrfKey]:
    suite = oprf.suite()
    offered = []
    for department in departments:
        key = oprf.PrivateKey.generate(suite, rng=rng)
        aad = _prf_aad(department, FIRST_EPOCH)
        sealed = seal_at_rest(kek, key.to_bytes(), aad=aad, rng=rng)
        write_secret_file(_prf_path(keys, department, FIRST_EPOCH), sealed)
        public = key.public_key.to_bytes().hex()
        offered.append(
            OfferedPrfKey(
                department=department,
                epoch=FIRST_EPOCH,
                suite="ristretto255-SHA512",
                public_key=public,
            )
        )
        key.wipe()
    return offered


def _prf_path(keys: Path, department: str, epoch: int) -> Path:
    return keys / f"prf-{department}-{epoch}.sealed"


def _prf_aad(department: str, epoch: int) -> list[bytes]:
    return [b"prf", oprf.RISTRETTO255_SHA512.encode(), department.encode(), str(epoch).encode()]


def _join(
    site: Site,
    planned: PlannedProcess | PlannedPerson,
    folder: Path,
    tls_key: Path,
    keys: Path,
    offered: list[OfferedPrfKey],
    rng: Rng,
) -> None:
    """Make the member's keys, write them, and write the signed request."""
    subject = subject_of(site.plan, planned)
    pair = create_request(subject, rng=rng)
    signing, sealing = SigningKey.generate(rng=rng), SealingKey.generate(rng=rng)
    write_secret_file(tls_key, pair.key_pem)
    write_secret(keys / "sign.key", signing.to_seed())
    write_secret(keys / "seal.key", sealing.to_bytes())
    # One key serves one witness and signs nothing else; of persons, reviewers have a witness.
    witnesses = isinstance(planned, PlannedProcess) or planned.role is Role.REVIEWER
    cosigning = SigningKey.generate(rng=rng) if witnesses else None
    if cosigning is not None:
        write_secret(keys / "cosign.key", cosigning.to_seed())
    request = JoinRequest(
        federation=site.plan.name,
        name=planned.name,
        role=str(planned.role),
        organisation=planned.organisation,
        office=planned.office,
        department=planned.department if isinstance(planned, PlannedProcess) else "",
        csr=pair.pem.decode("ascii"),
        verify_key=signing.verify_key.to_bytes().hex(),
        seal_key=sealing.public_key.to_bytes().hex(),
        cosign_key=cosigning.verify_key.to_bytes().hex() if cosigning else "",
        prf_keys=offered,
    )
    signed = sign(request, signing, planned.name)
    text = json.dumps({"body": signed.body.decode(), "signature": signed.signature.hex()})
    write_atomically(folder / JOIN, text.encode() + b"\n")


def subject_of(plan: Plan, planned: PlannedProcess | PlannedPerson) -> Subject:
    """Whom the certificate of a planned member names."""
    return Subject(plan.name, str(planned.role), planned.organisation, planned.office, planned.name)


def _planned(site: Site, name: str, members: Sequence[P], roles: frozenset[Role]) -> P:
    names = [m.name for m in members if m.role in roles]
    if name not in names:
        hint = did_you_mean(name, names)
        raise SettingsError(
            _(
                '{path} has no such member "{name}"{hint}',
                path=site.home / PLAN,
                name=name,
                hint=hint,
            )
        )
    return next(m for m in members if m.name == name)


def _build(folder: Path, fill: Callable[[Path], None]) -> Path:
    if folder.exists():
        raise SettingsError(
            _(
                "{folder} exists: its keys are not replaced. Move it away if you really want "
                "new ones",
                folder=folder,
            )
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    try:
        fill(draft)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder
