"""Counts how often pictures kept back for the end have been opened, in ``test_openings.json``.

A test score is only worth its name the first time: whoever looks, changes something and looks
again has chosen on the test. Nothing forbids it here, but it is counted and shown.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from autosmall.errors import RunFolderError
from autosmall.files import write_json

OPENINGS_FILE = "test_openings.json"


def record_opening(run: Path, place: str, model_sha256: str, by: str) -> int:
    """Note that the pictures at ``place`` are about to be opened; return how often they were.

    The first opening returns 1. Raises :class:`~autosmall.errors.RunFolderError` where the file
    cannot be read or written: an opening that cannot be counted must not happen.
    """
    openings = _read(run / OPENINGS_FILE)
    entry = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "pictures": place,
        "model_sha256": model_sha256,
        "by": by,
    }
    write_json(run / OPENINGS_FILE, [*openings, entry])
    return 1 + sum(earlier["pictures"] == place for earlier in openings)


def opened_places(run: Path) -> tuple[str, ...]:
    """Return the place of each opening so far, in order.

    Raises :class:`~autosmall.errors.RunFolderError` where the file cannot be read.
    """
    return tuple(entry["pictures"] for entry in _read(run / OPENINGS_FILE))


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    try:
        openings = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(entry["pictures"], str) for entry in openings):
            raise TypeError("entries without pictures")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunFolderError(
            f"{path} cannot be read: {error}",
            "the list of openings of the test pictures",
            "mend the file, or delete it and with it the count",
        ) from error
    return list(openings)
