"""``python -m ledger.verify PATH...``: see ledger.verify.verdict."""

import sys

from ledger.verify.verdict import main

if __name__ == "__main__":
    sys.exit(main())
