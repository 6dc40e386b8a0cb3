"""One table from reason to gRPC status, and the metadata key that carries the reason.

A status is for machines in between; what a caller acts on is the reason. Anything that no row
names is INTERNAL with the words "internal error" outside, and stands in the log inside.
"""

from typing import Final

import grpc

from crypto.errors import CryptoError, InvalidInput, ProofError
from model.reasons import Reason
from runtime.errors import Refusal

REASON_KEY: Final = "hedui-reason"

_Code = grpc.StatusCode

# Whatever is not listed is FAILED_PRECONDITION: the request was understood, the answer is no.
_STATUS: dict[Reason, grpc.StatusCode] = {
    Reason.UNAUTHENTICATED: _Code.UNAUTHENTICATED,
    Reason.CERTIFICATE_EXPIRED: _Code.UNAUTHENTICATED,
    Reason.WRONG_ROLE: _Code.PERMISSION_DENIED,
    Reason.WRONG_ORGANISATION: _Code.PERMISSION_DENIED,
    Reason.WRONG_DEPARTMENT: _Code.PERMISSION_DENIED,
    Reason.SAME_PERSON: _Code.PERMISSION_DENIED,
    Reason.NO_DEADLINE: _Code.INVALID_ARGUMENT,
    Reason.MALFORMED: _Code.INVALID_ARGUMENT,
    Reason.SIGNATURE_INVALID: _Code.INVALID_ARGUMENT,
    Reason.IMPORT_INVALID: _Code.INVALID_ARGUMENT,
    Reason.POLICY_INVALID: _Code.INVALID_ARGUMENT,
    Reason.PROOF_INVALID: _Code.INVALID_ARGUMENT,
    Reason.MESSAGE_INVALID: _Code.INVALID_ARGUMENT,
    Reason.AUTHORIZATION_UNKNOWN: _Code.NOT_FOUND,
    Reason.MANIFEST_UNKNOWN: _Code.NOT_FOUND,
    Reason.CASE_UNKNOWN: _Code.NOT_FOUND,
    Reason.NOT_FOUND: _Code.NOT_FOUND,
    Reason.AUTHORIZATION_EXISTS: _Code.ALREADY_EXISTS,
    Reason.BUDGET_EXHAUSTED: _Code.RESOURCE_EXHAUSTED,
    Reason.OVERLOADED: _Code.RESOURCE_EXHAUSTED,
    # Never UNAVAILABLE: that is what gRPC itself says when nobody answers.
    Reason.LEDGER_UNAVAILABLE: _Code.ABORTED,
    Reason.DATABASE_FAULT: _Code.ABORTED,
    Reason.DEADLINE: _Code.DEADLINE_EXCEEDED,
    Reason.INTERNAL: _Code.INTERNAL,
}

# What a handler lets through from the layers below: a fault of the caller's bytes, not ours.
_FROM_BELOW: tuple[tuple[type[Exception], Reason], ...] = (
    (InvalidInput, Reason.MALFORMED),
    (ProofError, Reason.SIGNATURE_INVALID),
)


def status_of(reason: Reason) -> grpc.StatusCode:
    """Return the gRPC status for a reason."""
    return _STATUS.get(reason, _Code.FAILED_PRECONDITION)


def reason_of(error: Exception) -> Reason:
    """Return the reason with which a call ends that raised this; INTERNAL for a fault of ours."""
    refusal = as_refusal(error)
    return Reason.INTERNAL if refusal is None else refusal.reason


def as_refusal(error: Exception) -> Refusal | None:
    """Return the refusal that an exception of a handler means, None for an internal fault."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, CryptoError):
        for kind, reason in _FROM_BELOW:
            if isinstance(error, kind):
                return Refusal(reason)
    return None
