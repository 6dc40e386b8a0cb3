"""Cases: signed requests, a checker's second signature, following them, deciding, erasing.

Signing happens here, on the officer's machine, with the officer's own key.
"""

import csv
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from crypto.rng import system_rng
from desk.client.acting import Acting, pages
from hedui.v1 import coordinator_pb2 as pb
from hedui.v1.coordinator_pb2_grpc import CaseServiceStub
from model.documents.authorization import AuthorizationNumber, ErasureReason
from model.documents.desk import MAX_REASON, CaseErasure, Decision
from model.documents.query import OfficerRequest
from model.documents.signed import DocumentError, Signed, sign
from model.fields import format_time
from model.identifiers import IdentifierError
from model.identifiers import parse as parse_identifier
from model.limits import MAX_POLICY_BYTES
from model.messages import gettext as _
from model.policy import parse
from runtime.errors import SettingsError
from runtime.transport.wire import signed_to_wire

RUNNING = ("opened", "asking", "opening")
ALIVE = (*RUNNING, "determined")
POLL_S = 0.25
_ID_CHARS = 32
_POLLED = 8
_NUMBER: TypeAdapter[str] = TypeAdapter(AuthorizationNumber)


@dataclass(frozen=True)
class Question:
    """What is asked, of every number alike."""

    policy: str
    programmes: tuple[str, ...]
    again: str


def question(policy: str, programmes: Sequence[str] = (), again: str = "") -> Question:
    """What to ask, by a policy file or its digest; all its programmes unless named.

    Raises SettingsError naming the argument; PolicyError for a file that is no policy.

    Args:
        again: The reason for querying an authorization again; a checker has to countersign.
    """
    path = Path(policy)
    if not path.is_file():
        digest = parse_digest(policy)
        if not programmes:
            raise SettingsError(
                _("if you give a policy's digest, name the programmes too: --programme NAME")
            )
        return Question(digest, tuple(programmes), again)
    body = path.read_bytes()
    if len(body) > MAX_POLICY_BYTES:
        raise SettingsError(
            _("{file} is larger than {n} bytes: is it a policy?", file=path, n=MAX_POLICY_BYTES)
        )
    found = parse(body, source=str(path))
    unknown = [name for name in programmes if name not in found.programmes]
    if unknown:
        known = ", ".join(found.programmes)
        raise SettingsError(
            _(
                '{file} has no programme "{name}" (it has: {known})',
                file=path,
                name=unknown[0],
                known=known,
            )
        )
    return Question(found.digest.hex(), tuple(programmes) or tuple(found.programmes), again)


def parse_digest(text: str) -> str:
    """64 hex digits. Raises SettingsError."""
    if len(text) != 64 or any(c not in "0123456789abcdef" for c in text):
        raise SettingsError(
            _('"{text}" is neither a file nor a digest of 64 hex digits', text=text[:80])
        )
    return text


def numbers_of(arguments: Sequence[str], file: Path | None) -> list[str]:
    """The numbers to verify, each once, in order; a CSV has them in its first column.

    Raises SettingsError naming file and line.
    """
    found = [(_('argument "{text}"', text=n), n) for n in arguments]
    if file is not None:
        found += _from_csv(file)
    for place, number in found:
        if _is_person(number):
            raise SettingsError(
                _(
                    "this is a person's number, but an authorization's is needed: only members of "
                    "an authorization can be asked about, and it has a number of its own"
                )
            )
        try:
            _NUMBER.validate_python(number)
        except ValidationError:
            raise SettingsError(
                _(
                    "{place}: not an authorization number; those consist of letters, digits and "
                    "hyphens",
                    place=place,
                )
            ) from None
    if not found:
        raise SettingsError(
            _("no number was given: give authorization numbers, or --file numbers.csv")
        )
    return list(dict.fromkeys(number for _place, number in found))


def _is_person(number: str) -> bool:
    """True for a resident number: it must not become part of a case."""
    try:
        parse_identifier(f"resident:{number}")
    except IdentifierError:
        return False
    return True


