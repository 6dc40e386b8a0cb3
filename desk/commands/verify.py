"""``hedui verify``: open cases, wait, show the determinations.

Exit codes: 0 all determined, 4 a case was refused, 7 a case still waits, 8 a case ended
inconclusive; of several, the first in the order 7, 4, 8.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desk.command import Json, options

if TYPE_CHECKING:
    from desk.client.acting import Acting
    from desk.commands.requesting import Question
    from hedui.v1 import coordinator_pb2 as pb

Numbers = Annotated[list[str] | None, typer.Argument(help="Authorization numbers (授权书编号).")]
NumbersFile = Annotated[
    Path | None, typer.Option("--file", help="CSV with the numbers in its first column.")
]
PolicyOption = Annotated[
    str, typer.Option("--policy", help="The policy's TOML file, or its digest.")
]
Programmes = Annotated[
    list[str] | None,
    typer.Option("--programme", "-p", help="Programme to decide on; all of the policy if none."),
]
Again = Annotated[
    str, typer.Option("--again", help="The reason for querying an authorization again.")
]
Draft = Annotated[
    Path | None,
    typer.Option("--draft", help="Write the signed request here, for a checker; open nothing."),
]
Countersigned = Annotated[
    Path | None,
    typer.Option("--countersign", help="Open a case from a request that a checker countersigned."),
]
Wait = Annotated[
    int, typer.Option("--wait", min=0, max=86_400, help="Seconds to wait for the determination.")
]

WAITING, INCONCLUSIVE = 7, 8


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("verify")(verify)


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
    """Verify households (核对): met or not met per rule, nothing else.

    A case that is still running is found again by the same command: nothing is asked twice.
    """
    from desk.client.acting import act
    from desk.commands.requesting import follow
    from desk.commands.showing import print_progress

    with act(options(context)) as acting:
        cases = _begin(acting, numbers or [], file, policy, programme, again, draft, countersigned)
        seen: dict[str, str] = {}
        cases = follow(
            acting, cases, wait_s=wait, progress=lambda current: print_progress(current, seen)
        )
    _show(cases, as_json=as_json)
    raise typer.Exit(_exit_code([case.state for case in cases]))


def _begin(
    acting: "Acting",
    numbers: list[str],
    file: Path | None,
    policy: str,
    programmes: list[str] | None,
    again: str,
    draft: Path | None,
    countersigned: Path | None,
) -> "list[pb.Case]":
    from desk.commands import requesting
    from runtime.errors import SettingsError

    if countersigned is not None:
        first, second = requesting.read_draft(countersigned)
        if second is None:
            raise SettingsError(
                f"{countersigned} has no second signature: a checker runs "
                f"`hedui case countersign {countersigned}`"
            )
        return [requesting.open_case(acting, first, second)]
    if not policy:
        raise SettingsError("which policy? Give --policy FILE, or its digest")
    asked = requesting.question(policy, programmes or [], again)
    wanted = requesting.numbers_of(numbers, file)
    if draft is not None:
        _draft(acting, wanted, asked, draft)
    return requesting.open_cases(acting, wanted, asked)


def _draft(acting: "Acting", wanted: list[str], asked: "Question", path: Path) -> None:
    """Write the request instead of sending it, and end the command."""
    from desk.commands import requesting
    from runtime.errors import SettingsError

    if len(wanted) != 1 or not asked.again:
        raise SettingsError("--draft is for one number, with its reason: --again REASON")
    requesting.write_draft(path, requesting.sign_request(acting, wanted[0], asked))
    typer.echo(f"{path}: a checker runs `hedui case countersign {path}`, then you run")
    typer.echo(f"  hedui verify --countersign {path}")
    raise typer.Exit(0)


def _show(cases: "Sequence[pb.Case]", *, as_json: bool) -> None:
    import json

    from desk.commands.requesting import RUNNING
    from desk.commands.showing import case_table, print_case

    if as_json:
        rows = [case_table(case) for case in cases]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
        return
    for case in cases:
        print_case(case)
    waiting = [case.authorization for case in cases if case.state in RUNNING]
    if waiting:
        sys.stdout.write(
            f"\nStill waiting: {', '.join(waiting)}. They go on by themselves; the same command, "
            "or `hedui case show ID`, shows them again.\n"
        )


def _exit_code(states: Sequence[str]) -> int:
    from desk.commands.requesting import RUNNING
    from runtime.errors import ExitCode

    if any(state in RUNNING for state in states):
        return WAITING
    if "refused" in states:
        return int(ExitCode.REFUSED)
    return INCONCLUSIVE if "inconclusive" in states else 0
