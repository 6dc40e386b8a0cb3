"""Errors to statuses, reasons and exit codes: one table each, nothing falls through."""

import inspect

import grpc
import pytest

from crypto.errors import CryptoError, InvalidCiphertext, ShareError, SignatureError
from model.explanations import EXPLANATIONS
from model.reasons import Reason
from runtime import errors
from runtime.transport.status import as_refusal, status_of


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_status_that_grpc_does_not_give_by_itself(reason: Reason) -> None:
    # UNAVAILABLE is what the client's gRPC says of a dead peer; a reason must never look so.
    assert status_of(reason) not in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)


BELOW: dict[str, tuple[Exception, Reason | None]] = {
    "a refusal": (errors.Refusal(Reason.TICKET_EXPIRED), Reason.TICKET_EXPIRED),
    "bytes that no honest party sends": (InvalidCiphertext("x"), Reason.MALFORMED),
    "a signature": (SignatureError("x"), Reason.SIGNATURE_INVALID),
    "a share, which is for the evaluator to name": (ShareError("x"), None),
    "another fault of cryptography": (CryptoError("x"), None),
    "a fault of ours": (KeyError("x"), None),
    "a ValueError": (ValueError("x"), None),
}


@pytest.mark.parametrize(("error", "reason"), BELOW.values(), ids=BELOW.keys())
def test_what_handlers_raise(error: Exception, reason: Reason | None) -> None:
    refusal = as_refusal(error)
    assert (refusal.reason if refusal else None) is reason


def test_a_refusal_without_words_carries_its_explanation() -> None:
    refusal = errors.Refusal(Reason.INDEX_STALE)
    assert refusal.detail == EXPLANATIONS[Reason.INDEX_STALE].happened


def test_every_error_is_drawn_and_has_an_exit_code() -> None:
    tree = inspect.getdoc(errors) or ""
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.RuntimeFault):
            assert name in tree


EXITS: dict[str, tuple[BaseException, errors.ExitCode]] = {
    "refused": (errors.Refused("tax", Reason.WRONG_ROLE, "no"), errors.ExitCode.REFUSED),
    "dead": (errors.Unreachable("tax", "x"), errors.ExitCode.UNREACHABLE),
    "late": (errors.DeadlinePassed("tax", "x"), errors.ExitCode.UNREACHABLE),
    "an impostor": (errors.PeerUnpinned("tax", "x"), errors.ExitCode.UNTRUSTED),
    "our own certificate": (errors.CertificateExpired("x"), errors.ExitCode.UNTRUSTED),
    "a setting": (errors.SettingsError("x"), errors.ExitCode.SETTINGS),
    "a port": (errors.AddressInUse("x"), errors.ExitCode.SETTINGS),
    "a bug": (KeyError("x"), errors.ExitCode.FAULT),
}


@pytest.mark.parametrize(("error", "code"), EXITS.values(), ids=EXITS.keys())
def test_exit_codes(error: BaseException, code: errors.ExitCode) -> None:
    assert errors.exit_code(error) is code
