"""``hedui-node policy approve | list | withdraw``: which policies this node answers."""

from pathlib import Path
from typing import Annotated

import typer

from desk.command import Json, options, print_table

NodeOption = Annotated[
    str, typer.Option("--node", help="Which node, where your organisation has several.")
]
PolicyFile = Annotated[Path, typer.Argument(help="The policy TOML; read it before you approve it.")]
Digest = Annotated[
    str, typer.Argument(help="Digest of the policy, or its first digits: see `policy list`.")
]

_LEAST_DIGITS = 8


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="Policies that this node answers.", no_args_is_help=True)
    group.command("approve")(approve)
    group.command("list")(show)
    group.command("withdraw")(withdraw)
    app.add_typer(group, name="policy")


def approve(context: typer.Context, file: PolicyFile, node: NodeOption = "") -> None:
    """Check a policy and put it into force at this node."""
    from desk.client.connection import connect
    from hedui.v1.policy_pb2 import ApprovePolicyRequest
    from hedui.v1.policy_pb2_grpc import PolicyServiceStub
    from runtime.errors import Refused

    body = file.read_bytes()
    with connect(options(context), node) as line:
        request = ApprovePolicyRequest(policy=body)
        try:
            reply = line.call(PolicyServiceStub, "ApprovePolicy", request)
        except Refused as refused:
            raise refused.about(file) from None
    for finding in reply.findings:
        typer.echo(finding)
    typer.echo(f"{reply.digest.hex()} is in force at {line.node}.")


def show(context: typer.Context, node: NodeOption = "", as_json: Json = False) -> None:
    """List the policies that were approved here."""
    from desk.client.connection import connect
    from hedui.v1.policy_pb2 import ListPoliciesRequest
    from hedui.v1.policy_pb2_grpc import PolicyServiceStub

    with connect(options(context), node) as line:
        reply = line.call(PolicyServiceStub, "ListPolicies", ListPoliciesRequest())
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


def withdraw(context: typer.Context, digest: Digest, node: NodeOption = "") -> None:
    """Take a policy out of force: queries under it are refused from now on."""
    from desk.client.connection import connect
    from hedui.v1.policy_pb2 import ListPoliciesRequest, WithdrawPolicyRequest
    from hedui.v1.policy_pb2_grpc import PolicyServiceStub

    with connect(options(context), node) as line:
        known = line.call(PolicyServiceStub, "ListPolicies", ListPoliciesRequest()).policies
        meant = _meant(digest, [row.digest for row in known])
        line.call(PolicyServiceStub, "WithdrawPolicy", WithdrawPolicyRequest(digest=meant))
        typer.echo(f"{meant.hex()} is out of force at {line.node}.")


def _meant(digest: str, known: list[bytes]) -> bytes:
    """The one policy whose digest begins so. Raises SettingsError for none and for several."""
    from runtime.errors import SettingsError

    found = [each for each in known if each.hex().startswith(digest.lower())]
    if len(digest) < _LEAST_DIGITS or len(found) != 1:
        raise SettingsError(
            f'"{digest[:80]}" does not name one policy of this node: give at least '
            f"{_LEAST_DIGITS} digits of a digest out of `hedui-node policy list`"
        )
    return found[0]
