"""The reasons in words: what happened and what to do.

docs/reasons.md is checked against it, and a test finds each in every language of the catalogue.
"""

from dataclasses import dataclass

from model.messages import N_
from model.reasons import Reason


@dataclass(frozen=True)
class Explanation:
    """What a person reads, in English: what happened, and what to do.

    Both are keys of the catalogue: whoever shows them says them with ``model.messages.gettext``.
    """

    happened: str
    mend: str
    waits: bool = False
    """True where a case stays open and is asked again by itself."""


EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.UNAUTHENTICATED: Explanation(
        N_("the caller's certificate does not belong to any member of this federation"),
        N_("use the certificate that the ceremony issued, or have the federation file renewed"),
    ),
    Reason.CERTIFICATE_EXPIRED: Explanation(
        N_("the caller's certificate has expired"),
        N_("have a new certificate issued and the federation file signed again"),
    ),
    Reason.WRONG_ROLE: Explanation(
        N_("a person or process with this role may not do this"),
        N_("act as somebody who has the role that the command's help names"),
    ),
    Reason.WRONG_ORGANISATION: Explanation(
        N_("only people of the process's own organisation may do this"),
        N_("ask an admin of that organisation"),
    ),
    Reason.WIRE_VERSION: Explanation(
        N_(
            "the caller and the process speak different versions of the wire, or the caller names "
            "none"
        ),
        N_("bring both to the same release"),
        waits=True,
    ),
    Reason.FEDERATION_OLDER: Explanation(
        N_("the caller has an older federation file than the process that it calls"),
        N_("give the caller the newest federation.toml with its signature, and restart it"),
        waits=True,
    ),
    Reason.FEDERATION_NEWER: Explanation(
        N_("the caller has a newer federation file than the process that it calls"),
        N_(
            "give the process that refused the newest federation.toml with its signature, and "
            "restart it"
        ),
        waits=True,
    ),
    Reason.FEDERATION_FORKED: Explanation(
        N_("the caller and the process have two different federation files with the same number"),
        N_(
            "compare the digests that `hedui federation check` prints, and tell the security "
            "reviewer: either a root key has signed twice, or a file was damaged"
        ),
        waits=True,
    ),
    Reason.NO_DEADLINE: Explanation(
        N_("the call has no deadline"),
        N_("set a timeout on the call"),
    ),
    Reason.MALFORMED: Explanation(
        N_("the request is not well formed"),
        N_("read the sentence next to the code: it says what is wrong"),
    ),
    Reason.SIGNATURE_INVALID: Explanation(
        N_("a signature does not verify under the key in the federation file"),
        N_("sign with the key that the federation file lists for you"),
    ),
    Reason.AUTHORIZATION_UNKNOWN: Explanation(
        N_("there is no authorization with this number"),
        N_("check the number; if the letter is new, a clerk registers it with `hedui authorize`"),
    ),
    Reason.AUTHORIZATION_EXISTS: Explanation(
        N_("another authorization already has this number"),
        N_("give the letter a number of its own; the terms of a registered letter never change"),
    ),
    Reason.AUTHORIZATION_NOT_IN_FORCE: Explanation(
        N_("no checker has confirmed this authorization yet"),
        N_("a checker other than the clerk runs `hedui authorization confirm`"),
    ),
    Reason.AUTHORIZATION_REVOKED: Explanation(
        N_("the household has withdrawn its authorization"),
        N_("stop here; nothing more may be asked without a new letter"),
    ),
    Reason.AUTHORIZATION_EXPIRED: Explanation(
        N_("the authorization has run out, or is not valid yet"),
        N_("wait for its first day, or ask the household for a new letter"),
    ),
    Reason.AUTHORIZATION_ENDED: Explanation(
        N_("the application that this authorization was given for has ended"),
        N_("a new application needs a new letter"),
    ),
    Reason.AUTHORIZATION_CONFLICT: Explanation(
        N_(
            "a member of the household is named in another valid authorization for the same "
            "programme"
        ),
        N_("end or revoke the other authorization first"),
    ),
    Reason.AUTHORIZATION_MISMATCH: Explanation(
        N_("what the checker confirms is not what the clerk registered"),
        N_("the checker reads the authorization again and confirms it as it stands"),
    ),
    Reason.MEMBER_NOT_SIGNED: Explanation(
        N_("a member of the household has not signed, and no guardian has signed for them"),
        N_("obtain the missing signature and register the letter again under a new number"),
    ),
    Reason.SAME_PERSON: Explanation(
        N_("the clerk and the checker are the same person"),
        N_("have somebody else check the letter"),
    ),
    Reason.PERSON_PROTECTED: Explanation(
        N_("a member of the household is under special protection"),
        N_("follow your office's procedure for protected persons"),
    ),
    Reason.PROGRAMME_NOT_GRANTED: Explanation(
        N_("the authorization does not name this programme"),
        N_("ask only about programmes that the household has applied for"),
    ),
    Reason.RESOURCE_NOT_GRANTED: Explanation(
        N_("the authorization does not cover a resource that the policy needs"),
        N_("the letter must name every department and resource that the policy uses"),
    ),
    Reason.LEVEL_NOT_GRANTED: Explanation(
        N_("the authorization allows verdicts, but not totals"),
        N_("ask at the level verdict"),
    ),
    Reason.AUTHORIZATION_IN_FORCE: Explanation(
        N_("the authorization has not ended, so it cannot be erased yet"),
        N_("withdraw it first with `hedui authorization revoke`"),
    ),
    Reason.AUTHORIZATION_ERASED: Explanation(
        N_("the authorization has been erased; nobody can read it any more"),
        N_("register a new letter under a new number"),
    ),
    Reason.RETENTION_NOT_OVER: Explanation(
        N_("these records must still be kept"),
        N_(
            "wait until the day given next to the code, or have both people, the one who asks "
            "and the one who erases, give the reason with `--reason`"
        ),
    ),
    Reason.ERASURE_NOT_ASKED: Explanation(
        N_("nobody has asked for this erasure for this reason"),
        N_(
            "first a clerk runs `hedui authorization erase` (for a case, an officer runs "
            "`hedui case erase`), then a checker runs it with the same reason"
        ),
    ),
    Reason.MANIFEST_UNKNOWN: Explanation(
        N_("the registrar has not issued this manifest"),
        N_("open the case again"),
    ),
    Reason.MANIFEST_LIMIT: Explanation(
        N_(
            "this authorization has already been used for a query; another query needs a "
            "reason and two signatures"
        ),
        N_("repeat the command with `--again REASON` and have a checker countersign"),
    ),
    Reason.MANIFEST_EXPIRED: Explanation(
        N_("the manifest has expired"),
        N_("open a new case"),
    ),
    Reason.MANIFEST_MISMATCH: Explanation(
        N_("the manifest, ticket, reveals and policy do not belong together"),
        N_("open the case again; if this happens again, tell the security reviewer"),
    ),
    Reason.MANIFEST_SPENT: Explanation(
        N_("this department has already answered this manifest under another ticket"),
        N_("tell the security reviewer: a ticket was issued twice"),
    ),
    Reason.TICKET_EXPIRED: Explanation(
        N_("the ticket has expired"),
        N_("wait: the coordinator renews it by itself"),
        waits=True,
    ),
    Reason.TICKET_REVOKED: Explanation(
        N_("the ticket was revoked together with its authorization"),
        N_("stop here; the household has withdrawn its authorization"),
    ),
    Reason.TICKET_MISMATCH: Explanation(
        N_("the ticket was issued for another department, purpose or manifest"),
        N_("open the case again; if this happens again, tell the security reviewer"),
    ),
    Reason.REVOCATIONS_STALE: Explanation(
        N_("the revocation list is too old"),
        N_(
            "wait: the coordinator fetches a new one by itself; check that the registrar is running"
        ),
        waits=True,
    ),
    Reason.RESOURCE_UNKNOWN: Explanation(
        N_("the department has not imported a resource that the policy needs"),
        N_("the department's admin imports it with `hedui-node import`"),
        waits=True,
    ),
    Reason.POLICY_UNKNOWN: Explanation(
        N_("this policy has not been approved there"),
        N_(
            "the person responsible for that process reads the policy and runs `hedui policy "
            "approve` or `hedui-node policy approve`"
        ),
        waits=True,
    ),
    Reason.POLICY_INVALID: Explanation(
        N_("the policy does not pass its check"),
        N_("run `hedui policy check FILE` and correct what it lists"),
    ),
    Reason.HOUSEHOLD_TOO_LARGE: Explanation(
        N_("the household has more members than the policy allows"),
        N_("use a policy with a larger max_members"),
    ),
    Reason.INDEX_STALE: Explanation(
        N_("the department has records of people who are not in its index yet"),
        N_("the department's admin runs `hedui-node enrol`"),
        waits=True,
    ),
    Reason.BUDGET_MISSING: Explanation(
        N_("no enrolment budget has been approved for this department"),
        N_("two registrar officers run `hedui budget propose` and `hedui budget approve`"),
    ),
    Reason.BUDGET_EXHAUSTED: Explanation(
        N_("the department's enrolment budget is used up"),
        N_("wait for the next day's allowance, or have two registrar officers approve more"),
    ),
    Reason.BUDGET_MISMATCH: Explanation(
        N_("the approval gives other numbers than the proposal"),
        N_("read the proposal with `hedui budget list` and approve exactly what it says"),
    ),
    Reason.EPOCH_UNKNOWN: Explanation(
        N_("there is no PRF key for this department and epoch"),
        N_("use an epoch that the federation file lists"),
    ),
    Reason.WRONG_DEPARTMENT: Explanation(
        N_("a node may act only for its own department"),
        N_("check the department in process.toml"),
    ),
    Reason.IMPORT_INVALID: Explanation(
        N_("the file or its mapping has errors; nothing was imported"),
        N_("correct what the message lists, then import again"),
    ),
    Reason.PERMIT_EXPIRED: Explanation(
        N_("the opening permit has expired"),
        N_("open a new case"),
    ),
    Reason.PERMIT_MISMATCH: Explanation(
        N_("the permit does not belong to these answers or this manifest"),
        N_("tell the security reviewer"),
    ),
    Reason.PERMIT_SECOND: Explanation(
        N_("a permit with different contents has already been issued for this manifest"),
        N_("there is never a second permit; open a new case"),
    ),
    Reason.TOO_FEW_DEPARTMENTS: Explanation(
        N_("fewer departments serve a rule than the policy requires"),
        N_("wait for the missing departments"),
    ),
    Reason.ANSWER_SET_INVALID: Explanation(
        N_("there is not exactly one answer from each answering department"),
        N_("tell the security reviewer"),
    ),
    Reason.PROOF_INVALID: Explanation(
        N_("a proof that came with an answer or a mask does not verify"),
        N_("tell the security reviewer which department sent it"),
    ),
    Reason.HOLDERS_UNAVAILABLE: Explanation(
        N_("fewer key holders are ready than are needed"),
        N_("start the key holders' processes; the case then continues by itself"),
        waits=True,
    ),
    Reason.HOLDER_FAILED: Explanation(
        N_("a key holder named in the permit has failed and cannot continue"),
        N_("open a new case and give the reason"),
    ),
    Reason.NOT_A_HOLDER: Explanation(
        N_("this process holds no share of the joint key"),
        N_("ask a process that does"),
    ),
    Reason.WRONG_HOLDER: Explanation(
        N_("the permit assigns this step to another key holder"),
        N_("tell the security reviewer"),
    ),
    Reason.ALREADY_OPENED: Explanation(
        N_("this key holder has already taken part in opening this manifest"),
        N_("a key holder never does so twice; open a new case"),
    ),
    Reason.STEP_OUT_OF_ORDER: Explanation(
        N_("the previous step has not been taken here"),
        N_("wait: the coordinator resumes by itself; if it does not, open a new case"),
    ),
    Reason.MESSAGE_INVALID: Explanation(
        N_("a relayed message is unsigned, or meant for another recipient or another step"),
        N_("tell the security reviewer: a message was changed on its way"),
    ),
    Reason.SHARE_INVALID: Explanation(
        N_("the key holders' shares do not decrypt the number"),
        N_("wait: once the proofs are in, the evaluator names the key holder at fault"),
    ),
    Reason.SAMPLE_NOT_DRAWN: Explanation(
        N_("this reviewer has not drawn this entry in this sample"),
        N_("draw it first with `hedui ledger sample`"),
    ),
    Reason.SAMPLE_EXPIRED: Explanation(
        N_("the sample, or the grant that came with it, has expired"),
        N_("draw the entry again with `hedui ledger sample --entry`"),
    ),
    Reason.SAMPLE_LIMIT: Explanation(
        N_("these are more entries than may be drawn at once or in one day"),
        N_("draw fewer, or continue tomorrow; the registrar's settings give the limits"),
    ),
    Reason.GRANT_MISMATCH: Explanation(
        N_("the registrar's grant is not for this reviewer, manifest or query"),
        N_("use the grant that was made out to you, for the queries that it names"),
    ),
    Reason.CASE_UNKNOWN: Explanation(
        N_("there is no case with this number"),
        N_("look it up with `hedui case list`"),
    ),
    Reason.CASE_NOT_DETERMINED: Explanation(
        N_("the case has no determination yet"),
        N_("wait, or look at it with `hedui case show`"),
    ),
    Reason.CASE_CLOSED: Explanation(
        N_("the case is closed"),
        N_("open a new case"),
    ),
    Reason.CASE_NOT_OVER: Explanation(
        N_("the case has not ended, so it cannot be erased yet"),
        N_(
            "wait until it ends, or decide on it with `hedui case decide`; a case just closed "
            "waits until the registrar has been told"
        ),
    ),
    Reason.CASE_ERASED: Explanation(
        N_("the case has been erased; nobody can read it any more"),
        N_("open a new case"),
    ),
    Reason.LEDGER_UNAVAILABLE: Explanation(
        N_("the ledger cannot be written, so nothing is answered"),
        N_("free some disk space or repair the database; the process then resumes by itself"),
        waits=True,
    ),
    Reason.DATABASE_FAULT: Explanation(
        N_("the department's database is not responding"),
        N_("the department's admin looks into the node's log"),
        waits=True,
    ),
    Reason.OVERLOADED: Explanation(
        N_("the process has as many calls as it can take"),
        N_("wait: it is asked again by itself"),
        waits=True,
    ),
    Reason.UNREACHABLE: Explanation(
        N_("the process cannot be reached"),
        N_("start it, or correct its address in endpoints.toml"),
        waits=True,
    ),
    Reason.DEADLINE: Explanation(
        N_("the answer did not arrive in time"),
        N_("wait: it is asked again by itself"),
        waits=True,
    ),
    Reason.NOT_FOUND: Explanation(
        N_("nothing was found under this name or number"),
        N_("check the name or number"),
    ),
    Reason.INTERNAL: Explanation(
        N_("internal error"),
        N_("look into that process's log: the details are there, not here"),
        waits=True,
    ),
    Reason.UNREAD: Explanation(
        N_("the request did not arrive in full: it was too large, was cut off, or came too late"),
        N_("send less at a time, or try again"),
    ),
}
