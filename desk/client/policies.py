"""Policies of a process: approve, list, withdraw. The same at coordinator, registrar and node."""

from typing import Any

from desk.client.acting import Acting, pages
from hedui.v1 import policy_pb2 as pb
from hedui.v1.policy_pb2_grpc import PolicyServiceStub
from model.messages import gettext as _
from model.roles import Role
from runtime.errors import Refused, SettingsError

LEAST_DIGITS = 8


def office_of(acting: Acting) -> str:
    """The process whose policies this person approves: the registrar's, else the coordinator's."""
    if acting.member.role is Role.REGISTRAR_OFFICER:
        return acting.federation.registrar.name
    return acting.federation.coordinator.name


def approve(
    acting: Acting, process: str, policy: bytes, *, source: object = ""
) -> pb.ApprovePolicyReply:
    """Put a policy into force there; its digest and what is remarked on it.

    Raises CallError; what is refused names ``source``.

    Args:
        policy: The TOML file, byte for byte: its digest is what a case is asked under.
    """
    request = pb.ApprovePolicyRequest(policy=policy)
    try:
        reply: pb.ApprovePolicyReply = acting.call(
            process, PolicyServiceStub, "ApprovePolicy", request
        )
    except Refused as refused:
        raise refused.about(source or _("the policy")) from None
    return reply


def approved(acting: Acting, process: str) -> list[pb.PolicyRow]:
    """Every policy that was approved there, withdrawn ones too. Raises CallError."""

    def ask(request: Any) -> Any:
        return acting.call(process, PolicyServiceStub, "ListPolicies", request)

    return [row for page in pages(ask, pb.ListPoliciesRequest()) for row in page.policies]


def withdraw(acting: Acting, process: str, digest: bytes) -> None:
    """Take a policy out of force there: what runs under it ends with that reason.

    Raises CallError.
    """
    request = pb.WithdrawPolicyRequest(digest=digest)
    acting.call(process, PolicyServiceStub, "WithdrawPolicy", request)


def meant(digits: str, known: list[pb.PolicyRow], command: str) -> bytes:
    """The one digest that begins so, of at least ``LEAST_DIGITS``. Raises SettingsError.

    Args:
        command: The one that lists digests, for the message.
    """
    found = [row.digest for row in known if row.digest.hex().startswith(digits.lower())]
    if len(digits) < LEAST_DIGITS or len(found) != 1:
        raise SettingsError(
            _(
                '"{digits}" does not name exactly one policy of this node: give at least {n} '
                "digits of a digest from `{command}`",
                digits=digits[:80],
                n=LEAST_DIGITS,
                command=command,
            )
        )
    return found[0]
