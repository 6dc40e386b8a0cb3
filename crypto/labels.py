"""Domain separation: every hash and signature of our own carries one of these labels.

Source: design.md 2.0.3.
RFC constructions (OPRF, DLEQ, HPKE, Merkle leaves, C2SP notes) keep the labels of their RFC.
Parts are length-prefixed, so that no two different lists of parts give the same bytes.
"""

import hashlib
from collections.abc import Iterable
from enum import Enum


class Label(bytes, Enum):
    """One label per use. Never reuse one, never change one: add ``/v2``."""

    # documents that are signed
    FEDERATION = b"hedui/federation/v1"
    JOIN_REQUEST = b"hedui/join-request/v1"
    AUTHORIZATION = b"hedui/authorization/v1"
    AUTHORIZATION_CHECK = b"hedui/authorization-check/v1"
    OFFICER_REQUEST = b"hedui/officer-request/v1"
    MANIFEST = b"hedui/manifest/v1"
    TICKET = b"hedui/ticket/v1"
    REVOCATION_LIST = b"hedui/revocation-list/v1"
    PERMIT = b"hedui/permit/v1"
    ACCEPTANCE = b"hedui/acceptance/v1"
    ANSWER = b"hedui/answer/v1"
    HOLDER_MESSAGE = b"hedui/holder-message/v1"
    DECISION = b"hedui/decision/v1"
    ERASURE = b"hedui/erasure/v1"
    CASE_ERASURE = b"hedui/case-erasure/v1"
    RECHECK_PERMIT = b"hedui/recheck-permit/v1"
    SAMPLE_GRANT = b"hedui/sample-grant/v1"
    # hashes
    COMMITMENT = b"hedui/commitment/v1"
    ANSWER_SET = b"hedui/answer-set/v1"
    POLICY = b"hedui/policy/v1"
    HOLDER_ORDER = b"hedui/holder-order/v1"
    CIPHERTEXT = b"hedui/ciphertext/v1"
    PAILLIER_KEY = b"hedui/paillier-key/v1"
    PERSON = b"hedui/person/v1"
    COMPARISON_TERM = b"hedui/comparison-term/v1"
    PERSON_TAG = b"hedui/person-tag/v1"
    TICKET_TERMS = b"hedui/ticket-terms/v1"
    PSI_TAG = b"hedui/psi/tag/v1"
    PSI_CARDINALITY_TAG = b"hedui/psi/cardinality-tag/v1"
    # Fiat-Shamir challenges
    PLAINTEXT_PROOF = b"hedui/proof/plaintext-knowledge/v1"
    SHARE_PROOF = b"hedui/proof/share/v1"
    BIT_PROOF = b"hedui/proof/bit/v1"
    # keys and sealing
    HOLDER_SEAL = b"hedui/seal/holder/v1"
    RECHECK_SEAL = b"hedui/seal/recheck/v1"
    KEY_SHARE_SEAL = b"hedui/seal/key-share/v1"
    SAMPLE_SEAL = b"hedui/seal/sample/v1"
    OFFICERS_SEAL = b"hedui/seal/officers/v1"
    ANSWER_DISCLOSURE_SEAL = b"hedui/seal/opened-answer/v1"
    DATA_KEY = b"hedui/seal/data-key/v1"
    AT_REST = b"hedui/seal/at-rest/v1"


def join(label: Label, parts: Iterable[bytes]) -> bytes:
    """Return the label and the parts, each behind its length in 8 bytes, big-endian."""
    return b"".join(len(p).to_bytes(8, "big") + p for p in (label.value, *parts))


def digest(label: Label, *parts: bytes) -> bytes:
    """SHA-256 over ``join(label, parts)``, 32 bytes."""
    return hashlib.sha256(join(label, parts)).digest()
