"""Install the public packages that benches are measured against, each in its own environment.

Standard library only. Usage: python peers.py [FOLDER]
"""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PEERS = {
    "heu": ["--pre", "sf-heu==0.5.2b0", "numpy<2"],
    "tno": [
        "tno.mpc.protocols.secure_comparison==4.4.0",
        "tno.mpc.encryption_schemes.utils==0.12.3",
        "gmpy2",
    ],
    "psi": ["openmined-psi==2.0.6"],
    "merkle": ["pymerkle==7.0.0"],
}


def main() -> None:
    """Create what is missing; a peer that cannot be installed here is named and left out."""
    folder = ROOT / (sys.argv[1] if len(sys.argv) > 1 else ".peers")
    for name, packages in PEERS.items():
        python = folder / name / "bin" / "python"
        if not python.exists():
            venv.create(folder / name, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", *packages]
        code = subprocess.run(command, check=False).returncode
        print(f"{name}: {'installed' if code == 0 else 'not installed, its rows use records'}")


if __name__ == "__main__":
    main()
