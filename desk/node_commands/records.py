"""``hedui-node import | enrol``: records into the node, people into the index."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from desk.command import options

if TYPE_CHECKING:
    from desk.client.connection import Line

NodeOption = Annotated[
    str, typer.Option("--node", help="Which node, where your organisation has several.")
]
Timeout = Annotated[int, typer.Option("--timeout", help="Seconds to wait.", min=1, max=600)]
MappingFile = Annotated[Path, typer.Argument(help="Mapping TOML: columns, unit, date of the data.")]
CsvFile = Annotated[Path, typer.Argument(help="The department's CSV file.")]

_PIECE = 128 * 1024


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("import")(import_csv)
    app.command("enrol")(enrol)


def import_csv(
    context: typer.Context,
    mapping: MappingFile,
    csv: CsvFile,
    node: NodeOption = "",
    timeout: Timeout = 300,
) -> None:
    """Replace one resource by the rows of a CSV file: all of it, or nothing."""
    from desk.client.connection import connect
    from hedui.v1.node_pb2_grpc import NodeAdminServiceStub
    from node.records.mapping import parse_mapping

    described = mapping.read_bytes()
    parse_mapping(described, source=str(mapping))
    with csv.open("rb"), connect(options(context), node) as line:
        request = _upload(described, csv)
        reply = _named(line, NodeAdminServiceStub, request, csv, timeout)
    typer.echo(f"{reply.resource}: {reply.rows} rows of {reply.persons} persons are in the node.")
    if reply.not_indexed:
        typer.echo(f"{reply.not_indexed} persons are not in the index yet: run `hedui-node enrol`.")


def _named(line: "Line", stub: Any, request: Any, csv: Path, timeout: int) -> Any:
    """Call, and put the file's name into the node's sentence: the node has not seen it."""
    from runtime.errors import Refused

    try:
        return line.call(stub, "ImportResource", request, timeout_s=timeout)
    except Refused as refused:
        raise refused.about(csv) from None


def _upload(mapping: bytes, csv: Path) -> Iterator[Any]:
    from hedui.v1.node_pb2 import ImportRequest

    yield ImportRequest(mapping=mapping)
    with csv.open("rb") as file:
        while piece := file.read(_PIECE):
            yield ImportRequest(csv=piece)


def enrol(context: typer.Context, node: NodeOption = "", timeout: Timeout = 600) -> None:
    """Put people into the index, blinded; resumes where it stopped."""
    from desk.client.connection import connect
    from runtime.errors import SettingsError

    with connect(options(context), node) as line:
        done, total, left = _enrol(line, timeout)
    if total == 0:
        raise SettingsError(
            f"{line.node} has nobody to enrol: bring in a resource with `hedui-node import` first"
        )
    typer.echo(f"{done} of {total} persons are in the index of {line.node}.")
    if left is not None:
        typer.echo(f"{left} evaluations are left in the budget.")


def _enrol(line: "Line", timeout: int) -> tuple[int, int, int | None]:
    """Call until everybody is in the index, or a call brings nobody in."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("enrol", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    done, total, left = 0, 0, None
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("enrol", total=None)
        while True:
            before = done
            for step in _steps(line, timeout):
                done, total = step.done, step.total
                left = step.budget_left if step.HasField("budget_left") else left
                bar.update(task, completed=done, total=total)
            if done >= total or done == before:
                return done, total, left


def _steps(line: "Line", timeout: int) -> Iterator[Any]:
    from hedui.v1.node_pb2 import EnrolRequest
    from hedui.v1.node_pb2_grpc import NodeAdminServiceStub

    return line.stream(NodeAdminServiceStub, "Enrol", EnrolRequest(), timeout_s=timeout)
