"""Write docs/events.md from the closed list of ledger events: python -m simulations.events_page."""

from pathlib import Path

from ledger.events import EVENTS, Spec

HEAD = """# Events of the ledgers 账本事件

The closed list: nothing else can be written. Fields in brackets may be absent. What is about a
person or a case is a salted commitment, a random number, or the digest of a document that holds
random numbers; formats stand in [ledger](ledger.md).
Written by `python -m simulations.events_page`.

| event | what it says | fields |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_row(name, spec) for name, spec in EVENTS.items())


def _row(name: str, spec: Spec) -> str:
    fields = [f"`{f}`" for f in sorted(spec.required)]
    fields += [f"[`{f}`]" for f in sorted(spec.optional)]
    return f"| `{name}` | {spec.text} | {' '.join(fields)} |\n"


if __name__ == "__main__":
    target = Path(__file__).resolve().parents[1] / "docs" / "events.md"
    target.write_text(page(), encoding="utf-8")
