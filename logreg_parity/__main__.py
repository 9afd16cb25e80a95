"""``python -m logreg_parity`` is ``logreg-parity``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
