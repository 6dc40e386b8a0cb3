"""Write down what was added to the wire: ``python -m tests.vectors.write_wire``.

What stands in ``wire.json`` already is never rewritten: a field that was to be another needs a
new one beside it, and an old one that is left empty.
"""

import json
import sys

from tests.support.wire import FROZEN, frozen, reshaped, today


def main() -> int:
    """Add what is new; say what was reshaped and write nothing."""
    faults = reshaped(frozen(), today()) if FROZEN.exists() else []
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        lines = json.dumps(today(), indent=1, sort_keys=True, ensure_ascii=False)
        FROZEN.write_text(lines + "\n", encoding="utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
