"""The reasons in words: what happened and what to do, in English and Chinese.

docs/reasons.md is checked against it.
"""

from dataclasses import dataclass

from model.reasons import Reason


@dataclass(frozen=True)
class Explanation:
    """What a person reads: what happened, what to do, and the same in Chinese."""

    happened: str
    mend: str
    zh: str
    waits: bool = False
    """True where a case stays open and is asked again by itself."""


def _e(happened: str, mend: str, zh: str, *, waits: bool = False) -> Explanation:
    return Explanation(happened, mend, zh, waits)


EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.UNAUTHENTICATED: _e(
        "the caller's certificate is not one of this federation's members",
        "use the certificate that the ceremony issued, or have the federation file renewed",
        "调用方证书不属于本联邦成员",
    ),
    Reason.CERTIFICATE_EXPIRED: _e(
        "the caller's certificate has expired",
        "have a new certificate issued and the federation file signed again",
        "调用方证书已过期",
    ),
    Reason.WRONG_ROLE: _e(
        "this role may not make this call",
        "use a person or process with the role that the command's help names",
        "该角色无权进行此操作",
    ),
    Reason.WRONG_ORGANISATION: _e(
        "this call is for people of the process's own organisation",
        "ask an admin of that organisation",
        "仅限本单位人员操作",
    ),
    Reason.WIRE_VERSION: _e(
        "caller and process speak different versions of the wire, or the caller names none",
        "bring both to the same release",
        "通信协议版本不一致",
        waits=True,
    ),
    Reason.FEDERATION_OLDER: _e(
        "the caller holds an older federation file than the process that it calls",
        "give the caller the newest federation.toml with its signature, and start it again",
        "调用方的联邦文件版本较旧",
        waits=True,
    ),
    Reason.FEDERATION_NEWER: _e(
        "the caller holds a newer federation file than the process that it calls",
        "give the process that refused the newest federation.toml with its signature, and start "
        "it again",
        "被调用方的联邦文件版本较旧",
        waits=True,
    ),
    Reason.FEDERATION_FORKED: _e(
        "caller and process hold two different federation files of one number",
        "compare the digests that `hedui federation check` prints, and tell the security reviewer: "
        "a root key signed twice, or a file was damaged",
        "双方持有编号相同而内容不同的联邦文件",
        waits=True,
    ),
    Reason.NO_DEADLINE: _e(
        "the call has no deadline", "set a timeout on the call", "调用未设置时限"
    ),
    Reason.MALFORMED: _e(
        "the request is not well formed", "see the sentence beside the code", "请求格式不正确"
    ),
    Reason.SIGNATURE_INVALID: _e(
        "a signature does not verify under the pinned key",
        "sign with the key that the federation file pins",
        "签名验证失败",
    ),
    Reason.AUTHORIZATION_UNKNOWN: _e(
        "there is no authorization with this number",
        "check the number; a clerk registers it with `hedui authorize`",
        "没有该编号的授权书",
    ),
    Reason.AUTHORIZATION_EXISTS: _e(
        "another authorization already has this number",
        "give the letter its own number; terms never change once given",
        "授权书编号已存在",
    ),
    Reason.AUTHORIZATION_NOT_IN_FORCE: _e(
        "the authorization has not been confirmed by a checker",
        "a checker other than the clerk runs `hedui authorization confirm`",
        "授权书尚未经复核生效",
    ),
    Reason.AUTHORIZATION_REVOKED: _e(
        "the household has withdrawn its authorization",
        "stop; a new letter is needed before anything may be asked again",
        "授权已被撤回",
    ),
    Reason.AUTHORIZATION_EXPIRED: _e(
        "the authorization is past its last day, or its first day has not come",
        "ask the household for a new letter",
        "授权书不在有效期内",
    ),
    Reason.AUTHORIZATION_ENDED: _e(
        "the application that this authorization served has ended",
        "a new application needs a new letter",
        "该申请已结束，授权随之终止",
    ),
    Reason.AUTHORIZATION_CONFLICT: _e(
        "a member stands in another live authorization for the same programme",
        "end or revoke the other authorization first",
        "有成员已在同一项目的另一份有效授权书中",
    ),
    Reason.AUTHORIZATION_MISMATCH: _e(
        "the check names another text than the clerk registered",
        "the checker reads the authorization again and confirms what stands there",
        "复核内容与登记内容不一致",
    ),
    Reason.MEMBER_NOT_SIGNED: _e(
        "a member of the household has not signed, nor has a guardian",
        "obtain the missing signature and register the letter again under a new number",
        "有家庭成员未签字，亦无监护人代签",
    ),
    Reason.SAME_PERSON: _e(
        "clerk and checker are the same person",
        "another person has to check",
        "经办人与复核人不得为同一人",
    ),
    Reason.PERSON_PROTECTED: _e(
        "a member is under special protection",
        "follow the office's procedure for protected persons",
        "有成员受特别保护",
    ),
    Reason.PROGRAMME_NOT_GRANTED: _e(
        "the authorization does not name this programme",
        "ask only for programmes that the household applied for",
        "授权书未包含该救助项目",
    ),
    Reason.RESOURCE_NOT_GRANTED: _e(
        "the authorization does not grant a resource that the policy needs",
        "the letter must grant every department and resource of the policy",
        "授权书未授权政策所需的数据资源",
    ),
    Reason.LEVEL_NOT_GRANTED: _e(
        "the authorization grants verdicts, not totals",
        "ask at level verdict",
        "授权书未授权披露合计数",
    ),
    Reason.AUTHORIZATION_IN_FORCE: _e(
        "the authorization is not over, so it cannot be erased",
        "withdraw it first with `hedui authorization revoke`",
        "授权书尚未结束，不能清除",
    ),
    Reason.AUTHORIZATION_ERASED: _e(
        "the authorization was erased; nobody can read it again",
        "register a new letter under a new number",
        "授权书已清除",
    ),
    Reason.RETENTION_NOT_OVER: _e(
        "the records are still to be kept",
        "wait for the day in the sentence beside the code, or whoever asks and whoever carries it "
        "out both name why with `--reason`",
        "记录仍在保存期内",
    ),
    Reason.ERASURE_NOT_ASKED: _e(
        "nobody has asked for this erasure with this reason",
        "a clerk runs `hedui authorization erase`, an officer `hedui case erase`, first and with "
        "the same reason; then a checker",
        "尚无人以相同理由提出清除",
    ),
    Reason.MANIFEST_UNKNOWN: _e(
        "the registrar has issued no such manifest", "open the case again", "没有该查询清单"
    ),
    Reason.MANIFEST_LIMIT: _e(
        "this authorization has been queried; a further query needs a reason and two signatures",
        "repeat with --again REASON and a checker's countersignature",
        "该授权已查询过，再次查询须说明理由并经双人签字",
    ),
    Reason.MANIFEST_EXPIRED: _e(
        "the manifest is past its expiry", "open a new case", "查询清单已过期"
    ),
    Reason.MANIFEST_MISMATCH: _e(
        "manifest, ticket, reveals or policy do not belong together",
        "open the case again; if it recurs, tell the security reviewer",
        "查询清单与查询凭证不一致",
    ),
    Reason.MANIFEST_SPENT: _e(
        "this department has answered this manifest under another ticket",
        "tell the security reviewer: a ticket was issued twice",
        "该查询清单已被回答",
    ),
    Reason.TICKET_EXPIRED: _e(
        "the ticket is past its expiry",
        "the coordinator renews it by itself",
        "查询凭证已过期",
        waits=True,
    ),
    Reason.TICKET_REVOKED: _e(
        "the ticket was revoked with its authorization",
        "stop; the household has withdrawn",
        "查询凭证已撤销",
    ),
    Reason.TICKET_MISMATCH: _e(
        "the ticket is for another department, purpose or manifest",
        "open the case again; if it recurs, tell the security reviewer",
        "查询凭证与本部门不符",
    ),
    Reason.REVOCATIONS_STALE: _e(
        "the revocation list is too old",
        "the coordinator fetches a new one by itself; check that the registrar runs",
        "撤销清单已过时",
        waits=True,
    ),
    Reason.RESOURCE_UNKNOWN: _e(
        "the department has not imported a resource that the policy needs",
        "the department's admin imports it with `hedui-node import`",
        "部门尚未导入所需的数据资源",
        waits=True,
    ),
    Reason.POLICY_UNKNOWN: _e(
        "this policy is not approved in that process",
        "whoever answers for that process reads the policy and runs `hedui policy approve` or "
        "`hedui-node policy approve`",
        "该政策尚未经本单位批准",
        waits=True,
    ),
    Reason.POLICY_INVALID: _e(
        "the policy does not pass its check",
        "run `hedui policy check FILE` and mend what it lists",
        "政策文件未通过检查",
    ),
    Reason.HOUSEHOLD_TOO_LARGE: _e(
        "the household has more members than the policy admits",
        "use a policy with a larger max_members",
        "家庭人数超过政策上限",
    ),
    Reason.INDEX_STALE: _e(
        "the department holds people who are not in its index yet",
        "its admin runs `hedui-node enrol`",
        "部门索引未更新",
        waits=True,
    ),
    Reason.BUDGET_MISSING: _e(
        "no enrolment budget has been approved for this department",
        "two registrar officers run `hedui budget propose` and `hedui budget approve`",
        "尚未批准该部门的登记额度",
    ),
    Reason.BUDGET_EXHAUSTED: _e(
        "the department's enrolment budget is used up",
        "wait for the daily allowance, or have two registrar officers approve more",
        "该部门的登记额度已用完",
    ),
    Reason.BUDGET_MISMATCH: _e(
        "the approval names other numbers than the proposal",
        "read the proposal with `hedui budget list` and approve what stands there",
        "批准内容与提议不一致",
    ),
    Reason.EPOCH_UNKNOWN: _e(
        "there is no PRF key for this department and epoch",
        "use an epoch that the federation file pins",
        "没有该时期的密钥",
    ),
    Reason.WRONG_DEPARTMENT: _e(
        "a node may act for its own department only",
        "check the department in process.toml",
        "只能代表本部门操作",
    ),
    Reason.IMPORT_INVALID: _e(
        "the file or its mapping has errors; nothing was imported",
        "mend what the message lists and import again",
        "导入文件有误，未导入任何数据",
    ),
    Reason.PERMIT_EXPIRED: _e(
        "the opening permit is past its expiry", "open a new case", "开启许可已过期"
    ),
    Reason.PERMIT_MISMATCH: _e(
        "the permit does not belong to these answers or this manifest",
        "tell the security reviewer",
        "开启许可与内容不一致",
    ),
    Reason.PERMIT_SECOND: _e(
        "a permit with other contents has been issued for this manifest",
        "there is never a second one; open a new case",
        "该清单已签发过开启许可",
    ),
    Reason.TOO_FEW_DEPARTMENTS: _e(
        "a rule is served by fewer departments than the policy demands",
        "wait for the missing departments",
        "回答部门数低于政策下限",
    ),
    Reason.ANSWER_SET_INVALID: _e(
        "the answers are not exactly one per answering department",
        "tell the security reviewer",
        "回答集合不合规",
    ),
    Reason.PROOF_INVALID: _e(
        "a proof of an answer or a mask does not verify",
        "tell the security reviewer which department sent it",
        "证明验证失败",
    ),
    Reason.HOLDERS_UNAVAILABLE: _e(
        "fewer key holders accept than are needed",
        "start the key holders' processes; the case goes on by itself",
        "可用的密钥持有方不足",
        waits=True,
    ),
    Reason.HOLDER_FAILED: _e(
        "a key holder named in the permit failed for good",
        "open a new case with a reason",
        "许可中指定的密钥持有方失效",
    ),
    Reason.NOT_A_HOLDER: _e(
        "this process holds no key share", "ask a process that does", "该进程不是密钥持有方"
    ),
    Reason.WRONG_HOLDER: _e(
        "the permit gives this step to another holder",
        "tell the security reviewer",
        "该步骤不属于此密钥持有方",
    ),
    Reason.ALREADY_OPENED: _e(
        "this holder has taken part in this manifest once",
        "there is never a second time; open a new case",
        "该清单已开启过",
    ),
    Reason.STEP_OUT_OF_ORDER: _e(
        "the step before this one has not been taken here",
        "the coordinator resumes by itself; otherwise open a new case",
        "步骤顺序不正确",
    ),
    Reason.MESSAGE_INVALID: _e(
        "a relayed message is not signed, not for this recipient, or not for this step",
        "tell the security reviewer: the relay changed a message",
        "转发的消息无效",
    ),
    Reason.SHARE_INVALID: _e(
        "the shares do not open the ciphertext",
        "the evaluator names the holder once the proofs are in",
        "密钥分片无效",
    ),
    Reason.SAMPLE_NOT_DRAWN: _e(
        "this reviewer has not drawn this entry in this sample",
        "draw it first with `hedui ledger sample`",
        "该审计人员未抽取此条目",
    ),
    Reason.SAMPLE_EXPIRED: _e(
        "the sample, or the grant that came with it, is past its expiry",
        "draw the entry again with `hedui ledger sample --entry`",
        "抽样或其授权凭证已过期",
    ),
    Reason.SAMPLE_LIMIT: _e(
        "more entries than may be drawn at once or within a day",
        "draw fewer, or go on tomorrow; the registrar's settings say how many",
        "超过单次或每日抽样上限",
    ),
    Reason.GRANT_MISMATCH: _e(
        "the registrar's grant is not for this reviewer, manifest or query",
        "use the grant that was opened to you, for the queries that it names",
        "抽样授权凭证与请求不符",
    ),
    Reason.CASE_UNKNOWN: _e(
        "there is no case with this number", "see `hedui case list`", "没有该案件"
    ),
    Reason.CASE_NOT_DETERMINED: _e(
        "the case has no determination yet", "wait, or see `hedui case show`", "案件尚无核对结果"
    ),
    Reason.CASE_CLOSED: _e("the case is closed", "open a new case", "案件已关闭"),
    Reason.CASE_NOT_OVER: _e(
        "the case is not over, so it cannot be erased",
        "wait for its end, or decide on it with `hedui case decide`; a closed one waits until the "
        "registrar knows",
        "案件尚未结束，不能清除",
    ),
    Reason.CASE_ERASED: _e(
        "the case was erased; nobody can read it again", "open a new case", "案件已清除"
    ),
    Reason.LEDGER_UNAVAILABLE: _e(
        "the ledger cannot be written, so nothing is answered",
        "free the disk or mend the database; the process resumes by itself",
        "账本无法写入，暂停服务",
        waits=True,
    ),
    Reason.DATABASE_FAULT: _e(
        "the department's database does not answer",
        "its admin looks at the node's log",
        "部门数据库故障",
        waits=True,
    ),
    Reason.OVERLOADED: _e(
        "the process has more calls than it takes",
        "it is asked again by itself",
        "服务繁忙",
        waits=True,
    ),
    Reason.UNREACHABLE: _e(
        "the process cannot be reached",
        "start it, or correct its address in endpoints.toml",
        "无法连接",
        waits=True,
    ),
    Reason.DEADLINE: _e(
        "the answer did not come in time",
        "it is asked again by itself",
        "未在时限内答复",
        waits=True,
    ),
    Reason.NOT_FOUND: _e("there is no such thing here", "check the name or number", "未找到"),
    Reason.INTERNAL: _e(
        "internal error",
        "see the process's log; the message is there and not here",
        "内部错误",
        waits=True,
    ),
    Reason.UNREAD: _e(
        "the request did not arrive whole: it was too large, broken off, or too late",
        "send less at once, or ask again",
        "请求未完整到达",
    ),
}
