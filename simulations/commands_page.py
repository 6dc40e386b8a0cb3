"""Write docs/commands.md from the two command lines: python -m simulations.commands_page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from desk.commands.main import build as build_hedui
from desk.node_commands.main import build as build_node
from desk.program import LazyGroup

HEAD = """# Commands 命令

Every command and option of `hedui` (civil affairs, registrar, reviewers) and `hedui-node`
(department admins), as `--help` shows them. Global options stand before the command:
`hedui --person officer-wang verify …`. Exit codes and errors: [operations](operations.md).
Written by `python -m simulations.commands_page`.
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for name, app in programs():
        command = get_command(app)
        lines.append(f"\n## {name}\n\n{_sentence(command.help)}\n\n{_options(command)}")
        lines += [_entry(f"{name} {path}", found) for path, found in leaves(command)]
    return "".join(lines)


def programs() -> list[tuple[str, typer.Typer]]:
    """The two programs by name."""
    return [("hedui", build_hedui()), ("hedui-node", build_node())]


def leaves(command: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each command below a group with its words."""
    for name, found in inside(command).items():
        path = f"{prefix}{name}"
        if hasattr(found, "commands"):
            yield from leaves(found, f"{path} ")
        else:
            yield path, found


def inside(command: Any) -> dict[str, Any]:
    """The commands of a group by name, imported; none for a command."""
    if isinstance(command, LazyGroup):
        return command.loaded()
    return dict(getattr(command, "commands", {}))


def options_of(command: Any) -> list[Any]:
    """Its options and arguments, without ``--help``."""
    return [p for p in command.params if "--help" not in p.opts]


def _entry(path: str, command: Any) -> str:
    words = " ".join(_word(p) for p in options_of(command) if not _is_option(p))
    usage = f"{path} {words}".strip()
    options = _options(command)
    below = f"\n{options}" if options else ""
    return f"\n### `{usage}`\n\n{_sentence(command.help)}\n{below}"


def _options(command: Any) -> str:
    rows = [_row(p) for p in options_of(command)]
    return "".join(rows)


def _row(parameter: Any) -> str:
    name = ", ".join(f"`{o}`" for o in parameter.opts) if _is_option(parameter) else ""
    name = name or f"`{_word(parameter)}`"
    notes = ["needed"] if parameter.required and _is_option(parameter) else []
    default = parameter.default
    if isinstance(default, int) and not isinstance(default, bool):
        notes.append(f"default {default}")
    note = f" ({', '.join(notes)})" if notes else ""
    return f"- {name}: {getattr(parameter, 'help', None) or ''}{note}\n"


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _word(parameter: Any) -> str:
    word = (parameter.name or "").upper()
    return f"{word}..." if parameter.nargs == -1 else word


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())


if __name__ == "__main__":
    target = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
    target.write_text(page(), encoding="utf-8")
