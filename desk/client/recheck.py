"""A reviewer's re-check: the permit from the registrar, the opening through the coordinator.

Source: design.md 2.6.15. What comes back is verified and compared in ``reviewer.recheck``.
Learns: the bits of one case and its programmes, no person.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from crypto.errors import CryptoError
from desk.client.acting import Acting
from desk.client.ledgers import LiveLog, proven_live
from hedui.v1 import common_pb2
from hedui.v1 import recheck_pb2 as pb
from hedui.v1.recheck_pb2_grpc import RecheckPermitServiceStub, RecheckServiceStub
from model.explanations import EXPLANATIONS
from model.messages import gettext as _
from model.policy import PolicyError
from reviewer.bundle import Proven
from reviewer.entries import offline_rows, proven_offline
from reviewer.recheck import Recheck, RecheckPapers, check_papers, compared, determined_row
from runtime.errors import DeadlinePassed, PeerFault, Refusal, Refused, Unreachable
from runtime.transport.wire import signed_to_wire

T = TypeVar("T")
CALL_S: Final = 120.0
_PAUSE_S: Final = 2.0


def find_determined(acting: Acting, case: str, bundle: Path | None, keys: Sequence[str]) -> Proven:
    """The proven ``case.determined`` of the case with this beginning. Raises SettingsError.

    Args:
        bundle: Of the coordinator's ledger; without it, the running coordinator is read.
        keys: Keys of logs to trust for a bundle.
    """
    if bundle is not None:
        row = determined_row(offline_rows(bundle), case, str(bundle))
        return proven_offline(bundle, row.index, keys)[0]
    coordinator = acting.requester
    row = determined_row(LiveLog(acting, coordinator).poll(), case, coordinator)
    return proven_live(acting, coordinator, row.index)[0]


def recheck(
    acting: Acting,
    determined: Proven,
    *,
    wait_s: float,
    progress: Callable[[str], None] = lambda _: None,
) -> Recheck:
    """Have the case opened again, and compare. Raises CallError, also for what does not verify.

    Args:
        determined: The coordinator's entry, with its proof.
        wait_s: How long to ask again while somebody cannot be reached.
        progress: Is told, in words, why it is asked again.
    """
    key = acting.seal_key()
    patience = Patience(time.monotonic() + wait_s, progress)
    papers = patience.ask(lambda: _papers(acting, determined))
    case = str(papers.entry.fields["case"])
    reply = patience.ask(lambda: _relayed(acting, case, papers))
    coordinator = acting.requester
    slots = _checked(coordinator, lambda: compared(reply, papers, key, acting.federation))
    return Recheck(case, determined.index, papers.permit, slots)


@dataclass(frozen=True)
class Patience:
    """Asks again while asking again may help: steps that were taken are not taken again."""

    end: float
    progress: Callable[[str], None]

    def ask(self, question: Callable[[], T]) -> T:
        """The answer; raises CallError once it is final, or the time is over."""
        while True:
            try:
                return question()
            except (Refused, Unreachable, DeadlinePassed) as error:
                waits = not isinstance(error, Refused) or EXPLANATIONS[error.reason].waits
                if not waits or time.monotonic() + _PAUSE_S >= self.end:
                    raise
                self.progress(_("{process}: {why}; asking again", process=error.process, why=error))
            time.sleep(_PAUSE_S)


def _checked(process: str, check: Callable[[], T]) -> T:
    """What was verified; anything that does not verify is the process's fault, by name."""
    try:
        return check()
    except Refusal as error:
        fault = error.detail or str(error.reason)
    except (CryptoError, PolicyError, ValueError) as error:
        fault = str(error)
    said = _(
        "what {process} gave for the re-check does not verify: {why}", process=process, why=fault
    )
    raise PeerFault(process, said)


def _papers(acting: Acting, determined: Proven) -> RecheckPapers:
    receipt = common_pb2.LedgerReceipt(
        index=determined.index,
        path=list(determined.path),
        checkpoint=determined.note,
        leaf=determined.entry,
    )
    registrar = acting.federation.registrar.name
    request = pb.IssueRecheckRequest(determined=receipt)
    reply = acting.call(
        registrar, RecheckPermitServiceStub, "IssueRecheck", request, timeout_s=CALL_S
    )
    name = acting.identity.name
    return _checked(
        registrar, lambda: check_papers(reply, determined.entry, name, acting.federation)
    )


def _relayed(acting: Acting, case: str, papers: RecheckPapers) -> pb.RecheckReply:
    coordinator = acting.requester
    request = pb.RecheckRequest(permit=signed_to_wire(papers.signed), case_id=case)
    reply: pb.RecheckReply = acting.call(
        coordinator, RecheckServiceStub, "Recheck", request, timeout_s=CALL_S
    )
    return reply
