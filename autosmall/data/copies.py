"""Copies of a data set's training pictures among other pictures, found as the audit finds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.data.duplicates import pairs_between
from autosmall.data.inspection import inspect_pictures, stack_hashes, stack_thumbnails


def copied_rows(
    paths: Sequence[Path],
    others: Sequence[Path],
    on_progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.bool_]:
    """Return ``bool (len(paths),)``: which pictures show one of ``others``.

    Crops, recompressed and dimmed copies count as well (see :mod:`autosmall.data.duplicates`). Each
    file is decoded once; one that cannot be read is no copy.
    """
    facts = inspect_pictures((*paths, *others), on_progress)
    own, other = facts[: len(paths)], facts[len(paths) :]
    known = {fact.digest for fact in other if fact.digest}
    copied = np.array([fact.digest in known for fact in own], np.bool_)
    readable = np.flatnonzero([not fact.problem for fact in own])
    other_readable = [fact for fact in other if not fact.problem]
    if len(readable) and other_readable:
        pairs = pairs_between(
            stack_hashes(own)[readable],
            stack_thumbnails(own)[readable],
            stack_hashes(other_readable),
            stack_thumbnails(other_readable),
        )
        copied[readable[pairs[:, 0]]] = True
    return copied
