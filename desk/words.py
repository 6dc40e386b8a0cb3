"""What is said to a person: an error in one sentence, and others' words made harmless."""

import re
from typing import Final

from pydantic import ValidationError

from crypto.errors import CryptoError
from model.explanations import EXPLANATIONS
from model.messages import gettext as _
from model.mistakes import explain
from model.reasons import Reason
from runtime.errors import Refusal, Refused, RuntimeFault


def sentence(error: Exception) -> str:
    """One sentence about an error: what happened, to which input, and what to do."""
    if isinstance(error, Refused | Refusal):
        # A detail that is the explanation of its reason is said in the reader's language.
        said = _("refused ({reason}): {detail}", reason=error.reason, detail=_(error.detail))
        if error.reason is Reason.MALFORMED:
            # The sentence itself says what to mend.
            return said
        end = "" if said.endswith(("?", ".", "。")) else "."
        mend = _("What to do: {mend}", mend=_(EXPLANATIONS[error.reason].mend))
        return f"{said}{end} {mend}"
    if isinstance(error, ValidationError):
        return explain(error)
    if isinstance(error, RuntimeFault | CryptoError | ValueError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return _(
            "{file} cannot be used: {why}. Check the path and its permissions",
            file=error.filename,
            why=error.strerror,
        )
    return _(
        "internal error ({kind}); run the command again with --verbose to see its trace",
        kind=type(error).__name__,
    )


# All controls but the line break, and what turns the direction of writing.
_CONTROLS: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """The same text with its control characters spelled out, ``\\x1b``.

    What others wrote, an officer's reason or a ledger's field, is shown to whoever judges them: it
    must not be able to hide or rewrite on the terminal what stands around it.
    """
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """``visible``, and no line of its own."""
    return visible(text).replace("\n", "\\n")
