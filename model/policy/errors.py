"""Every error of the policy package.

PolicyError             a policy file, or a use of it, that is refused; the message may be shown
├── ExpressionError     a condition or programme expression that does not parse or type-check
└── InputError          inputs, values or bits that do not fit the compiled policy
"""


class PolicyError(ValueError):
    """A policy file, or a use of it, that is refused."""


class ExpressionError(PolicyError):
    """An expression that does not parse or type-check; says where."""


class InputError(PolicyError):
    """Inputs, values or bits that do not fit the compiled policy."""
