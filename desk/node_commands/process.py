"""``hedui-node init | serve | check | status``: the process itself."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desk.command import DatabaseUrl, Json, PasswordFile, database_place, options, print_table

if TYPE_CHECKING:
    from runtime.site.joining import DatabasePlace, Site

Name = Annotated[str, typer.Argument(help="The node's name in the plan: its folder under HOME.")]
Names = Annotated[list[str], typer.Argument(help="Names in the plan; usually one.")]
ExitWithStdin = Annotated[
    bool, typer.Option("--exit-with-stdin", help="Stop when standard input closes.")
]
NodeOption = Annotated[
    str, typer.Option("--node", help="Which node, where your organisation has several.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("init")(init)
    app.command("serve")(serve)
    app.command("check")(check)
    app.command("status")(status)


def init(
    context: typer.Context,
    names: Names,
    database_url: DatabaseUrl = "",
    password_file: PasswordFile = None,
) -> None:
    """Create a node's keys, join request and database. The private keys never leave."""
    from runtime.errors import SettingsError
    from runtime.site.joining import load_site

    database = database_place(database_url, password_file)
    if database.url and len(names) > 1:
        raise SettingsError("--database-url: each node has a database of its own; init one by one")
    site = load_site(options(context).home)
    for name in names:
        folder = _create(site, name, database)
        typer.echo(f"{folder} is ready. Give {folder / 'join.json'} to the ceremony.")


def _create(site: "Site", name: str, database: "DatabasePlace") -> Path:
    """One node's folder, or nothing."""
    from crypto.rng import system_rng
    from model.roles import Role
    from node.process import node_kind
    from runtime.clock import SystemClock
    from runtime.process import create_database
    from runtime.site.joining import init_process

    folder = init_process(
        site, name, roles=frozenset({Role.NODE}), rng=system_rng, database=database
    )
    try:
        create_database(folder, node_kind(), federation=site.plan.name, clock=SystemClock())
    except BaseException:
        # Nobody has seen these keys yet.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def serve(context: typer.Context, name: Name, exit_with_stdin: ExitWithStdin = False) -> None:
    """Serve until a signal. It is ready once run/process.json stands in its folder."""
    from node.process import node_kind
    from runtime.process import Service
    from runtime.serving import serve as run_service

    service = Service(node_kind(), home=options(context).home, name=name)
    run_service(service, exit_with_stdin=exit_with_stdin)


def check(context: typer.Context, name: Name) -> None:
    """Check files, keys and certificate of a node, offline; nothing is changed."""
    from node.checking import check_node
    from node.process import node_kind
    from runtime.clock import SystemClock

    home = options(context).home
    for line in check_node(home, name, node_kind(), clock=SystemClock()):
        typer.echo(line)


def status(context: typer.Context, node: NodeOption = "", as_json: Json = False) -> None:
    """Show what the node holds: resources, rows, persons in the index."""
    from desk.client.connection import connect
    from hedui.v1.node_pb2 import GetStatusRequest
    from hedui.v1.node_pb2_grpc import NodeAdminServiceStub

    with connect(options(context), node) as line:
        reply = line.call(NodeAdminServiceStub, "GetStatus", GetStatusRequest())
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
    headings = {
        "node": "node",
        "department": "department",
        "persons": "persons",
        "indexed": "in the index",
        "holder": "key holder",
    }
    print_table([facts], headings, as_json=False)
    columns = {"resource": "resource", "rows": "rows", "data_date": "data of"}
    print_table(resources, columns, as_json=False, empty="no resource has been imported yet")