def _from_csv(file: Path) -> list[tuple[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [
                (_("{file}, line {n}", file=file, n=n), row)
                for n, row in enumerate(csv.reader(lines), 1)
            ]
    except UnicodeDecodeError:
        raise SettingsError(_("{file} is not UTF-8; save it as CSV UTF-8", file=file)) from None
    except OSError as error:
        raise SettingsError(
            _("{file} cannot be read: {why}", file=file, why=error.strerror)
        ) from None
    cells = [(place, row[0].strip()) for place, row in rows if row and row[0].strip()]
    if cells and cells[0][1].lower() in ("number", "authorization", "授权书编号"):
        return cells[1:]
    return cells


# ---------------------------------------------------------------- signing


def sign_request(acting: Acting, number: str, asked: Question) -> Signed:
    """The officer's signed request for one authorization."""
    request = OfficerRequest(
        authorization=number,
        programmes=list(asked.programmes),
        policy=asked.policy,
        level="verdict",
        officer=acting.identity.name,
        again=asked.again,
        nonce=system_rng(16).hex(),
        at=format_time(acting.clock.now()),
    )
    return sign(request, acting.identity.sign_key, acting.identity.name)


def write_draft(path: Path, signed: Signed, second: Signed | None = None) -> None:
    """Write a request for a checker to countersign, or with the checker's signature."""
    table = {"request": _as_json(signed)} | ({"countersigned": _as_json(second)} if second else {})
    path.write_text(json.dumps(table, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_draft(path: Path) -> tuple[Signed, Signed | None]:
    """What ``write_draft`` wrote. Raises SettingsError."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        second = table.get("countersigned")
        return _from_json(table["request"]), None if second is None else _from_json(second)
    except OSError as error:
        raise SettingsError(
            _("{file} cannot be read: {why}", file=path, why=error.strerror)
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SettingsError(
            _(
                "{file} is not a request; make one with `hedui verify NUMBER --again REASON "
                "--draft FILE`",
                file=path,
            )
        ) from None


def countersign(acting: Acting, path: Path) -> OfficerRequest:
    """Sign the officer's request with the checker's key, into the same file."""
    first, _ = read_draft(path)
    try:
        request = OfficerRequest.decode(first.body)
    except DocumentError as error:
        raise SettingsError(f"{path}: {error}") from None
    write_draft(path, first, sign(request, acting.identity.sign_key, acting.identity.name))
    return request


def _as_json(signed: Signed) -> dict[str, str]:
    body = signed.body.decode("utf-8")
    return {"body": body, "signature": signed.signature.hex(), "signer": signed.signer}


def _from_json(table: dict[str, str]) -> Signed:
    return Signed(table["body"].encode(), bytes.fromhex(table["signature"]), str(table["signer"]))


# ---------------------------------------------------------------- cases


def open_case(acting: Acting, signed: Signed, second: Signed | None = None) -> pb.Case:
    """Open a case for a signed request; raises CallError."""
    request = pb.OpenCaseRequest(request=signed_to_wire(signed))
    if second is not None:
        request.countersigned.CopyFrom(signed_to_wire(second))
    return _coordinator(acting, "OpenCase", request)  # type: ignore[no-any-return]


def get_case(acting: Acting, case_id: str) -> pb.Case:
    """One case; raises CallError."""
    return _coordinator(acting, "GetCase", pb.GetCaseRequest(case_id=case_id))  # type: ignore[no-any-return]


def all_cases(acting: Acting, state: str = "") -> list[pb.Case]:
    """Every case, page by page; raises CallError."""

    def ask(request: Any) -> Any:
        return _coordinator(acting, "ListCases", request)

    request = pb.ListCasesRequest(state=state)
    return [case for page in pages(ask, request) for case in page.cases]


def find_case(acting: Acting, case_id: str) -> pb.Case:
    """The case of this id, or the only one that begins so. Raises CallError, SettingsError."""
    if len(case_id) == _ID_CHARS:
        return get_case(acting, case_id)
    found = [case for case in all_cases(acting) if case.case_id.startswith(case_id)]
    if len(found) != 1:
        raise SettingsError(
            _(
                '{n} cases begin with "{digits}"; see `hedui case list`',
                n=len(found),
                digits=case_id,
            )
        )
    return found[0]


def open_cases(acting: Acting, numbers: Iterable[str], asked: Question) -> list[pb.Case]:
    """A case per number: the one that is alive for the same question, else a new one.

    A second case of one authorization needs a reason and a checker; without them, asking twice
    shows the first.
    """
    alive: dict[str, pb.Case] = {}
    if not asked.again:
        for state in ALIVE:
            alive |= {c.authorization: c for c in all_cases(acting, state) if _same(c, asked)}
    return [
        alive[number] if number in alive else open_case(acting, sign_request(acting, number, asked))
        for number in numbers
    ]


def follow(
    acting: Acting,
    cases: Sequence[pb.Case],
    *,
    wait_s: float,
    progress: Callable[[Sequence[pb.Case]], None] = lambda _: None,
) -> list[pb.Case]:
    """Ask for the cases until none runs, or the time is over; return them as they are then."""
    current = {case.case_id: case for case in cases}
    turn = deque(case.case_id for case in cases if case.state in RUNNING)
    end = time.monotonic() + wait_s
    progress(list(current.values()))
    while turn and time.monotonic() < end:
        time.sleep(POLL_S)
        # Some at a time: two hundred cases are not asked for four times a second.
        _refresh(acting, current, turn, min(_POLLED, len(turn)))
        progress(list(current.values()))
    _refresh(acting, current, turn, len(turn))
    return [current[case.case_id] for case in cases]


def _refresh(acting: Acting, current: dict[str, pb.Case], turn: deque[str], count: int) -> None:
    """Ask for the next ``count`` running cases; those that still run go to the end."""
    for _turn in range(count):
        case_id = turn.popleft()
        current[case_id] = get_case(acting, case_id)
        if current[case_id].state in RUNNING:
            turn.append(case_id)


def _same(case: pb.Case, asked: Question) -> bool:
    """Whether a case answers this question; a running one does not say its programmes."""
    there = {each.programme for each in case.programmes}
    return case.policy == asked.policy and there in (set(), set(asked.programmes))


# ---------------------------------------------------------------- at the end


def decide(
    acting: Acting,
    case_id: str,
    programme: str,
    decision: Literal["granted", "refused"],
    reason: str,
) -> pb.Case:
    """Sign an officer's decision on a determined case, and hand it in. The case as it is then.

    Raises CallError; SettingsError for a reason or a programme that cannot be.

    Args:
        case_id: The case's id, or its beginning.
        reason: The officer's, 1 to ``MAX_REASON`` characters; the decision is signed with it.
    """
    if not reason.strip() or len(reason) > MAX_REASON:
        raise SettingsError(
            _("--reason: 1 to {n} characters; it becomes part of what you sign", n=MAX_REASON)
        )
    found = find_case(acting, case_id)
    known = [each.programme for each in found.programmes]
    if known and programme not in known:
        raise SettingsError(
            _(
                'the case is not about the programme "{name}" (it is about: {known})',
                name=programme,
                known=", ".join(known),
            )
        )
    document = Decision(
        case=found.case_id,
        programme=programme,
        decision=decision,
        reason=reason,
        officer=acting.identity.name,
        at=format_time(acting.clock.now()),
    )
    signed = sign(document, acting.identity.sign_key, acting.identity.name)
    request = pb.DecideCaseRequest(decision=signed_to_wire(signed))
    return _coordinator(acting, "DecideCase", request)  # type: ignore[no-any-return]


def erase(acting: Acting, case_id: str, reason: str) -> pb.EraseCaseReply:
    """Sign that a case is to be destroyed: an officer asks, then a checker does it.

    Raises CallError; SettingsError for an id that is not whole, or a reason that is none.
    """
    name = acting.identity.name
    try:
        table = {"case": case_id, "reason": reason, "person": name}
        wanted = CaseErasure.model_validate(table)
    except ValidationError:
        raise SettingsError(
            _(
                '"{number}" with the reason "{reason}": give the case\'s whole id, 32 hex digits; '
                "the reason is one of {reasons}",
                number=case_id,
                reason=reason,
                reasons=", ".join(get_args(ErasureReason)),
            )
        ) from None
    signed = sign(wanted, acting.identity.sign_key, name)
    request = pb.EraseCaseRequest(erasure=signed_to_wire(signed))
    return _coordinator(acting, "EraseCase", request)  # type: ignore[no-any-return]


def _coordinator(acting: Acting, method: str, request: Any) -> Any:
    return acting.call(acting.federation.coordinator.name, CaseServiceStub, method, request)
