"""Policies: parsed from TOML, compiled to slots, contributed to by nodes, determined from bits.

``parse`` → ``check`` → ``compile_policy`` → ``limits`` (masker), ``contribution`` (node),
``determine`` (coordinator). All pure; all derived from the same bytes, named by their digest.
"""

from model.policy.checking import Finding, Severity, check, require_sound
from model.policy.compiling import (
    Comparison,
    Inputs,
    Layout,
    Slot,
    Term,
    compile_policy,
    limits,
    require_minimum,
)
from model.policy.contributing import (
    UNREADABLE,
    MeasureValue,
    Unreadable,
    contribution,
)
from model.policy.determining import Determination, RuleOutcome, Verdict, Why, determine
from model.policy.errors import ExpressionError, InputError, PolicyError
from model.policy.parsing import Policy, parse, policy_digest
from model.policy.window import Window, window

__all__ = [
    "UNREADABLE",
    "Comparison",
    "Determination",
    "ExpressionError",
    "Finding",
    "InputError",
    "Inputs",
    "Layout",
    "MeasureValue",
    "Policy",
    "PolicyError",
    "RuleOutcome",
    "Severity",
    "Slot",
    "Term",
    "Unreadable",
    "Verdict",
    "Why",
    "Window",
    "check",
    "compile_policy",
    "contribution",
    "determine",
    "limits",
    "parse",
    "policy_digest",
    "require_minimum",
    "require_sound",
    "window",
]
