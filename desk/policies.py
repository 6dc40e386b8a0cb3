"""How both programs show the policies of a process."""

from collections.abc import Iterable

import typer

from desk.command import print_table
from hedui.v1 import policy_pb2 as pb
from model.messages import N_
from model.messages import gettext as _

COLUMNS = {
    "name": N_("name"),
    "digest": N_("digest"),
    "approved_at": N_("approved"),
    "withdrawn_at": N_("withdrawn"),
}


def print_policies(policies: Iterable[pb.PolicyRow], *, as_json: bool) -> None:
    """Print what was approved somewhere."""
    rows = [
        {
            "digest": row.digest.hex(),
            "name": row.name,
            "title": row.title,
            "approved_at": row.approved_at,
            "withdrawn_at": row.withdrawn_at,
        }
        for row in policies
    ]
    print_table(rows, COLUMNS, as_json=as_json, empty=N_("no policy has been approved here"))


def print_approved(reply: pb.ApprovePolicyReply, process: str) -> None:
    """Print that a policy is in force, and what is remarked on it."""
    for finding in reply.findings:
        typer.echo(finding)
    digest = reply.digest.hex()
    typer.echo(_("{digest} is now in force at {process}.", digest=digest, process=process))


def out_of_force(digest: str, process: str) -> str:
    """What a withdrawal says."""
    return _("{digest} is no longer in force at {process}.", digest=digest, process=process)
