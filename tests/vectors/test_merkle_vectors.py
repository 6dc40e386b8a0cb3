"""The published RFC 6962 trees and proof probes of transparency-dev, both sides of the house.

Tests design.md 4.1.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from crypto.errors import ProofError
from ledger import merkle

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "merkle"
PROBES = sorted(SHARED.glob("*/**/*.json"))

pytestmark = pytest.mark.skipif(
    not PROBES, reason="the published vectors are not beside the project"
)


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_all_probes_are_there() -> None:
    assert len(PROBES) == 196


@pytest.mark.parametrize("size", range(9))
def test_roots_and_nodes(size: int) -> None:
    trees = load(SHARED / "tree_vectors.json")
    leaves = [merkle.leaf_hash(bytes.fromhex(x)) for x in trees["leaf_inputs_hex"][:size]]
    frontier, nodes = merkle.Frontier().extend(leaves)
    root = bytes.fromhex(trees["roots_by_size_hex"][size])
    assert frontier.root() == root
    assert merkle.root(size, lambda numbers: [nodes[n] for n in numbers]) == root
    assert len(nodes) == merkle.node_count(size)
    if size == 8:
        for level, row in enumerate(trees["node_hashes_by_level_hex"]):
            stored = [nodes[merkle.node_number(level, i)].hex() for i in range(len(row))]
            assert stored == row


@pytest.mark.parametrize("path", PROBES, ids=lambda p: str(p.relative_to(SHARED)))
def test_probe(path: Path) -> None:
    probe = load(path)
    if probe["wantErr"]:
        with pytest.raises(ProofError):
            check(probe)
    else:
        check(probe)


def check(probe: dict[str, Any]) -> None:
    proof = [raw(x) for x in probe["proof"] or []]
    if "leafIdx" in probe:
        merkle.verify_inclusion(
            raw(probe["leafHash"]),
            probe["leafIdx"],
            probe["treeSize"],
            proof,
            merkle.Root(raw(probe["root"])),
        )
    else:
        merkle.verify_consistency(
            probe["size1"],
            probe["size2"],
            merkle.Root(raw(probe["root1"])),
            merkle.Root(raw(probe["root2"])),
            proof,
        )
