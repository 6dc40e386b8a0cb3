"""What is shown of a case: whatever others wrote, it cannot rewrite the officer's screen."""

import pytest

from desk.cases import print_case
from hedui.v1 import coordinator_pb2 as pb

HIDES = "before\x1b[8mhidden\u202e"


def test_no_title_and_no_sentence_can_hide_what_stands_beside_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rule = pb.RuleResult(
        rule="r", title=HIDES, title_zh=HIDES, outcome="not met", explanation=HIDES, legal=HIDES
    )
    programme = pb.ProgrammeDetermination(
        programme="p", title=HIDES, title_zh=HIDES, outcome="not met", rules=[rule]
    )
    print_case(pb.Case(authorization="1", state="refused", detail=HIDES, programmes=[programme]))
    shown = capsys.readouterr().out
    assert "\x1b[8m" not in shown and "\u202e" not in shown
    assert "before" in shown and "\\x1b[8m" in shown
