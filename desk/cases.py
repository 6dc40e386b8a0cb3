"""Cases for people and for programs: one mapping for ``--json``, tables and words for screens.

Titles and reasons stand in English and Chinese, for officers read both.
"""

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from desk.command import visible
from hedui.v1 import coordinator_pb2 as pb
from model.explanations import EXPLANATIONS
from model.reasons import Reason

MARKS = {"met": "✓", "not met": "✗", "inconclusive": "?"}
ZH = {
    "met": "符合",
    "not met": "不符合",
    "inconclusive": "无法判定",
    "opened": "已受理",
    "asking": "查询中",
    "opening": "开启中",
    "determined": "已出结果",
    "refused": "被拒绝",
    "closed": "已办结",
    "erased": "已清除",
}


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
    }


def _department(found: pb.DepartmentProgress) -> dict[str, Any]:
    return {
        "department": found.department,
        "state": found.state,
        **_reason(found.reason),
        "answered_at": found.answered_at,
        "data_dates": dict(found.data_dates),
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
    words = {"reason": code, "happened": "", "mend": "", "zh": ""}
    if known is not None:
        words |= {"happened": known.happened, "mend": known.mend, "zh": known.zh}
    return words


def _explained(code: str) -> Any:
    try:
        return EXPLANATIONS[Reason(code)] if code else None
    except ValueError:
        return None


def say_reason(code: str) -> str:
    """A reason code in words: what happened, in Chinese too, and what to do."""
    known = _explained(code)
    if known is None:
        return code
    return f"{known.happened} ({known.zh}; {code}). To mend: {known.mend}"


def print_case(case: pb.Case) -> None:
    """Everything about one case: a table per programme, then who answered and who did not."""
    out = sys.stdout
    zh = ZH.get(case.state, "")
    out.write(f"\n{case.authorization}: {case.state} {zh}, case {case.case_id}\n")
    for programme in case.programmes:
        _print_programme(programme)
    if case.reason:
        out.write(f"  why: {say_reason(case.reason)}\n")
    if case.detail:
        out.write(f"       {visible(case.detail)}\n")
    _print_departments(case.departments)
    if case.has_entry:
        out.write(f"  ledger: entry {case.ledger_entry} of the coordinator\n")


def _print_programme(found: pb.ProgrammeDetermination) -> None:
    outcome = f"{found.outcome} {ZH.get(found.outcome, '')}"
    table = Table("rule", "", "what was compared", title=None, show_lines=False)
    for rule in found.rules:
        mark = f"{MARKS.get(rule.outcome, '?')} {rule.outcome}"
        what = f"{visible(rule.explanation)}\n{visible(rule.legal)}"
        # Titles come from a policy file: brackets in them are text, not markup.
        title = f"{visible(rule.title)}\n{visible(rule.title_zh)}"
        table.add_row(escape(title), mark, escape(what))
    console = Console()
    head = visible(f"{found.title} {found.title_zh}: {outcome}")
    console.print(f"  {head}", highlight=False, markup=False)
    console.print(table)


def _print_departments(departments: Sequence[pb.DepartmentProgress]) -> None:
    answered = [d.department for d in departments if d.state == "answered"]
    if departments:
        sys.stdout.write(
            f"  answered ({len(answered)} of {len(departments)}): {', '.join(answered) or 'none'}\n"
        )
    for each in departments:
        if each.state != "answered":
            why = say_reason(each.reason) if each.reason else "no answer yet"
            sys.stdout.write(f"  {each.department} {each.state}: {why}\n")


def print_progress(cases: Sequence[pb.Case], seen: dict[str, str]) -> None:
    """Write what changed, to standard error; ``seen`` remembers what was said."""
    for case in cases:
        text = _progress(case)
        if seen.get(case.case_id) != text:
            seen[case.case_id] = text
            sys.stderr.write(f"{case.authorization}: {text}\n")


def _progress(case: pb.Case) -> str:
    if case.state != "asking":
        return case.state + (f" ({case.reason})" if case.reason else "")
    parts = [
        f"{d.department} {d.state}" + (f" ({d.reason})" if d.reason else "")
        for d in case.departments
    ]
    answered = sum(d.state == "answered" for d in case.departments)
    missing = [p for p, d in zip(parts, case.departments, strict=True) if d.state != "answered"]
    return f"{answered} of {len(parts)} departments answered" + (
        f"; {', '.join(missing)}" if missing else ""
    )
