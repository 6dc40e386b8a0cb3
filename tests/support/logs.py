"""Where a test's log goes."""

import json
from typing import Any


class MemorySink:
    """Keeps lines, parsed."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def write(self, line: bytes) -> None:
        """Keep one line."""
        self.lines.append(json.loads(line))
