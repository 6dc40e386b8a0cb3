"""Set up a virtual environment: locked dependencies, then this checkout, editable.

Standard library only: it runs before anything is installed. Usage: python setup.py [VENV]
"""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Create or mend the environment; a second run is quick and changes nothing."""
    if sys.version_info < (3, 11):  # noqa: UP036 - runs before pip could refuse
        sys.exit(f"Hedui needs Python 3.11 or later; this is {sys.version.split()[0]}")
    target = ROOT / (sys.argv[1] if len(sys.argv) > 1 else ".venv")
    python = target / "bin" / "python"
    if not python.exists():
        print(f"setup: creating {target}", flush=True)
        venv.create(target, with_pip=True)
    print("setup: installing the locked dependencies (once)", flush=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", str(ROOT / "requirements.lock")])
    run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])


def run(command: list[str]) -> None:
    """Run one step; stop with its exit code if it fails."""
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code:
        sys.exit(f"setup: failed: {' '.join(command)}")


if __name__ == "__main__":
    main()
