"""Under which keys logs are signed and cosigned: what the federation file pins."""

from collections.abc import Mapping

from crypto.signing import VerifyKey
from ledger.checkpoint import origin_of
from ledger.note import KeyType, Verifier
from model.federation import Federation, Member


def log_verifier(federation: Federation, process: str, key_hex: str) -> Verifier:
    """The pinned key of a process's log."""
    return Verifier(origin_of(federation.name, process), VerifyKey(bytes.fromhex(key_hex)))


def witness_name(federation: str, member: str) -> str:
    """The name under which a member cosigns: ``hedui/<federation>/<member>/witness``."""
    return f"{origin_of(federation, member)}/witness"


def witness_verifier(federation: Federation, member: Member) -> Verifier | None:
    """The pinned key under which a process or reviewer cosigns; None where it has none."""
    if not member.cosign_key:
        return None
    key = VerifyKey(bytes.fromhex(member.cosign_key))
    return Verifier(witness_name(federation.name, member.name), key, KeyType.COSIGNATURE)


def witness_verifiers(federation: Federation) -> list[Verifier]:
    """The pinned keys of all witnesses: the processes', then the reviewers'."""
    found = (witness_verifier(federation, member) for member in federation.members)
    return [verifier for verifier in found if verifier is not None]


def log_verifiers(federation: Federation) -> Mapping[str, Verifier]:
    """The pinned key of every process's log, by origin."""
    keys = (log_verifier(federation, p.name, p.verify_key) for p in federation.process)
    return {key.name: key for key in keys}
