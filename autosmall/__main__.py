"""``python -m autosmall`` is the same as the command ``autosmall``."""

from __future__ import annotations

import sys

from autosmall.cli import main

if __name__ == "__main__":
    sys.exit(main())
