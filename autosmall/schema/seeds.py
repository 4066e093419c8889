"""Seeds derived from what they are for, so that they do not depend on who works when."""

from __future__ import annotations

import hashlib


def derive_seed(run_seed: int, *purpose: int | str) -> int:
    """Return a seed in ``[0, 2**31)`` that is a function of the run's seed and its purpose.

    ``derive_seed(0, "fit", trial, fold)`` is equal in every process and on every machine.
    """
    text = "/".join(str(part) for part in (run_seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
