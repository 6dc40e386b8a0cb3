"""The whole wire as a table: messages and RPCs of the descriptors, keys of the signed documents."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from model.documents.signed import Document

ROOT: Final = Path(__file__).resolve().parents[2]
FROZEN: Final = ROOT / "tests" / "vectors" / "wire.json"

Table = dict[str, dict[str, str]]
"""Message, service or document; then field, method or key; then what it is.

A field is ``number one|optional|many type``, a method ``request -> reply``, a key of a document
``required`` or ``optional``.
"""

_TYPES: Final = {
    value: name.removeprefix("TYPE_").lower()
    for name, value in vars(FieldDescriptor).items()
    if name.startswith("TYPE_")
}


def today() -> Table:
    """What the generated code and the model have now."""
    found: Table = {}
    for path in sorted((ROOT / "proto" / "python" / "hedui" / "v1").glob("*_pb2.py")):
        file = import_module(f"hedui.v1.{path.stem}").DESCRIPTOR
        for message in file.message_types_by_name.values():
            found |= _message(message)
        for service in file.services_by_name.values():
            found[service.full_name] = {method.name: _rpc(method) for method in service.methods}
    return found | _documents()


def frozen() -> Table:
    """What was written down."""
    table: Table = json.loads(FROZEN.read_text(encoding="utf-8"))
    return table


def reshaped(before: Table, after: Table) -> list[str]:
    """What is in ``before`` and is gone or another in ``after``; new things are none of it."""
    faults = []
    for name, members in before.items():
        for member, what in members.items():
            now = after.get(name, {}).get(member)
            if now != what:
                faults.append(f"{name}.{member}: {what} became {now}")
    for name, members in after.items():
        known = before.get(name, {})
        given = {_number(what): member for member, what in known.items() if _number(what)}
        for member in members.keys() - known.keys():
            number = _number(members[member])
            if number and number in given:
                faults.append(f"{name}.{member}: takes the number of {given[number]}")
            if known and members[member] == "required":
                faults.append(f"{name}.{member}: older documents do not have it")
    return faults


def _number(what: str) -> str:
    first = what.split()[0]
    return first if first.isdecimal() else ""


def _message(message: Descriptor) -> Table:
    found: Table = {message.full_name: {field.name: _shape(field) for field in message.fields}}
    for nested in message.nested_types:
        found |= _message(nested)
    return found


def _shape(field: FieldDescriptor) -> str:
    kind = field.message_type.full_name if field.message_type else _TYPES[field.type]
    many = "many" if field.is_repeated else "optional" if field.has_presence else "one"
    return f"{field.number} {many} {kind}"


def _rpc(method: Any) -> str:
    request, reply = method.input_type.full_name, method.output_type.full_name
    streamed = ("stream " * method.client_streaming, "stream " * method.server_streaming)
    return f"{streamed[0]}{request} -> {streamed[1]}{reply}"


def _documents() -> Table:
    for path in sorted((ROOT / "model" / "documents").glob("*.py")):
        import_module(f"model.documents.{path.stem}")
    found: Table = {}
    for kind in _kinds(Document):
        keys = kind.model_fields.items()
        found[f"{kind.__module__}.{kind.__name__}"] = {
            key: "required" if field.is_required() else "optional" for key, field in keys
        }
    return found


def _kinds(base: type[Document]) -> list[type[Document]]:
    direct = [kind for kind in base.__subclasses__() if kind.__module__.startswith("model.")]
    return [*direct, *(further for kind in direct for further in _kinds(kind))]
