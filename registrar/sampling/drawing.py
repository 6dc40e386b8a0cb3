"""Drawing: a reviewer says which entries were drawn; it is ledgered before anything is shown.

Source: design.md 4.13.
The reviewer draws from the ledger that it exported and verified, with its own machine's
randomness: the registrar has no say in it. See docs/adr/0019-samples.md.
Learns: the registrar and the readers of its ledger, which queries a reviewer looks into.
"""

from dataclasses import dataclass
from datetime import timedelta

from crypto.errors import InvalidInput
from ledger import event, log
from ledger.event import Entry
from model.fields import format_time
from model.reasons import Reason
from registrar.authorizations import store as authorizations
from registrar.authorizations.store import AuthorizationRow
from registrar.manifests import store as manifests
from registrar.manifests.store import ManifestRow
from registrar.office import Office, record
from registrar.sampling import store
from registrar.sampling.store import DrawnRow
from runtime.errors import Refusal
from runtime.storage.writer import Tx
from runtime.transport.guard import Caller

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Issuance:
    """A ``manifest.issued`` entry and what it is about."""

    entry: int
    leaf: Entry
    manifest: ManifestRow
    letter: AuthorizationRow

    @property
    def given(self) -> int:
        """Index of the entry that put the authorization into force."""
        return int(self.leaf.fields["given"])

    @property
    def erased_by(self) -> int | None:
        """The entry that erased the authorization; None while it can be read."""
        return self.letter.entry if self.letter.state == "erased" else None


@dataclass(frozen=True)
class Drawn:
    """A sample: its random id, its entries in the reviewer's order, its expiry (RFC 3339)."""

    sample: str
    entries: list[Issuance]
    expires_at: str


def draw(office: Office, wanted: list[int], of: int, caller: Caller, *, named: bool) -> Drawn:
    """Note a sample. Raises Refusal.

    Args:
        wanted: Indices of ``manifest.issued`` entries, each once.
        of: How many such entries the reviewer drew from.
        named: Whether they were named instead of drawn by lot.
    """
    _check_number(office, wanted)
    found = [find_issuance(office, entry) for entry in wanted]
    with office.parts.database.read() as conn:
        if not len(wanted) <= of <= manifests.count_all(conn):
            raise Refusal(Reason.MALFORMED, "of: fewer than were drawn, or more than were issued")
    now = office.parts.clock.now()
    sample, at = office.parts.rng(16).hex(), format_time(now)
    end = format_time(now + timedelta(seconds=office.limits.sample_life_s))
    rows = [DrawnRow(sample, each.entry, caller.name, at, end) for each in found]
    _record(office, rows, of, named=named)
    return Drawn(sample, found, end)


def find_issuance(office: Office, entry: int) -> Issuance:
    """What a ``manifest.issued`` entry is about. Raises Refusal(not_found)."""
    with office.parts.database.read() as conn:
        try:
            leaf = event.decode(log.leaf(conn, entry))
        except InvalidInput:
            raise Refusal(Reason.NOT_FOUND, f"the ledger has no entry {entry}") from None
        if leaf.event != "manifest.issued":
            sentence = f"entry {entry} is {leaf.event}, not manifest.issued: nothing to sample"
            raise Refusal(Reason.NOT_FOUND, sentence)
        manifest = manifests.manifest(conn, str(leaf.fields["manifest"]))
        letter = authorizations.get(conn, manifest.number) if manifest else None
    if manifest is None or letter is None:
        raise Refusal(Reason.MANIFEST_UNKNOWN)
    return Issuance(entry, leaf, manifest, letter)


def _check_number(office: Office, wanted: list[int]) -> None:
    if not wanted or len(set(wanted)) != len(wanted):
        raise Refusal(Reason.MALFORMED, "entries: at least one, and none twice")
    if len(wanted) > office.limits.max_sample:
        most = office.limits.max_sample
        raise Refusal(Reason.SAMPLE_LIMIT, f"at most {most} entries may be drawn at once")


def _record(office: Office, rows: list[DrawnRow], of: int, *, named: bool) -> None:
    salted, since = office.salted(), office.parts.clock.now() - _DAY
    fields = {
        "sample": rows[0].sample,
        "entries": [row.entry for row in rows],
        "of": of,
        "named": named,
        "reviewer": salted.commit("reviewer", rows[0].reviewer),
    }
    reveals = salted.seal(office.parts.kek)

    def write(tx: Tx) -> None:
        before = store.count_since(tx.conn, format_time(since))
        if before + len(rows) > office.limits.max_sampled_a_day:
            raise Refusal(Reason.SAMPLE_LIMIT, f"{before} entries were drawn in the last 24 hours")
        record(tx, "sample.drawn", fields, reveals)
        store.add(tx.conn, rows)

    office.parts.writer.run(write)
