"""From opened bits to the document that is stored, committed to and shown.

Source: design.md 2.7.1, 2.7.2; model.policy.determine. It is advice: an officer decides and signs.
"""

from collections.abc import Sequence
from typing import Any

from coordinator.determination.wording import explain
from crypto import jcs
from model.opening import CaseTerms
from model.policy import Determination, RuleOutcome, determine


def draw(terms: CaseTerms, bits: Sequence[int], *, silent: Sequence[str] = ()) -> bytes:
    """Return canonical JSON of the determination, one entry per programme.

    Args:
        terms: Layout and plain inputs of the case.
        bits: One per slot, in order; 1 says that the sum exceeds the limit.
        silent: Departments that did not answer.
    """
    found = determine(terms.layout, terms.inputs, bits, silent=silent)
    members = terms.inputs.members
    return jcs.encode({"programmes": [_programme(each, members) for each in found]})


def _programme(found: Determination, members: int) -> dict[str, Any]:
    return {
        "programme": found.programme,
        "title": found.title.en,
        "title_zh": found.title.zh,
        "outcome": str(found.verdict),
        "rules": [_rule(outcome, members) for outcome in found.rules],
    }


def _rule(outcome: RuleOutcome, members: int) -> dict[str, Any]:
    return {
        "rule": outcome.rule,
        "title": outcome.title.en,
        "title_zh": outcome.title.zh,
        "outcome": str(outcome.verdict),
        "explanation": explain(outcome, members),
        "legal": outcome.legal,
    }
