"""Who asked: the officers behind ``manifest.issued`` entries, opened to a reviewer alone.

Volume and repetition can be told by officer only where officers can be told apart, and the
ledger's commitments differ with every use. So a reviewer may have this one field opened for every
entry, without a drawing: it names staff, who act in office, and nobody who applied.
Source: design.md 4.13; docs/adr/0019-samples.md.
Learns: the reviewer, which officer asked for which manifest. No letter, no person, no office.
Not protected: an officer's volume of work from a reviewer. Every reading is ledgered.
"""

from collections.abc import Iterator

from crypto.labels import Label
from crypto.sealing import SealingPublicKey
from ledger import event, log
from model.disclosure import (
    MAX_OFFICERS,
    OfficerOf,
    OfficersDisclosure,
    officers_parts,
    seal_disclosure,
)
from model.reasons import Reason
from registrar.authorizations import store as authorizations
from registrar.authorizations.vault import open_letter
from registrar.office import Office, record
from runtime.errors import Refusal
from runtime.storage.salting import SealedReveals, unseal
from runtime.storage.store import reveals_of
from runtime.storage.writer import Tx
from runtime.transport.guard import Caller


def disclose_officers(office: Office, first: int, caller: Caller) -> tuple[int, bytes]:
    """Return where the next page begins, and this page's officers, sealed to the caller.

    What was erased is left out. Ledgered before it is shown. Raises Refusal(not_found).
    """
    with office.parts.database.read() as conn:
        size = log.size(conn)
        if first > size:
            raise Refusal(Reason.NOT_FOUND, f"the ledger has {size} entries")
    stop = min(size, first + MAX_OFFICERS)
    sealed = _sealed(office, first, stop)
    found = [each for entry, reveals in sealed for each in _officer(office, entry, reveals)]
    _record(office, first, stop - first, caller)
    key = SealingPublicKey(bytes.fromhex(caller.member.seal_key))
    opened = OfficersDisclosure(format="hedui-officers/1", officers=found)
    parts = officers_parts(first, caller.name)
    return stop, seal_disclosure(opened, key, Label.OFFICERS_SEAL, parts)


def _sealed(office: Office, first: int, stop: int) -> list[tuple[int, SealedReveals]]:
    with office.parts.database.read() as conn:
        leaves = enumerate(log.entries(conn, first, stop), first)
        issued = [at for at, leaf in leaves if event.decode(leaf).event == "manifest.issued"]
        found = [(at, reveals_of(conn, at)) for at in issued]
    return [(at, reveals) for at, reveals in found if reveals is not None]


def _officer(office: Office, entry: int, sealed: SealedReveals) -> Iterator[OfficerOf]:
    with office.parts.database.read() as conn:
        row = authorizations.get(conn, sealed.owner)
    if row is None or row.state == "erased":
        return
    for reveal in unseal(open_letter(office, row).key, sealed):
        if reveal.field == "officer":
            yield OfficerOf(entry=entry, name=str(reveal.value), salt=reveal.salt.hex())


def _record(office: Office, first: int, count: int, caller: Caller) -> None:
    salted = office.salted()
    fields = {
        "first": first,
        "count": count,
        "reviewer": salted.commit("reviewer", caller.name),
    }
    reveals = salted.seal(office.parts.kek)

    def write(tx: Tx) -> None:
        record(tx, "officers.opened", fields, reveals)

    office.parts.writer.run(write)
