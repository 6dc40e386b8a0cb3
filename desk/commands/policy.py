"""``hedui policy check | approve | list | withdraw``: at the coordinator or the registrar.

Whose policies they are follows from the person's role: an officer's are the coordinator's, a
registrar officer's the registrar's. Nodes have ``hedui-node policy``.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desk.command import Json, options, print_table

if TYPE_CHECKING:
    from desk.client.acting import Acting

PolicyFile = Annotated[Path, typer.Argument(help="The policy TOML.")]
Bits = Annotated[int, typer.Option("--bits", help="Bits of the joint key that it must fit.")]
Digest = Annotated[str, typer.Argument(help="Digest of the policy, 64 hex digits: `policy list`.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="Policies (政策): check, approve, list.", no_args_is_help=True)
    group.command("check")(check)
    group.command("approve")(approve)
    group.command("list")(show)
    group.command("withdraw")(withdraw)
    app.add_typer(group, name="policy")


def check(file: PolicyFile, bits: Bits = 3072, as_json: Json = False) -> None:
    """Check a policy offline: what it would reveal, what it must not be."""
    from model.policy import Severity, parse
    from model.policy import check as findings_of
    from runtime.errors import ExitCode

    policy = parse(file.read_bytes(), source=str(file))
    findings = findings_of(policy, key_bits=bits)
    rows = [
        {"severity": str(f.severity), "place": f.place, "message": f.message, "code": f.code}
        for f in findings
    ]
    columns = {"severity": "", "place": "where", "message": "finding", "code": "code"}
    print_table(rows, columns, as_json=as_json, empty="nothing to remark")
    if not as_json:
        typer.echo(f"{policy.name}: digest {policy.digest.hex()}")
    if any(f.severity is Severity.ERROR for f in findings):
        raise typer.Exit(int(ExitCode.REFUSED))


def approve(context: typer.Context, file: PolicyFile) -> None:
    """Put a policy into force at the process of your office."""
    from desk.client.acting import act
    from hedui.v1.policy_pb2 import ApprovePolicyRequest
    from hedui.v1.policy_pb2_grpc import PolicyServiceStub
    from runtime.errors import Refused

    body = file.read_bytes()
    with act(options(context)) as acting:
        process = _process(acting)
        request = ApprovePolicyRequest(policy=body)
        try:
            reply = acting.call(process, PolicyServiceStub, "ApprovePolicy", request)
        except Refused as refused:
            raise refused.about(file) from None
    for finding in reply.findings:
        typer.echo(finding)
    typer.echo(f"{reply.digest.hex()} is in force at {process}.")


def show(context: typer.Context, as_json: Json = False) -> None:
    """List the policies of the process of your office."""
    from desk.client.acting import act
    from hedui.v1.policy_pb2 import ListPoliciesRequest
    from hedui.v1.policy_pb2_grpc import PolicyServiceStub

    with act(options(context)) as acting:
        process = _process(acting)
        reply = acting.call(process, PolicyServiceStub, "ListPolicies", ListPoliciesRequest())
    rows = [
        {
            "digest": row.digest.hex(),
            "name": row.name,
            "title": row.title,
            "approved_at": row.approved_at,
            "withdrawn_at": row.withdrawn_at,
        }
        for row in reply.policies
    ]
    columns = {
        "name": "name",
        "digest": "digest",
        "approved_at": "approved",
        "withdrawn_at": "withdrawn",
    }
    print_table(rows, columns, as_json=as_json, empty="no policy has been approved here")


def withdraw(context: typer.Context, digest: Digest) -> None:
    """Take a policy out of force: running cases under it end with that reason."""
    from desk.client.acting import act
    from desk.commands.requesting import parse_digest
    from hedui.v1.policy_pb2 import WithdrawPolicyRequest
    from hedui.v1.policy_pb2_grpc import PolicyServiceStub

    request = WithdrawPolicyRequest(digest=bytes.fromhex(parse_digest(digest)))
    with act(options(context)) as acting:
        process = _process(acting)
        acting.call(process, PolicyServiceStub, "WithdrawPolicy", request)
    typer.echo(f"{digest} is out of force at {process}.")


def _process(acting: "Acting") -> str:
    """The process whose policies this person approves."""
    from model.roles import Role

    if acting.member.role is Role.REGISTRAR_OFFICER:
        return acting.federation.registrar.name
    return acting.federation.coordinator.name
