"""Every error that runtime raises, and what each becomes outside.

RuntimeFault
├── Refusal                     a handler's "no": one code of the closed list and a sentence
├── CertificateError            what is wrong with a certificate
│   ├── CertificateUnreadable       not a certificate, or it names no member
│   ├── CertificateForeign          another authority issued it, or it names another
│   ├── CertificateExpired
│   └── CertificateNotYetValid
├── CallError                   a call that brought no reply; ``process`` names the peer
│   ├── Refused                     the peer said no; ``reason`` says why
│   ├── Unreachable                 nobody answers there: the only one that leaves a case waiting
│   ├── PeerUntrusted               whoever answers there is not whom the federation file pins
│   │   ├── PeerExpired                 its certificate has ended
│   │   ├── PeerForeign                 another authority issued its certificate
│   │   ├── PeerMisnamed                its certificate names another member
│   │   └── PeerUnpinned                right name and authority, but not the pinned certificate
│   ├── OwnCertificateRefused       the peer does not take our certificate
│   ├── DeadlinePassed              the outcome is unknown; repeat only with the same id
│   ├── PeerBusy                    the peer is at its bound of concurrent calls; try later
│   └── PeerFault                   the peer failed inside
└── ProcessError                ends a command: what happened, to which input, what to do
    ├── SettingsError               a file of settings, a profile, a federation file
    ├── KeyFileError                a key that is missing, malformed or readable by others
    ├── AddressInUse                another process listens there
    └── StorageError                the database is missing, locked or of another version
"""

from enum import IntEnum

from model.explanations import EXPLANATIONS
from model.reasons import Reason


class RuntimeFault(Exception):
    """Root of the tree above."""


class Refusal(RuntimeFault):
    """A handler's "no". The sentence goes to the caller: no identifiers, no values.

    Without a sentence of its own it carries the explanation of its reason.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail or EXPLANATIONS[reason].happened
        super().__init__(self.detail)


class CertificateError(RuntimeFault):
    """Something is wrong with a certificate."""


class CertificateUnreadable(CertificateError):
    """Not a certificate, a request or a key of the expected kind."""


class CertificateForeign(CertificateError):
    """Issued by another authority, or for another member."""


class CertificateExpired(CertificateError):
    """Its time has ended."""


class CertificateNotYetValid(CertificateError):
    """Its time has not begun."""


class CallError(RuntimeFault):
    """A call to ``process`` that brought no reply."""

    def __init__(self, process: str, message: str) -> None:
        super().__init__(message)
        self.process = process


class Refused(CallError):
    """The peer said no, with a code of the closed list."""

    def __init__(self, process: str, reason: Reason, detail: str) -> None:
        super().__init__(process, detail)
        self.reason = reason
        self.detail = detail

    def about(self, source: object) -> "Refused":
        """The same, naming the input that only the caller knows by its name."""
        return Refused(self.process, self.reason, f"{source}: {self.detail}")


class Unreachable(CallError):
    """Nobody answers at the peer's address."""


class PeerUntrusted(CallError):
    """Whoever answers is not whom the federation file pins."""


class PeerExpired(PeerUntrusted):
    """The peer's certificate has ended, or has not begun."""


class PeerForeign(PeerUntrusted):
    """Another authority issued the peer's certificate."""


class PeerMisnamed(PeerUntrusted):
    """The peer's certificate names another member."""


class PeerUnpinned(PeerUntrusted):
    """The peer shows another certificate than the federation file pins."""


class OwnCertificateRefused(CallError):
    """The peer does not take our certificate."""


class DeadlinePassed(CallError):
    """No reply in time. The peer may have acted: repeat only with the same id."""


class PeerBusy(CallError):
    """The peer is at its bound of concurrent calls."""


class PeerFault(CallError):
    """The peer failed inside; its log knows more."""


class ExitCode(IntEnum):
    """What a command returns to the shell. 2 is typer's, for a wrong command line."""

    OK = 0
    FAULT = 1
    USAGE = 2
    SETTINGS = 3
    REFUSED = 4
    UNREACHABLE = 5
    UNTRUSTED = 6


class ProcessError(RuntimeFault):
    """Ends a command. The message says what happened, to which input, and what to do."""

    exit_code = ExitCode.SETTINGS


class SettingsError(ProcessError):
    """A file of settings, a profile or a federation file is missing or wrong."""


class KeyFileError(ProcessError):
    """A key file is missing, malformed or readable by others."""


class AddressInUse(ProcessError):
    """Another process listens at the address, or it cannot be bound."""


class StorageError(ProcessError):
    """The database is missing, locked by another process or of another version."""


_EXIT_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (Refused, ExitCode.REFUSED),
    (Refusal, ExitCode.REFUSED),
    (Unreachable, ExitCode.UNREACHABLE),
    (DeadlinePassed, ExitCode.UNREACHABLE),
    (PeerBusy, ExitCode.UNREACHABLE),
    (PeerUntrusted, ExitCode.UNTRUSTED),
    (OwnCertificateRefused, ExitCode.UNTRUSTED),
    (CertificateError, ExitCode.UNTRUSTED),
)


def exit_code(error: BaseException) -> ExitCode:
    """Return what the command line ends with for ``error``; FAULT for anything unknown."""
    if isinstance(error, ProcessError):
        return error.exit_code
    for kind, code in _EXIT_CODES:
        if isinstance(error, kind):
            return code
    # A file that cannot be used, or whose content no parser takes: the same to the shell.
    if isinstance(error, ValueError) or getattr(error, "filename", None) is not None:
        return ExitCode.SETTINGS
    return ExitCode.FAULT
