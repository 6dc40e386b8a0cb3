"""Who asked for each manifest, opened by the registrar to a reviewer; it ledgers that."""

from collections.abc import Iterator

from crypto.commit import verify_reveal
from crypto.errors import CryptoError
from desk.client.acting import Acting
from hedui.v1.registrar_pb2 import DiscloseOfficersRequest
from hedui.v1.registrar_pb2_grpc import SampleServiceStub
from ledger.verify.reconcile_facts import Ledger
from model.disclosure import OfficerOf, officers_parts, open_officers_of
from model.documents.signed import DocumentError
from model.messages import gettext as _
from runtime.errors import PeerFault


def open_officers(acting: Acting, ledger: Ledger) -> list[dict[str, str]]:
    """The officer of each manifest: commitment, field, value, salt, as ``ledger report`` reads.

    Each is held against its commitment. Raises CallError, PeerFault for what does not hold.

    Args:
        ledger: The registrar's, from a verified bundle.
    """
    issued = {fact.index: fact.text("officer") for fact in ledger.of("manifest.issued")}
    found = _pages(acting, ledger)
    return [_line(acting, issued[each.entry], each) for each in found if each.entry in issued]


def _pages(acting: Acting, ledger: Ledger) -> Iterator[OfficerOf]:
    """Every page up to the bundle's end."""
    name, first = acting.federation.registrar.name, 0
    while first < ledger.entries:
        request = DiscloseOfficersRequest(first=first)
        reply = acting.call(name, SampleServiceStub, "DiscloseOfficers", request)
        parts = officers_parts(first, acting.member.name)
        try:
            yield from open_officers_of(reply.sealed, acting.seal_key(), parts).officers
        except DocumentError as error:
            said = _("{process}, officers from entry {n}: {why}", process=name, n=first, why=error)
            raise PeerFault(name, said) from None
        if reply.next <= first:
            raise PeerFault(name, _("{process}: its list of officers does not end", process=name))
        first = reply.next


def _line(acting: Acting, commitment: str, each: OfficerOf) -> dict[str, str]:
    try:
        verify_reveal(bytes.fromhex(commitment), each.reveal)
    except (CryptoError, ValueError):
        name = acting.federation.registrar.name
        said = _(
            "{process} named an officer to whom entry {index} does not commit",
            process=name,
            index=each.entry,
        )
        raise PeerFault(name, said) from None
    return {"commitment": commitment, "field": "officer", "value": each.name, "salt": each.salt}
