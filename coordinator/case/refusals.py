"""What the coordinator refuses to a person, as a ledger entry: reason, and who as a commitment."""

from typing import Final

from crypto.rng import Rng
from crypto.sealing import AtRestKey
from model.reasons import Reason
from runtime.storage.salting import Salted
from runtime.storage.store import keep_reveals
from runtime.storage.writer import Tx, Writer


class Refusals:
    """Entries of refusals; their reveals lie under the process's own key."""

    def __init__(self, writer: Writer, *, kek: AtRestKey, rng: Rng) -> None:
        self._writer: Final = writer
        self._kek: Final = kek
        self._rng: Final = rng

    def record(self, event: str, reason: Reason, who: dict[str, str], /, **about: str) -> None:
        """Write one; nothing where the ledger itself was the reason.

        Args:
            who: Field to name, of the person who was refused; committed to.
            about: Fields in clear; empty ones are left out.
        """
        if reason is Reason.LEDGER_UNAVAILABLE:
            return
        salted = Salted(rng=self._rng)
        fields = {name: salted.commit(name, value) for name, value in who.items()}
        fields |= {name: value for name, value in about.items() if value}
        reveals = salted.seal(self._kek)

        def write(tx: Tx) -> None:
            keep_reveals(tx.conn, tx.append(event, reason=str(reason), **fields), reveals)

        self._writer.run(write)
