"""``hedui verify``: open cases, wait, show the determinations.

Exit codes: 0 all determined, 4 a case was refused, 7 a case still waits, 8 a case ended
inconclusive; of several, the first in the order 7, 4, 8.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from desk.cases import case_table, print_case, print_progress
from desk.client import cases
from desk.client.acting import Acting
from desk.command import Json, print_json
from desk.session import acting
from hedui.v1 import coordinator_pb2 as pb
from model.messages import gettext as _
from runtime.errors import ExitCode, SettingsError

Numbers = Annotated[list[str] | None, typer.Argument(help="Authorization numbers.")]
NumbersFile = Annotated[
    Path | None, typer.Option("--file", help="CSV with the numbers in its first column.")
]
PolicyOption = Annotated[
    str, typer.Option("--policy", help="The policy's TOML file, or its digest.")
]
Programmes = Annotated[
    list[str] | None,
    typer.Option("--programme", "-p", help="Programme to ask about; default: all of the policy."),
]
Again = Annotated[
    str, typer.Option("--again", help="Your reason for querying an authorization again.")
]
Draft = Annotated[
    Path | None,
    typer.Option("--draft", help="Only write the signed request to this file, for a checker."),
]
Countersigned = Annotated[
    Path | None,
    typer.Option(
        "--countersign", help="Open the case from a request that a checker has countersigned."
    ),
]
Wait = Annotated[
    int,
    typer.Option(
        "--wait", min=0, max=86_400, help="How many seconds to wait for the determination."
    ),
]

WAITING, INCONCLUSIVE = 7, 8


def verify(
    context: typer.Context,
    numbers: Numbers = None,
    file: NumbersFile = None,
    policy: PolicyOption = "",
    programme: Programmes = None,
    again: Again = "",
    draft: Draft = None,
    countersigned: Countersigned = None,
    wait: Wait = 60,
    as_json: Json = False,
) -> None:
    """Verify households: met or not met for each rule, and nothing else.

    Run the same command again to find a case that is still running: nothing is asked twice.
    """
    with acting(context) as person:
        if countersigned is not None:
            found = [_countersigned(person, countersigned)]
        else:
            if not policy:
                raise SettingsError(_("which policy? Give --policy FILE, or the policy's digest"))
            asked = cases.question(policy, programme or [], again)
            wanted = cases.numbers_of(numbers or [], file)
            if draft is not None:
                _draft(person, wanted, asked, draft)
                return
            found = cases.open_cases(person, wanted, asked)
        found = _followed(person, found, wait)
    _show(found, as_json=as_json)
    raise typer.Exit(_exit_code([case.state for case in found]))


def _countersigned(person: Acting, draft: Path) -> pb.Case:
    first, second = cases.read_draft(draft)
    if second is None:
        raise SettingsError(
            _(
                "{draft} has no second signature yet: a checker runs "
                "`hedui case countersign {draft}`",
                draft=draft,
            )
        )
    return cases.open_case(person, first, second)


def _draft(person: Acting, wanted: list[str], asked: cases.Question, path: Path) -> None:
    """Write the request instead of sending it."""
    if len(wanted) != 1 or not asked.again:
        raise SettingsError(
            _("--draft takes exactly one number, and needs the reason: --again REASON")
        )
    cases.write_draft(path, cases.sign_request(person, wanted[0], asked))
    typer.echo(
        _("{path}: next, a checker runs `hedui case countersign {path}`; then you run", path=path)
    )
    typer.echo(f"  hedui verify --countersign {path}")


def _followed(person: Acting, begun: list[pb.Case], wait_s: float) -> list[pb.Case]:
    seen: dict[str, str] = {}
    return cases.follow(
        person, begun, wait_s=wait_s, progress=lambda current: print_progress(current, seen)
    )


def _show(found: Sequence[pb.Case], *, as_json: bool) -> None:
    if as_json:
        print_json([case_table(case) for case in found])
        return
    for case in found:
        print_case(case)
    waiting = [case.authorization for case in found if case.state in cases.RUNNING]
    if waiting:
        said = _(
            "Still waiting: {numbers}. These cases continue by themselves; run the same command "
            "again, or `hedui case show ID`, to see how they stand.",
            numbers=", ".join(waiting),
        )
        sys.stdout.write(f"\n{said}\n")


def _exit_code(states: Sequence[str]) -> int:
    if any(state in cases.RUNNING for state in states):
        return WAITING
    if "refused" in states:
        return int(ExitCode.REFUSED)
    return INCONCLUSIVE if "inconclusive" in states else 0
