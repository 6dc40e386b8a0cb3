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
from desk.policies import print_approved, print_policies
from desk.session import acting
from model.policy import Severity, parse
from model.policy import check as findings_of
from runtime.errors import ExitCode

PolicyFile = Annotated[Path, typer.Argument(help="The policy TOML.")]
Bits = Annotated[int, typer.Option("--bits", help="Bits of the joint key that it must fit.")]
Digest = Annotated[str, typer.Argument(help="Digest of the policy, 64 hex digits: `policy list`.")]

app = group("Policies (政策): check, approve, list.")


@app.command()
def check(file: PolicyFile, bits: Bits = 3072, as_json: Json = False) -> None:
    """Check a policy offline: what it would reveal, what it must not be."""
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


@app.command()
def approve(context: typer.Context, file: PolicyFile) -> None:
    """Put a policy into force at the process of your office."""
    body = file.read_bytes()
    with acting(context) as person:
        process = policies.office_of(person)
        reply = policies.approve(person, process, body, source=file)
    print_approved(reply, process)


@app.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """List the policies of the process of your office."""
    with acting(context) as person:
        found = policies.approved(person, policies.office_of(person))
    print_policies(found, as_json=as_json)


@app.command()
def withdraw(context: typer.Context, digest: Digest) -> None:
    """Take a policy out of force: running cases under it end with that reason."""
    whole = bytes.fromhex(parse_digest(digest))
    with acting(context) as person:
        process = policies.office_of(person)
        policies.withdraw(person, process, whole)
    typer.echo(f"{digest} is out of force at {process}.")
