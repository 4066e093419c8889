"""The process that alters a few pictures after a search, so that the search needs no TensorFlow.

Run as ``python -m autosmall.searching.altered_picture_child RUN``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from autosmall.child import answer_parent
from autosmall.searching.altered_pictures import show_augmentation


def main() -> None:
    """Store what augmentation makes of a few pictures, and answer whether there is any."""
    answer_parent(lambda: {"altered": show_augmentation(Path(sys.argv[1]))})


if __name__ == "__main__":
    main()
