"""One query's self-contained proof, from everybody's bundles.

Source: design.md 1.5.
    evidence.json                   format, query, manifest, indices by process
    logs/tax/checkpoint-12.note     the signed checkpoint of size 12, cosignatures included
    logs/tax/7.entry                the exact bytes of entry 7
    logs/tax/7.proof                size of its checkpoint, then siblings from leaf to root, hex
    keys/0.vkey                     public keys of logs and witnesses
    policies/<digest>.toml          the policy under which it was asked
    extra/federation.toml           who is who, under the root's signature

``python -m ledger.verify`` checks it. What is taken: the entries that name the query, or its
manifest, case or permit and no other query; the authorization under which it was asked; each
party's approval of the policy.
Trusts: the bundles, which the caller verified. Shows: other departments' queries of the same
case, by their ids in ``manifest.issued``, nothing more of them.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crypto import jcs
from crypto.errors import CryptoError
from ledger.errors import ExportError
from ledger.event import decode
from reviewer.bundle import BundleReader

FORMAT = "hedui-evidence/1"
_FEDERATION = ("federation.toml", "federation.toml.sig")


@dataclass
class _About:
    query: str
    manifest: str = ""
    policy: str = ""
    more: set[str] = field(default_factory=set)
    """Cases and permits of the manifest."""

    def takes(self, fields: Mapping[str, Any]) -> bool:
        if fields.get("query") or not self.manifest:
            return fields.get("query") == self.query
        if fields.get("manifest"):
            return bool(fields["manifest"] == self.manifest)
        return any(fields.get(name) in self.more for name in ("case", "permit"))


def write_evidence(query: str, bundles: Sequence[Path], target: Path) -> dict[str, list[int]]:
    """Write the evidence folder ``target``; return the indices by process.

    Args:
        query: The query id in full, hex.
        bundles: Of registrar, coordinator, the node, and the key holders if they are at hand.
        target: Does not exist yet.

    Raises ExportError where no bundle knows the query, or what cannot be read or written.
    """
    if target.exists():
        raise ExportError(f"{target} already exists; name another folder")
    readers = [BundleReader(path) for path in bundles]
    about = _find(query, readers)
    chosen = {r.process: sorted(set(_chosen(r, about))) for r in readers}
    chosen = {process: indices for process, indices in chosen.items() if indices}
    if not chosen:
        raise ExportError(f"none of these bundles has an entry about query {query}")
    try:
        target.mkdir(parents=True)
        for reader in readers:
            _write_log(target, reader, chosen.get(reader.process, []))
        _write_rest(target, readers, about, chosen)
    except (OSError, CryptoError) as error:
        shutil.rmtree(target, ignore_errors=True)
        raise ExportError(f"evidence {target} could not be written: {error}") from error
    return chosen


def _find(query: str, readers: Sequence[BundleReader]) -> _About:
    about = _About(query)
    for fields in _all_fields(readers):
        if fields.get("query") == query:
            about.manifest = about.manifest or str(fields.get("manifest", ""))
            about.policy = about.policy or str(fields.get("policy", ""))
    for fields in _all_fields(readers):
        if about.manifest and fields.get("manifest") == about.manifest:
            about.more |= {str(fields[name]) for name in ("case", "permit") if fields.get(name)}
    return about


def _all_fields(readers: Sequence[BundleReader]) -> Iterator[Mapping[str, Any]]:
    for reader in readers:
        for _, entry in reader.entries():
            yield decode(entry).fields


def _chosen(reader: BundleReader, about: _About) -> Iterator[int]:
    given: set[int] = set()
    for index, data in reader.entries():
        entry = decode(data)
        number = entry.fields.get("given")
        ended = entry.event == "authorization.ended" and number in given
        approves = entry.event == "policy.approved" and entry.fields["policy"] == about.policy
        if about.takes(entry.fields):
            yield index
            if entry.event == "manifest.issued" and isinstance(number, int):
                given.add(number)
                yield number
        elif ended or approves:
            yield index


def _write_log(target: Path, reader: BundleReader, indices: Sequence[int]) -> None:
    folder = target / "logs" / reader.process
    if indices:
        folder.mkdir(parents=True)
    for index in indices:
        found = reader.proven(index)
        (folder / f"checkpoint-{found.head.size}.note").write_bytes(found.note)
        (folder / f"{index}.entry").write_bytes(found.entry)
        lines = [str(found.head.size), *(node.hex() for node in found.path)]
        (folder / f"{index}.proof").write_text("\n".join(lines) + "\n")


def _write_rest(
    target: Path,
    readers: Sequence[BundleReader],
    about: _About,
    chosen: Mapping[str, Sequence[int]],
) -> None:
    keys = sorted({key for reader in readers for key in reader.vkeys()})
    (target / "keys").mkdir()
    for i, key in enumerate(keys):
        (target / "keys" / f"{i}.vkey").write_text(f"{key}\n")
    policy = next((body for r in readers if (body := r.policy(about.policy))), None)
    (target / "policies").mkdir()
    if policy is not None:
        (target / "policies" / f"{about.policy}.toml").write_bytes(policy)
    (target / "extra").mkdir()
    for name in _FEDERATION:
        found = next((p for r in readers if (p := r.folder / "extra" / name).is_file()), None)
        if found is not None:
            (target / "extra" / name).write_bytes(found.read_bytes())
    table: dict[str, jcs.Json] = {
        "format": FORMAT,
        "query": about.query,
        "manifest": about.manifest,
        "entries": {process: list(indices) for process, indices in chosen.items()},
    }
    (target / "evidence.json").write_bytes(jcs.encode(table) + b"\n")
