"""``hedui ledger officers``: who asked for each manifest, for ``ledger report --openings``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desk.command import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desk.client.acting import Acting
    from ledger.verify.reconcile_facts import Ledger
    from model.disclosure import OfficerOf

Bundle = Annotated[Path, typer.Argument(help="The registrar's bundle, as exported.")]
Target = Annotated[Path, typer.Option("--to", help="File to write; it must not exist.")]
FederationFile = Annotated[
    Path | None,
    typer.Option("--federation", help="federation.toml to trust; default: this home's, verified."),
]


def register(group: typer.Typer) -> None:
    """Add this module's command to the group ``ledger``."""
    group.command("officers")(officers)


def officers(
    context: typer.Context, bundle: Bundle, to: Target, federation: FederationFile = None
) -> None:
    """Have the officers behind a registrar's manifests opened to you (reviewer); it ledgers that.

    Each name is checked against its commitment in the verified bundle. Then
    `hedui ledger report BUNDLES --openings FILE` tells volume and repetition by officer.
    """
    from desk.client.acting import act
    from desk.commands.keeping import write_lines
    from desk.commands.reconciling import read_ledgers, trusted_federation
    from model.roles import Role
    from runtime.errors import SettingsError

    if to.exists():
        raise SettingsError(f"{to} exists already; name another file")
    chosen = options(context)
    (ledger,) = read_ledgers([bundle], trusted_federation(chosen, [bundle], federation))
    if ledger.member.role != Role.REGISTRAR:
        raise SettingsError(f"{bundle} is the bundle of {ledger.member.name}, not the registrar's")
    issued = {fact.index: fact.text("officer") for fact in ledger.of("manifest.issued")}
    with act(chosen) as acting:
        found = list(_fetch(acting, ledger))
    write_lines(to, [_line(acting, issued, each) for each in found if each.entry in issued])
    named = len({each.entry for each in found} & issued.keys())
    typer.echo(f"{to}: who asked for {named} of {len(issued)} manifests")


def _fetch(acting: "Acting", ledger: "Ledger") -> "Iterator[OfficerOf]":
    """Every page up to the bundle's end."""
    from desk.commands.drawing import seal_key
    from hedui.v1.registrar_pb2 import DiscloseOfficersRequest
    from hedui.v1.registrar_pb2_grpc import SampleServiceStub
    from model.disclosure import officers_parts, open_officers_of
    from model.documents.signed import DocumentError
    from runtime.errors import PeerFault

    name, first = acting.federation.registrar.name, 0
    while first < ledger.entries:
        request = DiscloseOfficersRequest(first=first)
        reply = acting.call(name, SampleServiceStub, "DiscloseOfficers", request)
        parts = officers_parts(first, acting.member.name)
        try:
            yield from open_officers_of(reply.sealed, seal_key(acting), parts).officers
        except DocumentError as error:
            raise PeerFault(name, f"{name}, officers from entry {first}: {error}") from None
        if reply.next <= first:
            raise PeerFault(name, f"{name}: a page of officers that does not end")
        first = reply.next


def _line(acting: "Acting", issued: dict[int, str], each: "OfficerOf") -> dict[str, str]:
    from crypto.commit import verify_reveal
    from crypto.errors import CryptoError
    from runtime.errors import PeerFault

    commitment, reveal = issued[each.entry], each.reveal
    try:
        verify_reveal(bytes.fromhex(commitment), reveal)
    except (CryptoError, ValueError):
        name = acting.federation.registrar.name
        sentence = f"{name} named an officer that entry {each.entry} does not commit to"
        raise PeerFault(name, sentence) from None
    return {"commitment": commitment, "field": "officer", "value": each.name, "salt": each.salt}
