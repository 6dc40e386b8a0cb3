"""The ceremony itself: certificates, the joint key, the signed federation file.

Source: design.md 2.1.6, 2.1.7, 1.4.
Trusts: this machine while it runs. The dealer knows the secret key for some seconds; it writes
nothing of it but shares, each sealed to its holder, and keeps nothing.
Not protected: Python cannot overwrite integers in memory; end the process and, in production,
switch the machine off.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ceremony.authority import CERTIFICATE_DAYS, Authority, load_authority
from ceremony.requests import Joined, gather, prf_keys
from crypto.rng import Rng
from crypto.sealing import SealingPublicKey
from crypto.threshold import Dealt, deal
from model.federation import WIRE, Federation, FederationError
from model.messages import gettext as _
from model.plan import PlannedProcess
from model.roles import Role
from model.suite import SUITE
from model.toml import to_toml
from runtime.errors import CertificateError, SettingsError
from runtime.site.certificates import Validity, fingerprint, issue
from runtime.site.endpoints import write_atomically, write_endpoints
from runtime.site.identity import write_federation_signature
from runtime.site.joining import FIRST_EPOCH, Site, load_site, subject_of
from runtime.site.key_share import FILE as SHARE_FILE
from runtime.site.key_share import write_share

Progress = Callable[[str], None]
Dealer = Callable[..., Dealt]
FILE: Final = "federation.toml"


@dataclass(frozen=True)
class Newcomer:
    """A member with its new certificate; ``holder_index`` 0 for none."""

    joined: Joined
    pem: bytes
    holder_index: int


def hold_ceremony(
    home: Path,
    *,
    now: datetime,
    rng: Rng,
    pool: Executor | None,
    progress: Progress,
    dealer: Dealer = deal,
) -> Federation:
    """Check every request, issue, deal, seal, sign; return the federation as it was written.

    Everything is computed and checked before the first file is written; the signature of the
    federation file comes last. Raises SettingsError, KeyFileError, CertificateError.

    Args:
        pool: Processes that search for primes side by side.
        progress: Told what begins.
        dealer: ``crypto.threshold.deal``; tests hand in one over fixed primes.
    """
    if (home / FILE).exists():
        raise SettingsError(
            _(
                "{file} exists: the key has already been dealt. A new ceremony needs a new home",
                file=home / FILE,
            )
        )
    site, authority = load_site(home), load_authority(home)
    joined = gather(site)
    progress(f"issuing {len(joined)} certificates")
    members = _certify(site, joined, authority, now, rng)
    plan = site.plan
    progress(
        f"dealing the joint key: {plan.key_bits} bits, any {plan.threshold} of "
        f"{len(plan.holders)} holders open"
    )
    dealt = dealer(
        bits=plan.key_bits,
        threshold=plan.threshold,
        holders=len(plan.holders),
        rng=rng,
        pool=pool,
    )
    text = _federation_file(site, members, authority, dealt)
    federation = _parse(text)
    progress("writing certificates, sealed shares and the signed federation file")
    _write(site, members, authority, dealt, text)
    return federation


def _certify(
    site: Site, joined: Sequence[Joined], authority: Authority, now: datetime, rng: Rng
) -> list[Newcomer]:
    indices = {holder.name: i for i, holder in enumerate(site.plan.holders, start=1)}
    return [
        Newcomer(
            member,
            _certificate(site, member, authority, now, rng),
            indices.get(member.planned.name, 0),
        )
        for member in joined
    ]


def _certificate(
    site: Site, member: Joined, authority: Authority, now: datetime, rng: Rng
) -> bytes:
    try:
        return issue(
            member.request.csr.encode(),
            subject_of(site.plan, member.planned),
            authority.certificates,
            server=member.is_process,
            validity=Validity(now, CERTIFICATE_DAYS),
            rng=rng,
        )
    except CertificateError as error:
        raise SettingsError(
            _(
                "join request of {name}: {why}",
                name=member.planned.name,
                why=error,
            )
        ) from None


def _federation_file(
    site: Site, members: Sequence[Newcomer], authority: Authority, dealt: Dealt
) -> bytes:
    keys = prf_keys([m.joined for m in members], site.plan.departments)
    joint = dealt.joint
    table: dict[str, Any] = {
        "version": 1,
        "number": 1,
        "previous": "",
        "wire": WIRE,
        "suite": SUITE,
        "name": site.plan.name,
        "ca_certificate": authority.certificates.pem.decode("ascii"),
        "joint_key": {
            "bits": joint.public.bits,
            "threshold": joint.threshold,
            "fingerprint": joint.fingerprint.hex(),
            "encoding": joint.to_bytes().hex(),
        },
        "process": [_process_table(m, keys) for m in members if m.joined.is_process],
        "person": [_table(m) for m in members if not m.joined.is_process],
        "office": [office.model_dump() for office in site.plan.office],
    }
    return to_toml(table).encode("utf-8")


def _table(member: Newcomer) -> dict[str, Any]:
    request = member.joined.request
    return {
        "name": request.name,
        "role": request.role,
        "organisation": request.organisation,
        "office": request.office,
        "certificate_sha256": fingerprint(member.pem),
        "verify_key": request.verify_key,
        "seal_key": request.seal_key,
        **({"cosign_key": request.cosign_key} if request.cosign_key else {}),
    }


def _process_table(member: Newcomer, keys: Any) -> dict[str, Any]:
    planned = member.joined.planned
    table = _table(member) | {"holder_index": member.holder_index}
    if isinstance(planned, PlannedProcess) and planned.role is Role.COORDINATOR:
        table |= {"purposes": planned.asks_for}
        table |= {"serves": planned.serves} if planned.serves else {}
    if isinstance(planned, PlannedProcess) and planned.department:
        key = {"epoch": FIRST_EPOCH, "public_key": keys[planned.department]}
        table |= {"department": planned.department, "prf_keys": [key]}
    return table


def _parse(text: bytes) -> Federation:
    try:
        return Federation.parse(text)
    except FederationError as error:
        raise SettingsError(
            _("the plan does not make a sound federation: {why}", why=error)
        ) from None


def _write(
    site: Site, members: Sequence[Newcomer], authority: Authority, dealt: Dealt, text: bytes
) -> None:
    for member in members:
        _write_certificate(member, authority)
        if member.holder_index:
            _write_share(member, dealt)
    write_endpoints(site.home, {})
    write_atomically(site.home / FILE, text)
    write_federation_signature(site.home, authority.root)


def _write_certificate(member: Newcomer, authority: Authority) -> None:
    folder = member.joined.folder
    if not member.joined.is_process:
        write_atomically(folder / "tls.crt", member.pem)
        return
    (folder / "tls").mkdir(mode=0o700, exist_ok=True)
    write_atomically(folder / "tls" / "cert.pem", member.pem)
    write_atomically(folder / "tls" / "ca.pem", authority.certificates.pem)


def _write_share(member: Newcomer, dealt: Dealt) -> None:
    # Left by a ceremony that broke off: without a federation file nobody pins its key.
    (member.joined.folder / "keys" / SHARE_FILE).unlink(missing_ok=True)
    request = member.joined.request
    write_share(
        member.joined.folder,
        dealt.shares[member.holder_index - 1],
        dealt.joint,
        holder=request.name,
        seal_key=SealingPublicKey(bytes.fromhex(request.seal_key)),
    )
