"""Cases for people and for programs: one mapping for ``--json``, tables and words for screens.

A mapping is English and holds a reason's Chinese beside it; a screen speaks one language.
"""

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from desk.words import visible
from hedui.v1 import coordinator_pb2 as pb
from model.explanations import EXPLANATIONS, Explanation
from model.messages import Language, pgettext, speaking, spoken
from model.messages import gettext as _
from model.reasons import Reason

MARKS = {"met": "✓", "not met": "✗", "inconclusive": "?"}


def case_table(case: pb.Case) -> dict[str, Any]:
    """A case as ``--json`` prints it."""
    return {
        "case_id": case.case_id,
        "authorization": case.authorization,
        "state": case.state,
        **_reason(case.reason),
        "detail": case.detail,
        "opened_at": case.opened_at,
        "updated_at": case.updated_at,
        "policy": case.policy,
        "ledger_entry": int(case.ledger_entry) if case.has_entry else None,
        "departments": [_department(each) for each in case.departments],
        "programmes": [_programme(each) for each in case.programmes],
        "items": [_item(each) for each in case.items],
    }


def _item(found: pb.Item) -> dict[str, Any]:
    steps = [{"step": each.step, "days": each.days, "at": each.at} for each in found.steps]
    return {
        "programme": found.programme,
        "office": found.office,
        "state": found.state,
        "steps": steps,
    }


def _department(found: pb.DepartmentProgress) -> dict[str, Any]:
    return {
        "department": found.department,
        "state": found.state,
        **_reason(found.reason),
        "answered_at": found.answered_at,
        "data_dates": dict(found.data_dates),
        "coverage": {
            resource: {"first": stated.first, "last": stated.last}
            for resource, stated in found.coverage.items()
        },
    }


def _programme(found: pb.ProgrammeDetermination) -> dict[str, Any]:
    rules = [
        {
            "rule": rule.rule,
            "title": rule.title,
            "title_zh": rule.title_zh,
            "outcome": rule.outcome,
            "explanation": rule.explanation,
            "legal": rule.legal,
        }
        for rule in found.rules
    ]
    return {
        "programme": found.programme,
        "title": found.title,
        "title_zh": found.title_zh,
        "outcome": found.outcome,
        "rules": rules,
    }


def _reason(code: str) -> dict[str, str]:
    known = _explained(code)
    if known is None:
        return {"reason": code, "happened": "", "mend": "", "zh": ""}
    with speaking(Language.ZH):
        zh = _(known.happened)
    return {"reason": code, "happened": known.happened, "mend": known.mend, "zh": zh}


def _explained(code: str) -> Explanation | None:
    try:
        return EXPLANATIONS[Reason(code)] if code else None
    except ValueError:
        return None


def say_reason(code: str) -> str:
    """A reason code in words: what happened, and what to do."""
    known = _explained(code)
    if known is None:
        return code
    happened, mend = _(known.happened), _(known.mend)
    return _("{happened} ({code}). What to do: {mend}", happened=happened, code=code, mend=mend)


def _titles(title: str, title_zh: str, between: str) -> str:
    """A title as its policy has it: the law's own word alone, or beside the English one."""
    if spoken() is Language.ZH:
        return visible(title_zh or title)
    return visible(f"{title}{between}{title_zh}")


def print_case(case: pb.Case) -> None:
    """Everything about one case: a table per programme, then who answered and who did not."""
    out = sys.stdout
    state = pgettext("case", case.state)
    line = _(
        "{number}: {state}, case {id}", number=case.authorization, state=state, id=case.case_id
    )
    out.write(f"\n{line}\n")
    for programme in case.programmes:
        _print_programme(programme)
    if case.reason:
        out.write(_("  why: {reason}", reason=say_reason(case.reason)) + "\n")
    if case.detail:
        out.write(f"       {visible(_(case.detail))}\n")
    _print_departments(case.departments)
    if case.has_entry:
        entry = _("  ledger: entry {index} of the coordinator", index=case.ledger_entry)
        out.write(f"{entry}\n")


def _print_programme(found: pb.ProgrammeDetermination) -> None:
    outcome = pgettext("outcome", found.outcome)
    table = Table(_("rule"), "", _("what was compared"), title=None, show_lines=False)
    for rule in found.rules:
        mark = f"{MARKS.get(rule.outcome, '?')} {pgettext('outcome', rule.outcome)}"
        what = f"{visible(rule.explanation)}\n{visible(rule.legal)}"
        # Titles come from a policy file: brackets in them are text, not markup.
        title = _titles(rule.title, rule.title_zh, "\n")
        table.add_row(escape(title), mark, escape(what))
    console = Console()
    head = f"{_titles(found.title, found.title_zh, ' ')}: {outcome}"
    console.print(f"  {head}", highlight=False, markup=False)
    console.print(table)


def _print_departments(departments: Sequence[pb.DepartmentProgress]) -> None:
    answered = [d.department for d in departments if d.state == "answered"]
    if departments:
        line = _(
            "  answered ({n} of {of}): {departments}",
            n=len(answered),
            of=len(departments),
            departments=", ".join(answered) or _("none"),
        )
        sys.stdout.write(f"{line}\n")
    for each in departments:
        if each.state != "answered":
            why = say_reason(each.reason) if each.reason else _("no answer yet")
            sys.stdout.write(f"  {each.department} {_waits(each)}: {why}\n")


def _waits(each: pb.DepartmentProgress) -> str:
    return pgettext("department", each.state)


def print_progress(cases: Sequence[pb.Case], seen: dict[str, str]) -> None:
    """Write what changed, to standard error; ``seen`` remembers what was said."""
    for case in cases:
        text = _progress(case)
        if seen.get(case.case_id) != text:
            seen[case.case_id] = text
            sys.stderr.write(f"{case.authorization}: {text}\n")


def _progress(case: pb.Case) -> str:
    if case.state != "asking":
        return pgettext("case", case.state) + _code(case.reason)
    missing = [
        f"{each.department} {_waits(each)}{_code(each.reason)}"
        for each in case.departments
        if each.state != "answered"
    ]
    of = len(case.departments)
    said = _("{n} of {of} departments have answered", n=of - len(missing), of=of)
    return "; ".join([said, ", ".join(missing)] if missing else [said])


def _code(reason: str) -> str:
    return f" ({reason})" if reason else ""
