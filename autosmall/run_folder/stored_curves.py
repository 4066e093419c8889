"""The curves of a stored fold, read from its file but parsed only when somebody looks at them.

A report reads the curves of thousands of folds and shows those of a few hundred.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import cached_property

from autosmall.files import read_file


class StoredCurves(Mapping[str, tuple[float, ...]]):
    """Curve name to one value per epoch, NaN for null, from the text of a JSON object."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def __getitem__(self, name: str) -> tuple[float, ...]:
        """Return a curve; ``KeyError`` where there is none."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return the number of curves."""
        return len(self._values)

    @cached_property
    def _values(self) -> dict[str, tuple[float, ...]]:
        return {
            name: tuple(math.nan if value is None else float(value) for value in values)
            for name, values in json.loads(self._text).items()
        }


def read_stored_curves(path: str) -> StoredCurves | None:
    """Return the curves in a file, or ``None`` where it is missing, cut short or empty.

    The file holds one flat object, so its only ``}`` is the last thing in it.
    """
    try:
        text = read_file(path)
    except OSError:
        return None
    return StoredCurves(text) if text[:1] == b"{" and text[-4:].rstrip()[-1:] == b"}" else None
