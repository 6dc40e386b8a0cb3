from hedui.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OpenCaseRequest(_message.Message):
    __slots__ = ("request", "countersigned")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    COUNTERSIGNED_FIELD_NUMBER: _ClassVar[int]
    request: _common_pb2.SignedDocument
    countersigned: _common_pb2.SignedDocument
    def __init__(self, request: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ..., countersigned: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class GetCaseRequest(_message.Message):
    __slots__ = ("case_id",)
    CASE_ID_FIELD_NUMBER: _ClassVar[int]
    case_id: str
    def __init__(self, case_id: _Optional[str] = ...) -> None: ...

class ListCasesRequest(_message.Message):
    __slots__ = ("after", "limit", "state", "since", "until", "office", "officer")
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    OFFICER_FIELD_NUMBER: _ClassVar[int]
    after: str
    limit: int
    state: str
    since: str
    until: str
    office: str
    officer: str
    def __init__(self, after: _Optional[str] = ..., limit: _Optional[int] = ..., state: _Optional[str] = ..., since: _Optional[str] = ..., until: _Optional[str] = ..., office: _Optional[str] = ..., officer: _Optional[str] = ...) -> None: ...

class ListCasesReply(_message.Message):
    __slots__ = ("cases", "next")
    CASES_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    cases: _containers.RepeatedCompositeFieldContainer[Case]
    next: str
    def __init__(self, cases: _Optional[_Iterable[_Union[Case, _Mapping]]] = ..., next: _Optional[str] = ...) -> None: ...

class DecideCaseRequest(_message.Message):
    __slots__ = ("decision",)
    DECISION_FIELD_NUMBER: _ClassVar[int]
    decision: _common_pb2.SignedDocument
    def __init__(self, decision: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class EraseCaseRequest(_message.Message):
    __slots__ = ("erasure",)
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    erasure: _common_pb2.SignedDocument
    def __init__(self, erasure: _Optional[_Union[_common_pb2.SignedDocument, _Mapping]] = ...) -> None: ...

class EraseCaseReply(_message.Message):
    __slots__ = ("case_id", "state", "ledger_entry")
    CASE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LEDGER_ENTRY_FIELD_NUMBER: _ClassVar[int]
    case_id: str
    state: str
    ledger_entry: int
    def __init__(self, case_id: _Optional[str] = ..., state: _Optional[str] = ..., ledger_entry: _Optional[int] = ...) -> None: ...

class Case(_message.Message):
    __slots__ = ("case_id", "state", "authorization", "reason", "opened_at", "updated_at", "departments", "programmes", "ledger_entry", "has_entry", "policy", "detail", "items")
    CASE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AUTHORIZATION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENTS_FIELD_NUMBER: _ClassVar[int]
    PROGRAMMES_FIELD_NUMBER: _ClassVar[int]
    LEDGER_ENTRY_FIELD_NUMBER: _ClassVar[int]
    HAS_ENTRY_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    case_id: str
    state: str
    authorization: str
    reason: str
    opened_at: str
    updated_at: str
    departments: _containers.RepeatedCompositeFieldContainer[DepartmentProgress]
    programmes: _containers.RepeatedCompositeFieldContainer[ProgrammeDetermination]
    ledger_entry: int
    has_entry: bool
    policy: str
    detail: str
    items: _containers.RepeatedCompositeFieldContainer[Item]
    def __init__(self, case_id: _Optional[str] = ..., state: _Optional[str] = ..., authorization: _Optional[str] = ..., reason: _Optional[str] = ..., opened_at: _Optional[str] = ..., updated_at: _Optional[str] = ..., departments: _Optional[_Iterable[_Union[DepartmentProgress, _Mapping]]] = ..., programmes: _Optional[_Iterable[_Union[ProgrammeDetermination, _Mapping]]] = ..., ledger_entry: _Optional[int] = ..., has_entry: _Optional[bool] = ..., policy: _Optional[str] = ..., detail: _Optional[str] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ...) -> None: ...

class Item(_message.Message):
    __slots__ = ("programme", "office", "state", "steps")
    PROGRAMME_FIELD_NUMBER: _ClassVar[int]
    OFFICE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    programme: str
    office: str
    state: str
    steps: _containers.RepeatedCompositeFieldContainer[ItemStep]
    def __init__(self, programme: _Optional[str] = ..., office: _Optional[str] = ..., state: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[ItemStep, _Mapping]]] = ...) -> None: ...

class ItemStep(_message.Message):
    __slots__ = ("step", "days", "at")
    STEP_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    step: str
    days: int
    at: str
    def __init__(self, step: _Optional[str] = ..., days: _Optional[int] = ..., at: _Optional[str] = ...) -> None: ...

class DepartmentProgress(_message.Message):
    __slots__ = ("department", "state", "reason", "answered_at", "data_dates", "coverage")
    class DataDatesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class CoverageEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Coverage
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Coverage, _Mapping]] = ...) -> None: ...
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_AT_FIELD_NUMBER: _ClassVar[int]
    DATA_DATES_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    department: str
    state: str
    reason: str
    answered_at: str
    data_dates: _containers.ScalarMap[str, str]
    coverage: _containers.MessageMap[str, Coverage]
    def __init__(self, department: _Optional[str] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., answered_at: _Optional[str] = ..., data_dates: _Optional[_Mapping[str, str]] = ..., coverage: _Optional[_Mapping[str, Coverage]] = ...) -> None: ...

class Coverage(_message.Message):
    __slots__ = ("first", "last")
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    first: str
    last: str
    def __init__(self, first: _Optional[str] = ..., last: _Optional[str] = ...) -> None: ...

class ProgrammeDetermination(_message.Message):
    __slots__ = ("programme", "title", "title_zh", "outcome", "rules")
    PROGRAMME_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TITLE_ZH_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    programme: str
    title: str
    title_zh: str
    outcome: str
    rules: _containers.RepeatedCompositeFieldContainer[RuleResult]
    def __init__(self, programme: _Optional[str] = ..., title: _Optional[str] = ..., title_zh: _Optional[str] = ..., outcome: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[RuleResult, _Mapping]]] = ...) -> None: ...

class RuleResult(_message.Message):
    __slots__ = ("rule", "title", "title_zh", "outcome", "explanation", "legal")
    RULE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TITLE_ZH_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    LEGAL_FIELD_NUMBER: _ClassVar[int]
    rule: str
    title: str
    title_zh: str
    outcome: str
    explanation: str
    legal: str
    def __init__(self, rule: _Optional[str] = ..., title: _Optional[str] = ..., title_zh: _Optional[str] = ..., outcome: _Optional[str] = ..., explanation: _Optional[str] = ..., legal: _Optional[str] = ...) -> None: ...
