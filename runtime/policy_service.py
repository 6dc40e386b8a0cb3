"""Approved policies of a process: what its own organisation has put into force.

Source: design.md 2.4.1.
Every process serves this; a person of its own organisation approves. What is not approved
here is never computed, whatever a manifest says.
Learns: the ledger, which policy was approved and when, and by whom as a commitment.
"""

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, Final

from crypto.rng import Rng
from crypto.sealing import AtRestKey
from hedui.v1 import common_pb2, policy_pb2, policy_pb2_grpc
from model.federation import Process
from model.limits import DIGEST_BYTES, MAX_POLICY_BYTES
from model.policy import Policy, PolicyError, check, parse, policy_digest, require_sound
from model.reasons import Reason
from model.roles import Role
from runtime.errors import Refusal
from runtime.refusing import Refusals
from runtime.storage import store
from runtime.storage.database import Database
from runtime.storage.paging import Page, Rows, check_state, page_of
from runtime.storage.salting import Salted
from runtime.storage.writer import Tx, Writer
from runtime.transport.guard import Caller, current_caller

_APPROVERS: Final = {
    Role.NODE: Role.ADMIN,
    Role.REGISTRAR: Role.REGISTRAR_OFFICER,
    Role.COORDINATOR: Role.OFFICER,
}
_CACHED: Final = 64


@lru_cache(maxsize=_CACHED)
def _parse(body: bytes, source: str) -> Policy:
    return parse(body, source=source)


class Policies:
    """The policies that are in force in one process; usable from every thread."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    def approved(self, digest: str) -> Policy:
        """Return the policy in force under this digest (hex). Raises Refusal(policy_unknown)."""
        with self._database.read() as conn:
            row = store.policy_row(conn, digest)
        if row is None or row.withdrawn_at:
            raise Refusal(Reason.POLICY_UNKNOWN)
        return _parse(row.body, row.name)

    def known(self, digest: str) -> Policy:
        """A policy, also a withdrawn one. Raises Refusal(policy_unknown)."""
        row = self._row(digest)
        return _parse(row.body, row.name)

    def exact(self, digest: str) -> bytes:
        """The exact bytes of a policy, also of a withdrawn one. Raises Refusal(policy_unknown)."""
        return self._row(digest).body

    def _row(self, digest: str) -> store.PolicyRow:
        with self._database.read() as conn:
            row = store.policy_row(conn, digest)
        if row is None:
            raise Refusal(Reason.POLICY_UNKNOWN)
        return row

    def page(self, wanted: Page, state: str) -> tuple[Rows, str]:
        """A page of policies without their text, oldest approval first; then what comes after.

        Args:
            state: in-force, withdrawn, or "" for both.
        """
        with self._database.read() as conn:
            return store.policy_page(conn, wanted, state)


class PolicyService(policy_pb2_grpc.PolicyServiceServicer):
    """Approve, withdraw, list."""

    def __init__(
        self,
        *,
        policies: Policies,
        writer: Writer,
        member: Process,
        key_bits: int,
        kek: AtRestKey,
        rng: Rng,
    ) -> None:
        """Take what is needed.

        Args:
            policies: The store that other parts of the process read from.
            member: The process's own entry in the federation file.
            key_bits: Exact length of the joint key: a policy must fit into one plaintext.
            kek: Seals the reveals of the ledger's commitments.
        """
        self._policies = policies
        self._writer = writer
        self._member = member
        self._key_bits = key_bits
        self._kek = kek
        self._rng = rng
        self._refusals = Refusals(writer, kek=kek, rng=rng)

    def ApprovePolicy(
        self, request: policy_pb2.ApprovePolicyRequest, context: Any
    ) -> policy_pb2.ApprovePolicyReply:
        """Check the exact bytes and put them into force; twice is the same as once."""
        caller = current_caller()
        digest = policy_digest(request.policy)
        with self._ledgered(digest.hex(), caller):
            self._admit(caller)
            policy = self._sound(request.policy)
        self._approve(policy, request.policy, caller)
        findings = [str(finding) for finding in check(policy, key_bits=self._key_bits)]
        return policy_pb2.ApprovePolicyReply(digest=digest, findings=findings)

    def WithdrawPolicy(
        self, request: policy_pb2.WithdrawPolicyRequest, context: Any
    ) -> common_pb2.Empty:
        """Take a policy out of force; a policy that is not in force is refused."""
        caller = current_caller()
        if len(request.digest) != DIGEST_BYTES:
            raise Refusal(Reason.MALFORMED, "a policy's digest is 32 bytes")
        digest = request.digest.hex()
        with self._ledgered(digest, caller):
            self._admit(caller)
            self._policies.approved(digest)
        self._record("policy.withdrawn", digest, caller, store.withdraw_policy)
        return common_pb2.Empty()

    def ListPolicies(
        self, request: policy_pb2.ListPoliciesRequest, context: Any
    ) -> policy_pb2.ListPoliciesReply:
        """A page of this process's policies, oldest approval first."""
        self._admit(current_caller())
        check_state(request.state, ("in-force", "withdrawn"))
        rows, after = self._policies.page(page_of(request), request.state)
        policies = [
            policy_pb2.PolicyRow(
                digest=bytes.fromhex(row.digest),
                name=row.name,
                title=row.title,
                approved_at=row.approved_at,
                withdrawn_at=row.withdrawn_at,
            )
            for row in rows
        ]
        return policy_pb2.ListPoliciesReply(policies=policies, next=after)

    def _ledgered(self, digest: str, caller: Caller) -> AbstractContextManager[None]:
        about, who = {"policy": digest}, {"person": caller.name}
        return self._refusals.ledgered("policy.refused", committed=who, clear=about)

    def _admit(self, caller: Caller) -> None:
        if caller.role is not _APPROVERS[self._member.role]:
            wanted = _APPROVERS[self._member.role]
            raise Refusal(Reason.WRONG_ROLE, f"policies of this process are for role {wanted}")
        if caller.member.organisation != self._member.organisation:
            raise Refusal(Reason.WRONG_ORGANISATION)

    def _sound(self, body: bytes) -> Policy:
        if len(body) > MAX_POLICY_BYTES:
            raise Refusal(Reason.MALFORMED, f"a policy has at most {MAX_POLICY_BYTES} bytes")
        try:
            policy = parse(body)
            require_sound(policy, key_bits=self._key_bits)
        except PolicyError as error:
            raise Refusal(Reason.POLICY_INVALID, str(error)) from None
        return policy

    def _approve(self, policy: Policy, body: bytes, caller: Caller) -> None:
        title = policy.file.policy.title.en

        def put(conn: Any, digest: str, at: str) -> None:
            store.put_policy(conn, store.PolicyRow(digest, body, policy.name, title, at, ""))

        try:
            self._policies.approved(policy.digest.hex())
        except Refusal:
            self._record("policy.approved", policy.digest.hex(), caller, put)

    def _record(self, event: str, digest: str, caller: Caller, change: Any) -> None:
        salted = Salted(rng=self._rng)
        person = salted.commit("person", caller.name)
        sealed = salted.seal(self._kek)

        def write(tx: Tx) -> None:
            change(tx.conn, digest, tx.now)
            entry = tx.append(event, policy=digest, person=person)
            store.keep_reveals(tx.conn, entry, sealed)

        self._writer.run(write)
