"""A bundle appears whole or not at all; what cannot be written is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import merkle
from ledger.errors import ExportError
from ledger.export import Contents, write_bundle
from ledger.verify import verdict as verify

ENTRIES = [b'{"entry":%d}' % i for i in range(10)]
_, NODES = merkle.Frontier().extend(merkle.leaf_hash(e) for e in ENTRIES)


def good() -> dict[str, Any]:
    return {
        "origin": "hedui/test/node", "size": 10, "entries": ENTRIES, "hashes": NODES,
        "checkpoints": [], "keys": [], "extra": {"policy.toml": b"x"},
    }  # fmt: skip


def test_lays_out_plain_files(tmp_path: Path) -> None:
    write_bundle(tmp_path / "b", Contents(**good()))
    found = {str(p.relative_to(tmp_path / "b")) for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {
        "bundle.json",
        "entries/000000000000.jsonl",
        "hashes/000000000000.bin",
        "extra/policy.toml",
    }
    text = (tmp_path / "b" / "entries" / "000000000000.jsonl").read_bytes()
    assert text == b"".join(entry + b"\n" for entry in ENTRIES)
    assert (tmp_path / "b" / "hashes" / "000000000000.bin").read_bytes() == b"".join(NODES)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an entry with a line break": ({"entries": [*ENTRIES[:9], b"a\nb"]}, "entry 9 was modified"),
    "too few entries": ({"entries": ENTRIES[:9]}, "entry 9 is missing"),
    "too few hashes": ({"hashes": NODES[:-1]}, "stored hash is missing"),
    "a short hash": ({"hashes": [*NODES[:-1], b"x"]}, "32 bytes"),
    "a file name that leads out": ({"extra": {"../x": b""}}, "not a plain file name"),
}


@pytest.mark.parametrize(("change", "words"), BAD.values(), ids=BAD.keys())
def test_what_does_not_fit_leaves_nothing_behind(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=words):
        write_bundle(tmp_path / "b", Contents(**{**good(), **change}))
    assert list(tmp_path.iterdir()) == []


PLACES: dict[str, Callable[[Path], object]] = {
    "there already": lambda path: path.mkdir(),
    "no parent": lambda path: path.parent.rmdir(),
}


@pytest.mark.parametrize("prepare", PLACES.values(), ids=PLACES.keys())
def test_places_where_it_cannot_stand(prepare: Callable[[Path], object], tmp_path: Path) -> None:
    target = tmp_path / "parent" / "b"
    target.parent.mkdir()
    prepare(target)
    with pytest.raises(ExportError, match="b"):
        write_bundle(target, Contents(**good()))


def test_the_page_names_every_verdict() -> None:
    page = (Path(__file__).parents[3] / "docs" / "ledger.md").read_text()
    for kind, code in verify.CODES.items():
        assert f"| {code} | {kind} |" in page
