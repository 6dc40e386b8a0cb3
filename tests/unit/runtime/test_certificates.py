"""Certificates: what is issued holds, and what the authority did not agree to is refused.

Tests design.md 2.1.1.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crypto.rng import system_rng
from runtime.errors import (
    CertificateError,
    CertificateExpired,
    CertificateForeign,
    CertificateNotYetValid,
    CertificateUnreadable,
)
from runtime.site import certificates as x509

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TAX = x509.Subject("hexi", "node", "税务局 & co/1", "二科", "tax")


@pytest.fixture(scope="module")
def authority() -> x509.KeyPair:
    return x509.create_authority("hexi", days=30, now=NOW, rng=system_rng)


def issue(authority: x509.KeyPair, request_for: x509.Subject = TAX, days: int = 10) -> bytes:
    request = x509.create_request(request_for, rng=system_rng)
    validity = x509.Validity(NOW, days)
    return x509.issue(request.pem, TAX, authority, server=True, validity=validity, rng=system_rng)


def test_an_issued_certificate_names_its_member(authority: x509.KeyPair) -> None:
    pem = issue(authority)
    certificate = x509.parse_certificate(pem)
    assert certificate.subject == TAX
    assert certificate.sha256 == x509.fingerprint(pem)
    x509.verify_issuer(pem, authority.pem)
    certificate.check_validity(NOW)


VALIDITY = {
    "the day before": (timedelta(days=-1), CertificateNotYetValid),
    "the day after": (timedelta(days=11), CertificateExpired),
}


@pytest.mark.parametrize(("offset", "error"), VALIDITY.values(), ids=VALIDITY.keys())
def test_outside_of_its_time_it_does_not_hold(
    authority: x509.KeyPair, offset: timedelta, error: type[CertificateError]
) -> None:
    with pytest.raises(error, match="tax"):
        x509.parse_certificate(issue(authority)).check_validity(NOW + offset)


def test_it_never_outlives_its_authority(authority: x509.KeyPair) -> None:
    certificate = x509.parse_certificate(issue(authority, days=3000))
    assert certificate.not_after == NOW + timedelta(days=30)


def test_another_authority_is_foreign_even_under_the_same_name(authority: x509.KeyPair) -> None:
    other = x509.create_authority("hexi", days=30, now=NOW, rng=system_rng)
    with pytest.raises(CertificateForeign):
        x509.verify_issuer(issue(authority), other.pem)


OTHER_WISHES = {
    "another role": replace(TAX, role="registrar"),
    "another name": replace(TAX, name="bank"),
    "another organisation": replace(TAX, organisation="Civil Affairs"),
    "another federation": replace(TAX, federation="elsewhere"),
}


@pytest.mark.parametrize("wish", OTHER_WISHES.values(), ids=OTHER_WISHES.keys())
def test_a_request_for_another_name_is_refused(authority: x509.KeyPair, wish: x509.Subject) -> None:
    with pytest.raises(CertificateForeign, match="another name"):
        issue(authority, request_for=wish)


def test_a_request_that_was_changed_is_refused(authority: x509.KeyPair) -> None:
    request = x509.create_request(TAX, rng=system_rng)
    other = x509.create_request(TAX, rng=system_rng)
    lines, theirs = request.pem.splitlines(), other.pem.splitlines()
    lines[-2] = theirs[-2]
    with pytest.raises(CertificateError):
        x509.issue(
            b"\n".join(lines),
            TAX,
            authority,
            server=True,
            validity=x509.Validity(NOW, 1),
            rng=system_rng,
        )


NOT_CERTIFICATES = {
    "nothing": b"",
    "text": b"hello",
    "too long": b"-----BEGIN CERTIFICATE-----" + b"A" * 20_000,
    "empty body": b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
}


@pytest.mark.parametrize("pem", NOT_CERTIFICATES.values(), ids=NOT_CERTIFICATES.keys())
def test_what_is_not_a_certificate_is_unreadable(pem: bytes) -> None:
    with pytest.raises(CertificateUnreadable):
        x509.parse_certificate(pem)


def test_two_certificates_in_one_file_are_refused(authority: x509.KeyPair) -> None:
    with pytest.raises(CertificateUnreadable):
        x509.parse_certificate(issue(authority) + authority.pem)


def test_the_authority_itself_is_no_member(authority: x509.KeyPair) -> None:
    with pytest.raises(CertificateUnreadable, match="names no member"):
        x509.parse_certificate(authority.pem)


def test_keys_never_print(authority: x509.KeyPair) -> None:
    assert "PRIVATE" not in f"{authority!r}{authority}"


BAD_URIS = {
    "another scheme": "https://hexi/node/a/b/tax",
    "a part missing": "hedui://hexi/node/a/tax",
    "a part too many": "hedui://hexi/node/a/b/tax/x",
    "not the canonical spelling": "hedui://hexi/node/%61/b/tax",
    "a name that is no host": "hedui://hexi/node/a/b/Tax_1",
    "no role": "hedui://hexi//a/b/tax",
}


@pytest.mark.parametrize("uri", BAD_URIS.values(), ids=BAD_URIS.keys())
def test_uris_parse_in_one_spelling_only(uri: str) -> None:
    with pytest.raises(ValueError):
        x509.parse_uri(uri)


def test_a_uri_survives_awkward_text() -> None:
    assert x509.parse_uri(TAX.uri) == TAX
