"""Key material of one process or person, and the federation file that it is checked against.

Source: design.md 3.11, 5.14.
Trusts: the federation's root key, pinned in process.toml or person.toml; the operating system
for the folder's permissions.
Not protected: keys lie unencrypted on this machine's disk, mode 0600; whoever is root reads them.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from crypto.errors import CryptoError
from crypto.labels import Label
from crypto.sealing import AtRestKey, SealingKey
from crypto.signing import SigningKey, VerifyKey
from model.federation import Federation, FederationError, Member, Process
from model.messages import gettext as _
from runtime.clock import Clock
from runtime.errors import CertificateUnreadable, KeyFileError, SettingsError
from runtime.site.certificates import Certificate, parse_certificate, verify_issuer
from runtime.site.endpoints import write_atomically
from runtime.site.settings import PersonSettings, ProcessSettings, load_settings

SECRET_BYTES = 32
_MAX_FILE_BYTES = 16_384
# systemd's LoadCredential shows a file that only the service reads as 0440.
_OUTSIDE = 0o640
_OWN = 0o600


@dataclass(frozen=True, repr=False)
class Identity:
    """Who we are towards others: certificate and keys. Never prints."""

    name: str
    certificate: Certificate
    # Python's ssl takes files only, for the probe that names the cause of a failed call.
    certificate_path: Path
    tls_key_path: Path
    tls_key_pem: bytes
    sign_key: SigningKey
    seal_key: SealingKey | None
    # Of processes and reviewers: cosigns others' checkpoints.
    cosign_key: SigningKey | None = None

    def __repr__(self) -> str:
        return f"Identity({self.name}, <secret>)"

    def check(self, federation: Federation, *, clock: Clock) -> Member:
        """Return our own entry of the federation file.

        Raises CertificateError where the certificate does not hold now or is foreign, and
        KeyFileError where the file pins other keys than these.
        """
        self.certificate.check_validity(clock.now())
        verify_issuer(self.certificate.pem, federation.ca_certificate.encode())
        member = federation.member(self.name)
        if member is None:
            raise SettingsError(
                _(
                    'federation.toml does not know "{name}". Have it join, and the file signed '
                    "again",
                    name=self.name,
                )
            )
        _check_pins(self, member)
        return member


def _check_pins(identity: Identity, member: Member) -> None:
    mend = "Use the keys of the ceremony, or have the federation file signed again with these"
    if member.certificate_sha256 != identity.certificate.sha256:
        raise KeyFileError(
            _(
                "{member}: its certificate is not the one that federation.toml pins. {mend}",
                member=member.name,
                mend=mend,
            )
        )
    if member.verify_key != identity.sign_key.verify_key.to_bytes().hex():
        raise KeyFileError(
            _(
                "{member}: sign.key is not the one that is pinned. {mend}",
                member=member.name,
                mend=mend,
            )
        )
    seal = identity.seal_key
    if seal is not None and member.seal_key != seal.public_key.to_bytes().hex():
        raise KeyFileError(
            _(
                "{member}: seal.key is not the one that is pinned. {mend}",
                member=member.name,
                mend=mend,
            )
        )
    cosign, pinned = identity.cosign_key, member.cosign_key
    # A reviewer's witness may run elsewhere, and its key lie there.
    elsewhere = cosign is None and not isinstance(member, Process)
    if not elsewhere and pinned != (cosign.verify_key.to_bytes().hex() if cosign else ""):
        raise KeyFileError(
            _(
                "{member}: cosign.key is not the one that is pinned. {mend}",
                member=member.name,
                mend=mend,
            )
        )


def load_process_identity(folder: Path) -> Identity:
    """Load a process's keys from ``HOME/PROCESS``; raises KeyFileError, CertificateError."""
    return _load(folder.name, folder / "tls", folder / "keys", ("cert.pem", "key.pem"))


def load_person(home: Path, name: str) -> tuple[PersonSettings, Identity]:
    """Load a person's pin and keys from ``HOME/people/NAME``; raises as its parts do."""
    folder = home / "people" / name
    if not (home / "people").is_dir():
        raise SettingsError(
            _(
                "{home} is not a Hedui home: it has no people folder. Give the right one with "
                "--home, or in hedui.toml",
                home=home,
            )
        )
    if not folder.is_dir():
        known = sorted(path.name for path in (home / "people").glob("*") if path.is_dir())
        raise SettingsError(
            _(
                'no person "{name}" under {file} (there are: {known})',
                name=name,
                file=home / "people",
                known=", ".join(known) or _("none"),
            )
        )
    settings = load_settings(folder / "person.toml", PersonSettings)
    return settings, _load(name, folder, folder, ("tls.crt", "tls.key"))


def _load(name: str, tls: Path, keys: Path, files: tuple[str, str]) -> Identity:
    certificate = _own_certificate(tls / files[0])
    if certificate.subject.name != name:
        raise KeyFileError(
            _(
                "{file} is the certificate of {other}, not of {name}",
                file=tls / files[0],
                other=certificate.subject.name,
                name=name,
            )
        )
    seal_path, cosign_path = keys / "seal.key", keys / "cosign.key"
    return Identity(
        name=name,
        certificate=certificate,
        certificate_path=tls / files[0],
        tls_key_path=tls / files[1],
        tls_key_pem=read_secret_file(tls / files[1]),
        sign_key=SigningKey(read_secret(keys / "sign.key")),
        seal_key=SealingKey(read_secret(seal_path)) if seal_path.exists() else None,
        cosign_key=SigningKey(read_secret(cosign_path)) if cosign_path.exists() else None,
    )


