"""``hedui policy check | approve | list | withdraw``: at the coordinator or the registrar.

Whose policies they are follows from the person's role: an officer's are the coordinator's, a
registrar officer's the registrar's. Nodes have ``hedui-node policy``.
"""

from pathlib import Path
from typing import Annotated

import typer

from desk.client import policies
from desk.client.cases import parse_digest
from desk.command import Json, group, print_table
from desk.policies import out_of_force, print_approved, print_policies
from desk.session import acting
from model.messages import N_
from model.messages import gettext as _
from model.policy import Severity, parse
from model.policy import check as findings_of
from runtime.errors import ExitCode

PolicyFile = Annotated[Path, typer.Argument(help="The policy's TOML file.")]
Bits = Annotated[
    int, typer.Option("--bits", help="Length in bits of the joint key that it has to fit.")
]
Digest = Annotated[
    str, typer.Argument(help="The policy's digest, 64 hex digits; see `policy list`.")
]

app = group("Policies: check, approve, list, withdraw.")


@app.command()
def check(file: PolicyFile, bits: Bits = 3072, as_json: Json = False) -> None:
    """Check a policy offline: its errors, and what opening it would reveal."""
    policy = parse(file.read_bytes(), source=str(file))
    findings = findings_of(policy, key_bits=bits)
    rows = [
        {"severity": str(f.severity), "place": f.place, "message": f.message, "code": f.code}
        for f in findings
    ]
    columns = {"severity": "", "place": N_("where"), "message": N_("finding"), "code": N_("code")}
    print_table(rows, columns, as_json=as_json, empty=N_("nothing to report"))
    if not as_json:
        typer.echo(_("{name}: digest {digest}", name=policy.name, digest=policy.digest.hex()))
    if any(f.severity is Severity.ERROR for f in findings):
        raise typer.Exit(int(ExitCode.REFUSED))


@app.command()
def approve(context: typer.Context, file: PolicyFile) -> None:
    """Put a policy into force at your own office's process."""
    body = file.read_bytes()
    with acting(context) as person:
        process = policies.office_of(person)
        reply = policies.approve(person, process, body, source=file)
    print_approved(reply, process)


@app.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List the policies of your own office's process."""
    with acting(context) as person:
        found = policies.approved(person, policies.office_of(person))
    print_policies(found, as_json=as_json)


@app.command()
def withdraw(context: typer.Context, digest: Digest) -> None:
    """Take a policy out of force: cases still running under it end for that reason."""
    whole = bytes.fromhex(parse_digest(digest))
    with acting(context) as person:
        process = policies.office_of(person)
        policies.withdraw(person, process, whole)
    typer.echo(out_of_force(digest, process))
