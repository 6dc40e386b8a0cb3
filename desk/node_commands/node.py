"""``hedui-node init | serve | check | status | import | enrol``: the node itself."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from desk import process
from desk.client import node as client
from desk.client.node import Enrolled
from desk.command import Json, PasswordFile, options, print_table
from desk.process import DatabaseUrl, ExitWithStdin
from desk.session import at_node
from model.messages import N_, ngettext
from model.messages import gettext as _
from node.checking import check_node
from node.process import node_kind
from runtime.clock import SystemClock
from runtime.errors import SettingsError
from runtime.site.joining import load_site

Name = Annotated[
    str, typer.Argument(help="The node's name in the plan, which is its folder under HOME.")
]
Names = Annotated[list[str], typer.Argument(help="Names in the plan; usually just one.")]
NodeOption = Annotated[
    str, typer.Option("--node", help="Which node, if your organisation has several.")
]
Timeout = Annotated[
    int, typer.Option("--timeout", help="How many seconds to wait.", min=1, max=600)
]
MappingFile = Annotated[
    Path, typer.Argument(help="The mapping's TOML file: columns, unit, date of the data.")
]
CsvFile = Annotated[Path, typer.Argument(help="The department's CSV file.")]
HEADINGS = {
    "node": N_("node"),
    "department": N_("department"),
    "persons": N_("people"),
    "indexed": N_("in the index"),
    "holder": N_("key holder"),
}
RESOURCES = {"resource": N_("resource"), "rows": N_("rows"), "data_date": N_("date of the data")}


def init(
    context: typer.Context,
    names: Names,
    database_url: DatabaseUrl = "",
    password_file: PasswordFile = None,
) -> None:
    """Create a node's keys, join request and database. The private keys never leave it."""
    database = process.database_place(database_url, password_file)
    if database.url and len(names) > 1:
        raise SettingsError(
            _("--database-url: each node needs its own database; run init once for each node")
        )
    site = load_site(options(context).home)
    for name in names:
        process.init(site, name, node_kind(), database)


def serve(context: typer.Context, name: Name, exit_with_stdin: ExitWithStdin = False) -> None:
    """Run until stopped. It is ready once run/process.json exists in its folder."""
    home = options(context).home
    process.serve(node_kind(), home=home, name=name, exit_with_stdin=exit_with_stdin)


def check(context: typer.Context, name: Name) -> None:
    """Check a node's files, keys and certificate offline; nothing is changed."""
    for line in check_node(options(context).home, name, node_kind(), clock=SystemClock()):
        typer.echo(line)


def status(context: typer.Context, node: NodeOption = "", as_json: Json = False) -> None:
    """Show what the node holds: resources, rows, people in the index."""
    with at_node(context, node) as line:
        reply = client.status(line)
    facts = {
        "node": line.node,
        "department": reply.department,
        "persons": reply.persons,
        "indexed": reply.indexed,
        "holder": reply.holder,
    }
    resources = [
        {"resource": row.resource, "rows": row.rows, "data_date": row.data_date}
        for row in reply.resources
    ]
    if as_json:
        print_table([{**facts, "resources": resources}], {}, as_json=True)
        return
    print_table([facts], HEADINGS, as_json=False)
    print_table(resources, RESOURCES, as_json=False, empty=N_("no resource has been imported yet"))


def import_csv(
    context: typer.Context,
    mapping: MappingFile,
    csv: CsvFile,
    node: NodeOption = "",
    timeout: Timeout = 300,
) -> None:
    """Replace one resource with the rows of a CSV file: all of it, or nothing."""
    upload = client.read_upload(mapping, csv)
    with at_node(context, node) as line:
        reply = client.import_resource(line, upload, timeout_s=timeout)
    typer.echo(
        _(
            "{resource}: the node now holds {rows} rows about {people} people.",
            resource=reply.resource,
            rows=reply.rows,
            people=reply.persons,
        )
    )
    if reply.not_indexed:
        said = ngettext(
            "{n} person is not in the index yet: run `hedui-node enrol`.",
            "{n} people are not in the index yet: run `hedui-node enrol`.",
            reply.not_indexed,
        )
        typer.echo(said)


def enrol(context: typer.Context, node: NodeOption = "", timeout: Timeout = 600) -> None:
    """Put people into the index, blinded; continues where it stopped."""
    columns = (_("enrolling"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        at_node(context, node) as line,
        Progress(*columns, console=Console(stderr=True)) as bar,
    ):
        task = bar.add_task("enrol", total=None)

        def progress(found: Enrolled) -> None:
            bar.update(task, completed=found.done, total=found.total)

        found = client.enrol(line, timeout_s=timeout, progress=progress)
    said = _(
        "{done} of {total} people are in the index of {node}.",
        done=found.done,
        total=found.total,
        node=line.node,
    )
    typer.echo(said)
    if found.left is not None:
        typer.echo(_("{left} evaluations are left in the budget.", left=found.left))
