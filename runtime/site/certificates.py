"""X.509: what a certificate says, whether it holds now, and how the ceremony issues one.

Source: design.md 2.1.1; RFC 5280; ECDSA P-256 with SHA-256.
Trusts: the federation's authority for the name; the federation file for the fingerprint.
Not protected: there is no revocation list. A certificate is dropped by leaving it out of the
next federation file, because every call compares fingerprints with that file.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from crypto.rng import Rng, random_below
from model.fields import format_time, in_utc
from runtime.errors import (
    CertificateExpired,
    CertificateForeign,
    CertificateNotYetValid,
    CertificateUnreadable,
)

DOMAIN = "hedui.internal"
MAX_PEM_BYTES = 16_384
# Order of the P-256 group (FIPS 186-5): private keys are drawn below it.
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_MAX_NAME = 63
# A certificate is used by machines whose clocks differ a little from the authority's.
_BACKDATE = timedelta(minutes=5)


@dataclass(frozen=True)
class Subject:
    """Whom a certificate names; it stands in the name and, in full, in the URI."""

    federation: str
    role: str
    organisation: str
    office: str
    name: str

    def __post_init__(self) -> None:
        check_name(self.name)
        for text in (self.federation, self.role, self.organisation):
            if not text:
                raise ValueError("federation, role and organisation may not be empty")

    @property
    def host(self) -> str:
        """The DNS name by which clients pin this member."""
        return host_name(self.name)

    @property
    def uri(self) -> str:
        """``hedui://federation/role/organisation/office/name``, percent-encoded."""
        parts = (self.federation, self.role, self.organisation, self.office, self.name)
        return "hedui://" + "/".join(quote(part, safe="") for part in parts)


def check_name(name: str) -> None:
    """Raise ValueError unless ``name`` can begin a DNS name: 1 to 63 characters."""
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise ValueError(
            f"{name[:60]!r} cannot name a member: lower-case letters a-z, digits and hyphens, "
            f"at most {_MAX_NAME}, not starting or ending with a hyphen"
        )


def host_name(name: str) -> str:
    """Return the DNS name under which the member's certificate is pinned."""
    return f"{name}.{DOMAIN}"


def parse_uri(uri: str) -> Subject:
    """Parse ``Subject.uri``, strictly; raises ValueError for any other spelling."""
    prefix, _, rest = uri.partition("://")
    parts = [unquote(part) for part in rest.split("/")]
    if prefix != "hedui" or len(parts) != 5:
        raise ValueError("not hedui://federation/role/organisation/office/name")
    subject = Subject(*parts)
    if subject.uri != uri:
        raise ValueError("not the canonical spelling")
    return subject


@dataclass(frozen=True)
class Certificate:
    """A parsed certificate. Parsing does not verify: see ``verify_issuer`` and ``check_validity``.

    ``sha256`` is the lower-case hex digest of the DER bytes, the form pinned by the federation.
    """

    subject: Subject
    sha256: str
    not_before: datetime
    not_after: datetime
    pem: bytes

    def check_validity(self, now: datetime) -> None:
        """Raise CertificateExpired or CertificateNotYetValid unless it holds at ``now``."""
        now = in_utc(now)
        if now > self.not_after:
            raise CertificateExpired(
                f"the certificate of {self.subject.name} ended at {format_time(self.not_after)}"
            )
        if now < self.not_before:
            raise CertificateNotYetValid(
                f"the certificate of {self.subject.name} begins at {format_time(self.not_before)}; "
                "is a clock wrong?"
            )


def parse_certificate(pem: bytes) -> Certificate:
    """Parse one member's certificate in PEM; raises CertificateUnreadable."""
    parsed = _load(pem)
    try:
        subject = _subject(parsed)
    except (ValueError, x509.ExtensionNotFound) as error:
        raise CertificateUnreadable(f"the certificate names no member: {error}") from None
    return Certificate(
        subject=subject,
        sha256=fingerprint(pem),
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        pem=pem,
    )


def fingerprint(pem: bytes) -> str:
    """Return SHA-256 of the certificate's DER bytes, lower-case hex; raises as parsing does."""
    return hashlib.sha256(_load(pem).public_bytes(serialization.Encoding.DER)).hexdigest()


def validity(pem: bytes) -> tuple[datetime, datetime]:
    """From when until when a certificate, an authority's too, holds; raises as parsing does."""
    parsed = _load(pem)
    return parsed.not_valid_before_utc, parsed.not_valid_after_utc


def verify_issuer(pem: bytes, ca_pem: bytes) -> None:
    """Raise CertificateForeign unless this authority's key signed the certificate."""
    try:
        _load(pem).verify_directly_issued_by(_load(ca_pem))
    except (ValueError, TypeError, InvalidSignature):
        raise CertificateForeign("the certificate was issued by another authority") from None


