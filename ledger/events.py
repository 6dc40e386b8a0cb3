"""The closed list of events, and the names of the fields that each may carry.

Source: design.md 4.11.
One row per event: its name, what it says, its fields; a name that ends in ``?`` may be absent.
Nothing else enters a ledger. No field holds personal data: what is about a person or a case
is a salted commitment or a random number. Append rows, or an optional field to one; never change
otherwise one that has been used, add ``….v2`` instead, for entries stay readable in ten years.

``requester?`` came with wire version 2: the coordinator that is meant, or that called and was
refused. Entries from before name none, and their federations had one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Spec:
    """One row: ``text`` for people, the fields that must stand there, those that may."""

    text: str
    required: frozenset[str]
    optional: frozenset[str]


_ROWS: tuple[tuple[str, str, str], ...] = (
    # every process
    ("ledger.created", "The log begins.", "origin suite"),
    ("process.started", "The process serves.", "version? federation?"),
    ("process.stopped", "The process stops in good order.", "reason?"),
    ("peer.cosigned", "A peer's checkpoint was verified and cosigned; root in base64.",
     "origin size root"),
    ("peer.forked", "A peer showed two logs; both checkpoints are kept; root in base64.",
     "origin size root"),
    ("peer.cosigned.v2", "The same, with the root in hex, as everywhere.", "origin size root"),
    ("peer.forked.v2", "The same, with the root in hex, as everywhere.", "origin size root"),
    ("ledger.read", "Entries were shown to a reader of this role.", "first count reader"),
    ("call.refused", "Calls failed before a handler ran, above the rate.", "reason count"),
    # node
    ("query.received", "A ticket arrived; nothing has been read yet.",
     "query manifest department? officer? policy? requester?"),
    ("query.answered", "The answer was computed and stored; it may now leave.",
     "query manifest answer department? policy? ticket?"),
    ("query.refused", "A query was refused.", "query? manifest? reason requester?"),
    ("resource.imported", "A resource was replaced by the rows of a file.",
     "resource data_date person"),
    # registrar
    ("authorization.given", "An authorization is in force.",
     "authorization roster? evidence? clerk? checker? letter?"),
    ("authorization.ended", "An authorization has ended.", "authorization given?"),
    ("manifest.issued", "A manifest and its tickets were signed.",
     "manifest authorization given? officer? sequence? departments? tickets? terms? request?"
     " requester?"),
    ("manifest.refused", "A manifest was refused.",
     "authorization? reason officer? requester?"),
    ("ticket.renewed", "An unspent ticket has a new expiry.", "query manifest"),
    ("permit.issued", "An opening permit was signed.",
     "permit manifest answers? holders? silent? skipped? requester?"),
    ("permit.refused", "An opening permit was refused.", "manifest reason requester?"),
    ("enrolment.evaluated", "A batch was evaluated for a department.",
     "department epoch count total?"),
    ("enrolment.refused", "An enrolment batch was refused.", "department reason"),
    ("authorization.registered", "A letter was stored; it is not in force yet.",
     "authorization clerk?"),
    ("authorization.read", "A person read an authorization in full.", "authorization reader"),
    ("authorization.refused", "A call about an authorization was refused.",
     "authorization? reason person?"),
    ("erasure.asked", "A clerk asked for an authorization's erasure.",
     "authorization clerk reason"),
    ("authorization.erased",
     "An authorization's data key, tickets and reveals were destroyed; entry `ended` ended it.",
     "authorization clerk checker reason ended"),
    ("recheck.issued",
     "A re-check permit was signed, after the coordinator's entry `entry` had been proven.",
     "permit manifest first holders skipped reviewer entry origin size root requester?"),
    ("grant.ended",
     "A requester closed its application; another's, under the same authorization, goes on.",
     "authorization given? requester"),
    ("budget.proposed", "An enrolment budget was proposed.", "department epoch officer? terms?"),
    ("budget.approved", "A second officer approved an enrolment budget.",
     "department epoch officer? terms?"),
    ("budget.refused", "A proposal or approval of a budget was refused.",
     "department? reason officer?"),
    # registrar: samples
    ("sample.drawn", "A reviewer drew entries; nothing of them has been shown yet.",
     "sample entries of named reviewer"),
    ("sample.opened", "A drawn entry may now be shown to its reviewer alone.",
     "sample entry manifest grant reviewer"),
    ("officers.opened", "A reviewer may now see which officer asked for each manifest of a page.",
     "first count reviewer"),
    # registrar and node
    ("sample.refused", "A reviewer's drawing, or an opening, was refused.",
     "reason reviewer? sample? entry? query?"),
    # node
    ("answer.opened",
     "A reviewer may now see which ticket was answered and, with `values`, what was sent.",
     "query manifest answer grant values reviewer"),
    # every process that checks policies
    ("policy.approved", "A policy is in force here.", "policy person"),
    ("policy.withdrawn", "A policy is out of force here.", "policy person"),
    ("policy.refused", "An approval or withdrawal of a policy was refused.",
     "policy? reason person?"),
    # key holder
    ("opening.joined", "The holder takes part in an opening.",
     "permit manifest role step? requester?"),
    ("opening.accepted", "The holder told the registrar that it will take part.",
     "manifest role"),
    ("opening.step", "The holder took a step; its message is stored and may now leave.",
     "permit step message"),
    ("opening.refused", "The holder refused an opening.", "permit? manifest? reason requester?"),
    # coordinator
    ("case.opened", "An officer opened a case.", "case manifest? officer? authorization?"),
    ("case.determined", "A determination was drawn.", "case manifest? permit? result bits?"),
    ("case.closed", "A case was closed.", "case officer? reason?"),
    ("request.refused", "An officer's request for a case, or a decision on one, was refused.",
     "reason officer case?"),
    ("case.refused", "A case ended because somebody said no.", "case manifest? reason"),
    ("case.inconclusive", "A case ended without a determination.", "case manifest? reason"),
    ("case.decided", "An officer decided on one programme.", "case decision officer"),
    ("manifest.received", "The registrar issued the case's manifest.", "case manifest"),
    ("query.sent", "A ticket is about to be sent.", "query manifest department"),
    ("answer.received", "An answer was verified and stored.",
     "query manifest answer origin size root"),
    ("answer.refused", "A department refused, or its answer did not verify.",
     "query manifest reason"),
    ("permit.received", "The registrar permitted the opening.",
     "permit manifest holders skipped"),
    ("opening.relayed", "A holder's message was stored, to be relayed.",
     "permit manifest step message"),
    ("opening.failed", "An opening failed for good.", "permit? manifest reason holder?"),
    ("recheck.received", "A reviewer brought the registrar's re-check permit.",
     "permit manifest first holders skipped reviewer"),
    ("recheck.returned", "What came out of a re-check was handed to its reviewer, sealed.",
     "permit manifest"),
    ("case.erasure_asked", "An officer asked for a case's erasure.", "case officer reason"),
    ("case.erased",
     "A case's data key was destroyed, and with it manifest, tickets, answers and reveals.",
     "case officer checker reason"),
    ("case.erasure_refused", "An erasure of a case was refused.", "case? reason person"),
    # registrar and coordinator
    ("recheck.refused", "A re-check was refused.", "manifest? permit? reason reviewer"),
)  # fmt: skip


def _spec(text: str, fields: str) -> Spec:
    names = fields.split()
    optional = frozenset(name[:-1] for name in names if name.endswith("?"))
    return Spec(text, frozenset(n for n in names if not n.endswith("?")), optional)


EVENTS: Mapping[str, Spec] = MappingProxyType(
    {name: _spec(text, fields) for name, text, fields in _ROWS}
)
