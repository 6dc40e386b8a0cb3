"""``hedui-node policy approve | list | withdraw``: which policies this node answers."""

from pathlib import Path
from typing import Annotated

import typer

from desk.client import policies
from desk.command import Json, group
from desk.policies import out_of_force, print_approved, print_policies
from desk.session import at_node

NodeOption = Annotated[
    str, typer.Option("--node", help="Which node, if your organisation has several.")
]
PolicyFile = Annotated[
    Path, typer.Argument(help="The policy's TOML file; read it before you approve it.")
]
Digest = Annotated[
    str, typer.Argument(help="The policy's digest, or its first digits; see `policy list`.")
]

app = group("Policies that this node answers to.")


@app.command()
def approve(context: typer.Context, file: PolicyFile, node: NodeOption = "") -> None:
    """Check a policy and put it into force at this node."""
    body = file.read_bytes()
    with at_node(context, node) as line:
        reply = policies.approve(line.acting, line.node, body, source=file)
    print_approved(reply, line.node)


@app.command("list")
def list_all(context: typer.Context, node: NodeOption = "", as_json: Json = False) -> None:
    """List the policies that were approved here."""
    with at_node(context, node) as line:
        found = policies.approved(line.acting, line.node)
    print_policies(found, as_json=as_json)


@app.command()
def withdraw(context: typer.Context, digest: Digest, node: NodeOption = "") -> None:
    """Take a policy out of force: queries under it are refused from now on."""
    with at_node(context, node) as line:
        known = policies.approved(line.acting, line.node)
        meant = policies.meant(digest, known, "hedui-node policy list")
        policies.withdraw(line.acting, line.node, meant)
    typer.echo(out_of_force(meant.hex(), line.node))