def _own_certificate(path: Path) -> Certificate:
    if not path.exists():
        raise KeyFileError(
            _(
                "{path} is missing: give join.json to the ceremony (`hedui federation deal`) "
                "and copy what it issues",
                path=path,
            )
        )
    try:
        return parse_certificate(read_bounded(path))
    except CertificateUnreadable as error:
        raise KeyFileError(
            _(
                "{path}: {why}. Copy it again from the federation's authority",
                path=path,
                why=error,
            )
        ) from None


def load_federation(home: Path, root_verify_key: str) -> Federation:
    """Load ``federation.toml`` under the pinned root key (hex); raises SettingsError.

    Nothing of the file is parsed before its signature holds.
    """
    path, signature = home / "federation.toml", home / "federation.toml.sig"
    data = _read_public(path)
    try:
        root = VerifyKey(bytes.fromhex(root_verify_key))
        root.verify(_signature(signature), Label.FEDERATION, data)
        return Federation.parse(data)
    except CryptoError:
        raise SettingsError(
            _(
                "{path} is not signed by this federation's root key. Get the file and its "
                "signature again from the federation's authority; never continue with this one",
                path=path,
            )
        ) from None
    except FederationError as error:
        raise SettingsError(f"{path}: {error}") from None


def write_federation_signature(home: Path, root: SigningKey) -> None:
    """Sign the exact bytes of ``federation.toml``; for the ceremony alone."""
    data = (home / "federation.toml").read_bytes()
    signature = root.sign(Label.FEDERATION, data).hex().encode("ascii") + b"\n"
    write_atomically(home / "federation.toml.sig", signature)


def _signature(path: Path) -> bytes:
    try:
        return bytes.fromhex(_read_public(path).decode("ascii").strip())
    except ValueError:
        return b""


def _read_public(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            _(
                "{path} cannot be read ({why}). Copy it from the federation's authority",
                path=path,
                why=error.strerror,
            )
        ) from None


def load_kek(folder: Path, settings: ProcessSettings) -> AtRestKey:
    """Load the key-encryption key of a process; raises KeyFileError."""
    if not settings.kek_file:
        return AtRestKey(read_secret(folder / "keys" / "kek"))
    path = Path(settings.kek_file)
    if (folder / "data").resolve() in path.resolve().parents:
        raise KeyFileError(
            _(
                "{path}: the key-encryption key must not lie next to the data that it seals",
                path=path,
            )
        )
    return AtRestKey(_decode(path, read_secret_file(path, allowed=_OUTSIDE)))


def load_database_password(settings: ProcessSettings) -> str:
    """The database's password; empty where the settings name no file. Raises KeyFileError."""
    if not settings.database_password_file:
        return ""
    return read_password(Path(settings.database_password_file))


def read_password(path: Path) -> str:
    """A password: its file's one line. Raises KeyFileError, also where others may read it."""
    if not path.exists():
        raise KeyFileError(
            _("{path} is missing: write the database user's password there, one line", path=path)
        )
    try:
        lines = read_secret_file(path, allowed=_OUTSIDE).decode("utf-8").splitlines()
    except UnicodeDecodeError:
        lines = []
    if len(lines) != 1 or not lines[0]:
        raise KeyFileError(_("{path} is not a password: one line of text", path=path))
    return lines[0]


def read_secret(path: Path) -> bytes:
    """Read a 32-byte secret: one line of lower-case hex, mode 0600; raises KeyFileError."""
    return _decode(path, read_secret_file(path))


def write_secret(path: Path, secret: bytes) -> None:
    """Write a 32-byte secret with mode 0600; a file that stands there is refused."""
    write_secret_file(path, secret.hex().encode("ascii") + b"\n")


def write_secret_file(path: Path, data: bytes) -> None:
    """Write secret bytes with mode 0600; raises KeyFileError rather than overwrite."""
    if path.exists():
        raise KeyFileError(
            _("{path} already exists; move it away if you really want to replace it", path=path)
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, data, mode=_OWN)


def _decode(path: Path, data: bytes) -> bytes:
    try:
        secret = bytes.fromhex(data.decode("ascii").strip())
    except ValueError:
        raise KeyFileError(_("{path} is not one line of hex", path=path)) from None
    if len(secret) != SECRET_BYTES:
        raise KeyFileError(
            _(
                "{path} holds {n} bytes where {needed} are needed",
                path=path,
                n=len(secret),
                needed=SECRET_BYTES,
            )
        )
    return secret


def read_secret_file(path: Path, *, allowed: int = _OWN) -> bytes:
    """Read a secret file of at most 16 KiB; raises KeyFileError if others may read it."""
    return read_bounded(path, allowed=allowed)


def read_bounded(path: Path, *, allowed: int = 0o777) -> bytes:
    """Read a regular file of at most 16 KiB whose mode has no bit outside ``allowed``."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeyFileError(
            _(
                "{path} cannot be read: {why}. Put it back from where it is kept; a key that is"
                " lost needs a new member",
                path=path,
                why=error.strerror,
            )
        ) from None
    try:
        _check_mode(path, os.fstat(handle).st_mode, allowed)
        data = os.read(handle, _MAX_FILE_BYTES + 1)
    finally:
        os.close(handle)
    if len(data) > _MAX_FILE_BYTES:
        raise KeyFileError(
            _(
                "{path} is larger than {most} bytes",
                path=path,
                most=_MAX_FILE_BYTES,
            )
        )
    return data


def _check_mode(path: Path, mode: int, allowed: int) -> None:
    if not stat.S_ISREG(mode):
        raise KeyFileError(_("{path} is not a file", path=path))
    if stat.S_IMODE(mode) & ~allowed:
        raise KeyFileError(
            _(
                "{path} has mode {mode:04o}, so others may read or change it. Run: chmod "
                "{right:04o} {path}",
                path=path,
                mode=stat.S_IMODE(mode),
                right=allowed & 0o600,
            )
        )
