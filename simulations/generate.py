"""Generate proto/python from the wire contract, or check that it is what the contract gives.

Usage: python generate.py [--check]
"""

import filecmp
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "proto"
TARGET = SOURCE / "python"


def generate(target: Path) -> None:
    """Write modules, stubs and services for every file of hedui/v1 below ``target``."""
    files = sorted(str(p.relative_to(SOURCE)) for p in (SOURCE / "hedui" / "v1").glob("*.proto"))
    outputs = [f"--{kind}_out={target}" for kind in ("python", "pyi", "grpc_python")]
    if protoc.main(["protoc", f"-I{SOURCE}", *outputs, *files]):
        sys.exit("generate: protoc failed; its message stands above")


def drift(target: Path) -> list[str]:
    """Names of generated files that differ from the committed ones, or are missing or left over."""
    fresh, committed = target / "hedui" / "v1", TARGET / "hedui" / "v1"
    names = {p.name for folder in (fresh, committed) for p in folder.glob("*.py*")}
    _, changed, missing = filecmp.cmpfiles(fresh, committed, sorted(names), shallow=False)
    return sorted(changed + missing)


def main() -> None:
    """Generate, or with --check compare and exit 1 on drift."""
    if "--check" not in sys.argv[1:]:
        generate(TARGET)
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        changed = drift(Path(folder))
    if changed:
        sys.exit(f"generate: not what proto/ gives: {', '.join(changed)}; run `make proto`")


if __name__ == "__main__":
    main()
