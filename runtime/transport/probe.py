"""Why does nobody answer? gRPC says ``UNAVAILABLE: Socket closed`` for an expired certificate, a
foreign one and a dead process alike; a bare TLS handshake tells them apart.

Source: design.md 2.1.3, 5.10.
It is also how a client pins: the handshake yields the peer's certificate, whose fingerprint is
compared with the federation file and which then is the only root of the gRPC channel.
"""

import socket
import ssl
from typing import Final

from model.federation import Federation, Process
from runtime.clock import Clock
from runtime.errors import (
    CallError,
    CertificateError,
    OwnCertificateRefused,
    PeerExpired,
    PeerForeign,
    PeerMisnamed,
    PeerUnpinned,
    PeerUntrusted,
    Unreachable,
)
from runtime.site.certificates import Certificate, host_name, parse_certificate, verify_issuer
from runtime.site.identity import Identity

# RFC 9113, 3.4: the client's preface and an empty SETTINGS frame. A server that takes our
# certificate answers with its own settings; one that does not just closes (TLS 1.3 lets the
# client finish its handshake before the server has looked at the certificate).
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))

# Codes of X509_V_ERR_* in OpenSSL's x509_vfy.h.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_HOST_MISMATCH: Final = 62
_FOREIGN: Final = frozenset({2, 7, 18, 19, 20, 21, 24, 26, 30})


def probe(
    peer: Process,
    address: str,
    *,
    identity: Identity,
    federation: Federation,
    clock: Clock,
    timeout_s: float,
) -> Certificate:
    """Shake hands with a process and return its certificate, which is the pinned one.

    Raises Unreachable, PeerUntrusted or OwnCertificateRefused; each sentence says what to do.
    """
    check_own(peer.name, identity, clock)
    context = _context(identity, federation)
    try:
        with _connect(address, timeout_s) as plain:
            plain.settimeout(timeout_s)
            with context.wrap_socket(plain, server_hostname=host_name(peer.name)) as tls:
                certificate = _pinned(tls, peer)
                _await_settings(tls, peer, identity, federation)
                return certificate
    except ssl.SSLCertVerificationError as error:
        raise _untrusted(peer, address, error) from None
    except ssl.SSLError as error:
        raise _refused_or_broken(peer, address, error, identity, federation) from None
    except OSError as error:
        raise Unreachable(peer.name, _unreachable(peer, address, error)) from None


def check_own(process: str, identity: Identity, clock: Clock) -> None:
    """Raise OwnCertificateRefused if our certificate does not hold now: no peer will take it."""
    try:
        identity.certificate.check_validity(clock.now())
    except CertificateError as error:
        raise OwnCertificateRefused(
            process,
            f"{process} cannot be called: {error}. Have a new one issued by the federation's "
            "authority",
        ) from None


def _context(identity: Identity, federation: Federation) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=federation.ca_certificate)
    context.load_cert_chain(identity.certificate_path, identity.tls_key_path)
    context.set_alpn_protocols(["h2"])
    return context


def _connect(address: str, timeout_s: float) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=timeout_s)


def _pinned(tls: ssl.SSLSocket, peer: Process) -> Certificate:
    shown = tls.getpeercert(binary_form=True) or b""
    certificate = parse_certificate(ssl.DER_cert_to_PEM_cert(shown).encode("ascii"))
    if certificate.sha256 != peer.certificate_sha256:
        raise PeerUnpinned(
            peer.name,
            f"{peer.name} shows certificate {certificate.sha256[:16]}…, but federation.toml pins "
            f"{peer.certificate_sha256[:16]}…. If it was renewed, get the newest federation file; "
            "if not, somebody else answers there",
        )
    return certificate


def _await_settings(
    tls: ssl.SSLSocket, peer: Process, identity: Identity, federation: Federation
) -> None:
    try:
        tls.sendall(_PREFACE)
        answer = tls.recv(9)
    except (ConnectionError, ssl.SSLEOFError):
        answer = b""
    if not answer:
        raise _own_refused(peer, identity, federation)


def _own_refused(peer: Process, identity: Identity, federation: Federation) -> CallError:
    try:
        verify_issuer(identity.certificate.pem, federation.ca_certificate.encode("ascii"))
    except CertificateError:
        return OwnCertificateRefused(
            peer.name,
            f"{peer.name} does not take the certificate of {identity.name}: another authority "
            "issued it than the one in federation.toml. Use the certificate of the ceremony",
        )
    return OwnCertificateRefused(
        peer.name,
        f"{peer.name} closes the connection once it sees the certificate of {identity.name}, "
        "which looks right from here. Compare clock and federation file of both machines",
    )


def _refused_or_broken(
    peer: Process,
    address: str,
    error: ssl.SSLError,
    identity: Identity,
    federation: Federation,
) -> CallError:
    if "ALERT" in (error.reason or ""):
        return _own_refused(peer, identity, federation)
    return PeerUntrusted(
        peer.name,
        f"what answers at {address} does not speak TLS as {peer.name} does. Correct its address "
        "in endpoints.toml",
    )


def _untrusted(peer: Process, address: str, error: ssl.SSLCertVerificationError) -> CallError:
    if error.verify_code == _EXPIRED:
        mend = "Its administrator has a new one issued, and the federation file is signed again"
        return PeerExpired(peer.name, f"the certificate of {peer.name} has expired. {mend}")
    if error.verify_code == _NOT_YET_VALID:
        mend = "Compare the clocks of both machines"
        return PeerExpired(peer.name, f"the certificate of {peer.name} has not begun. {mend}")
    if error.verify_code == _HOST_MISMATCH:
        mend = "Correct its address in endpoints.toml"
        return PeerMisnamed(
            peer.name, f"another member than {peer.name} answers at {address}. {mend}"
        )
    if error.verify_code in _FOREIGN:
        mend = "Somebody else answers there, or one side has the files of another federation"
        return PeerForeign(
            peer.name,
            f"the certificate at {address} was not issued by this federation's authority for a "
            f"process. {mend}",
        )
    return PeerUntrusted(
        peer.name, f"the certificate at {address} is not taken: {error.verify_message}"
    )


def _unreachable(peer: Process, address: str, error: OSError) -> str:
    mend = "Start it, or correct its address in endpoints.toml"
    if isinstance(error, TimeoutError):
        return f"{peer.name} does not answer at {address}. {mend}, or open the firewall"
    if isinstance(error, socket.gaierror):
        return f"{address} is not known to this machine's name service. {mend}"
    if isinstance(error, ConnectionRefusedError):
        return f"{peer.name} is not running at {address}. {mend}"
    return f"{peer.name} cannot be reached at {address} ({error.strerror}). {mend}"
