"""Every key of a federation: whose, of which kind, how old, until when, and where it is kept.

Source: the federation file for what there must be; the home for what is there.
Trusts: a file's date for the age of a key that no certificate carries.
Learns: nobody; secret files are looked at from outside (``stat``) and never read.
Keys without a file are not listed: a data key lies wrapped beside each letter and case, in the
database.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ceremony.authority import FOLDER
from model.federation import Federation, Member, Process
from model.roles import Role
from runtime.errors import CertificateError, KeyFileError
from runtime.site.certificates import fingerprint, parse_certificate, validity
from runtime.site.identity import read_bounded
from runtime.site.key_share import FILE as SHARE_FILE
from runtime.site.settings import load_toml

_ED25519: Final = "Ed25519"
_X25519: Final = "X25519 (HPKE)"
_P256: Final = "ECDSA P-256 (TLS)"
_AES: Final = "AES-256-GCM"


@dataclass(frozen=True)
class Key:
    """One key. ``since`` and ``expires`` are None where nobody here knows, or it has no end.

    ``public`` is the public half or its fingerprint, hex, as the federation file pins it; empty
    for a symmetric key. ``status``: here, missing, elsewhere (its holder's folder is not on this
    machine), or what is wrong with it.
    """

    holder: str
    key: str
    algorithm: str
    since: datetime | None
    expires: datetime | None
    place: str
    status: str
    public: str = ""


def inventory(federation: Federation, home: Path, now: datetime) -> list[Key]:
    """All keys: the authority's, the processes', the persons'. Raises SettingsError."""
    keys = list(_authority(federation, home, now))
    for process in federation.process:
        keys += _process(process, federation, home / process.name, now)
    for person in federation.person:
        folder = home / "people" / person.name
        keys.append(_tls(person, folder / "tls.crt", folder / "tls.key", folder, now))
        keys += _pair(person, folder, folder)
        if person.cosign_key:
            path, public = folder / "cosign.key", person.cosign_key
            keys.append(_file(person.name, "cosign", _ED25519, path, folder, public))
    return [*keys, *_documents(federation)]


def _authority(federation: Federation, home: Path, now: datetime) -> Iterator[Key]:
    folder, pem = home / FOLDER, federation.ca_certificate.encode()
    since, expires = validity(pem)
    status = _ended(_status(folder / "ca.key", folder), expires, now)
    yield Key("authority", "certificates", "ECDSA P-256", since, expires,
              str(folder / "ca.key"), status, fingerprint(pem))  # fmt: skip
    yield _file("authority", "root", _ED25519, folder / "root.key", folder)
    pin = federation.joint_key
    kind = f"Paillier {pin.bits}, any {pin.threshold} of {len(federation.holders)} open"
    place = "nowhere whole: shares at the holders"
    yield Key("federation", "joint", kind, None, None, place, "public", pin.fingerprint)


def _documents(federation: Federation) -> Iterator[Key]:
    """Of offices; the private half never lies in a home."""
    for office in (each for each in federation.office if each.document_key):
        holder = f"{office.organisation}, {office.name}"
        kind, place = "ECDSA P-256", "the office's own device"
        yield Key(holder, "document", kind, None, None, place, "public", office.document_key)


def _process(
    process: Process, federation: Federation, folder: Path, now: datetime
) -> Iterator[Key]:
    name, keys = process.name, folder / "keys"
    yield _tls(process, folder / "tls" / "cert.pem", folder / "tls" / "key.pem", folder, now)
    yield from _pair(process, keys, folder)
    if process.cosign_key:
        yield _file(name, "cosign", _ED25519, keys / "cosign.key", folder, process.cosign_key)
    yield _kek(name, folder)
    if process.holder_index:
        kind = f"share {process.holder_index} of the joint key"
        yield _file(name, "share", kind, keys / SHARE_FILE, folder)
    if process.role is Role.REGISTRAR:
        yield _file(name, "tag", "HMAC-SHA256", keys / "tag.key", folder)
        yield from _prf(name, federation, folder)


def _pair(member: Member, keys: Path, folder: Path) -> Iterator[Key]:
    yield _file(member.name, "sign", _ED25519, keys / "sign.key", folder, member.verify_key)
    yield _file(member.name, "seal", _X25519, keys / "seal.key", folder, member.seal_key)


def _prf(name: str, federation: Federation, folder: Path) -> Iterator[Key]:
    for department in federation.process:
        for key in department.prf_keys:
            what = f"prf {department.department}, epoch {key.epoch}"
            path = folder / "keys" / f"prf-{department.department}-{key.epoch}.sealed"
            yield _file(name, what, f"OPRF {key.suite}", path, folder, key.public_key)


def _kek(name: str, folder: Path) -> Key:
    settings = folder / "process.toml"
    elsewhere = str(load_toml(settings).get("kek_file", "")) if settings.is_file() else ""
    if not elsewhere:
        return _file(name, "kek", _AES, folder / "keys" / "kek", folder)
    return _file(name, "kek", _AES, Path(elsewhere), folder, allowed=0o640)


def _tls(member: Member, certificate: Path, key: Path, folder: Path, now: datetime) -> Key:
    pinned, status = member.certificate_sha256, _status(key, folder)
    if status == "elsewhere":
        return Key(member.name, "tls", _P256, None, None, str(key), status, pinned)
    try:
        found = parse_certificate(read_bounded(certificate))
    except (CertificateError, KeyFileError):
        return Key(member.name, "tls", _P256, None, None, str(key), "no certificate", pinned)
    if found.sha256 != pinned:
        status = "certificate is not the pinned one"
    status = _ended(status, found.not_after, now)
    since, expires = found.not_before, found.not_after
    return Key(member.name, "tls", _P256, since, expires, str(key), status, pinned)


def _file(
    holder: str,
    key: str,
    algorithm: str,
    path: Path,
    folder: Path,
    public: str = "",
    *,
    allowed: int = 0o600,
) -> Key:
    status = _status(path, folder, allowed)
    there = status not in ("missing", "elsewhere")
    since = datetime.fromtimestamp(path.stat().st_mtime, UTC) if there else None
    return Key(holder, key, algorithm, since, None, str(path), status, public)


def _status(path: Path, folder: Path, allowed: int = 0o600) -> str:
    if not folder.is_dir():
        return "elsewhere"
    if not path.is_file():
        return "missing"
    others = stat.S_IMODE(path.stat().st_mode) & ~allowed
    return "others may read or change it" if others else "here"


def _ended(status: str, expires: datetime, now: datetime) -> str:
    return "expired" if status in ("here", "elsewhere") and now > expires else status
