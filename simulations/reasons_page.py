"""Write docs/reasons.md from the closed list: python -m simulations.reasons_page."""

from pathlib import Path

from model.explanations import EXPLANATIONS
from model.messages import Language, gettext, speaking
from model.reasons import Reason
from runtime.transport.status import status_of

HEAD = """# Reason codes 拒绝原因代码

The closed list. A refusal carries its code and nothing else; it stands in the ledger of the
process that refused. "waits" marks reasons for which a case stays open and is asked again by
itself. Written by `python -m simulations.reasons_page`.

| code | what happened | what to do | 说明 | 处理办法 | gRPC status | waits |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = []
    for reason in Reason:
        e = EXPLANATIONS[reason]
        waits = "yes" if e.waits else ""
        status = status_of(reason).name
        with speaking(Language.ZH):
            zh = f"{gettext(e.happened)} | {gettext(e.mend)}"
        rows.append(f"| `{reason}` | {e.happened} | {e.mend} | {zh} | {status} | {waits} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    target = Path(__file__).resolve().parents[1] / "docs" / "reasons.md"
    target.write_text(page(), encoding="utf-8")