def _load(pem: bytes) -> x509.Certificate:
    if len(pem) > MAX_PEM_BYTES or pem.count(b"-----BEGIN ") != 1:
        raise CertificateUnreadable(f"not one PEM certificate of at most {MAX_PEM_BYTES} bytes")
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise CertificateUnreadable("not a PEM certificate") from None


def _subject(certificate: x509.Certificate) -> Subject:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise ValueError(f"{len(uris)} URIs where one is needed")
    subject = parse_uri(uris[0])
    if names.get_values_for_type(x509.DNSName) != [subject.host]:
        raise ValueError("its DNS name and its URI differ")
    return subject


# ---------------------------------------------------------------- the ceremony's side


@dataclass(frozen=True, repr=False)
class KeyPair:
    """A private key and the certificate or request that goes with it, both PEM."""

    key_pem: bytes
    pem: bytes

    def __repr__(self) -> str:
        return "KeyPair(<secret>)"


def create_authority(federation: str, *, days: int, now: datetime, rng: Rng) -> KeyPair:
    """Create the federation's certificate authority, self-signed, able to sign members only."""
    key = _new_key(rng)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Hedui authority of {federation}"[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, federation[:64]),
        ]
    )
    end = now + timedelta(days=days)
    builder = _builder(name, name, key.public_key(), now, end, rng)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(authority=True), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    return KeyPair(_key_pem(key), certificate.public_bytes(serialization.Encoding.PEM))


def create_request(subject: Subject, *, rng: Rng) -> KeyPair:
    """Create a member's key and its signing request (CSR); the key never leaves the member."""
    key = _new_key(rng)
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_distinguished(subject))
        .add_extension(_alternative_names(subject), critical=False)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(_key_pem(key), request.public_bytes(serialization.Encoding.PEM))


@dataclass(frozen=True)
class Validity:
    """From when, and for how many days."""

    start: datetime
    days: int


def issue(
    request_pem: bytes,
    subject: Subject,
    authority: KeyPair,
    *,
    server: bool,
    validity: Validity,
    rng: Rng,
) -> bytes:
    """Return the certificate for a request, PEM.

    Args:
        request_pem: The member's CSR; its signature proves that the member has the key.
        subject: Whom the authority has agreed to name. A request for another is refused:
            nothing else is taken over from it but the public key.
        authority: Key and certificate of the authority.
        server: Whether it may serve; only processes may, so that no person's key can.
        validity: From when, and how long. It never outlives the authority's own.
        rng: For the serial number.
    """
    request = _checked_request(request_pem, subject)
    ca = _load(authority.pem)
    now = validity.start
    end = min(in_utc(now) + timedelta(days=validity.days), ca.not_valid_after_utc)
    builder = _builder(_distinguished(subject), ca.subject, request.public_key(), now, end, rng)
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if server:
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
    builder = (
        builder.add_extension(_alternative_names(subject), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    )
    key = _authority_key(authority)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _authority_key(authority: KeyPair) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(authority.key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateUnreadable("the authority's key is not an ECDSA key")
    return key


def _checked_request(pem: bytes, subject: Subject) -> x509.CertificateSigningRequest:
    if len(pem) > MAX_PEM_BYTES:
        raise CertificateUnreadable(f"a request of more than {MAX_PEM_BYTES} bytes")
    try:
        request = x509.load_pem_x509_csr(pem)
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        raise CertificateUnreadable("not a certificate signing request of a member") from None
    key = request.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise CertificateUnreadable("the request's key is not on P-256")
    if not request.is_signature_valid:
        raise CertificateForeign("the request is not signed with the key that it asks for")
    if names != _alternative_names(subject):
        raise CertificateForeign(f"the request asks for another name than {subject.uri}")
    return request


def _builder(
    name: x509.Name,
    issuer: x509.Name,
    key: object,
    now: datetime,
    end: datetime,
    rng: Rng,
) -> x509.CertificateBuilder:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise CertificateUnreadable("not an ECDSA key")
    start, end = (in_utc(t).replace(microsecond=0) for t in (now - _BACKDATE, end))
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        # RFC 5280, 4.1.2.2: positive and at most 20 octets.
        .serial_number(1 + random_below(1 << 158, rng=rng))
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _new_key(rng: Rng) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(1 + random_below(_P256_ORDER - 1, rng=rng), ec.SECP256R1())


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _distinguished(subject: Subject) -> x509.Name:
    attributes = [
        x509.NameAttribute(NameOID.COMMON_NAME, subject.name),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.organisation),
    ]
    if subject.office:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, subject.office))
    return x509.Name(attributes)


def _alternative_names(subject: Subject) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [x509.DNSName(subject.host), x509.UniformResourceIdentifier(subject.uri)]
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
