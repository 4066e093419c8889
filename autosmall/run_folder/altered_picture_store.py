"""Where the pictures that augmentation made are stored: ``assets/augmentation.json``."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path

from autosmall.files import write_json
from autosmall.schema.altered_pictures import AlteredPictures

FILE = Path("assets") / "augmentation.json"


def write_altered_pictures(run_dir: Path, altered: AlteredPictures) -> None:
    """Write the file, in place of an earlier one; pictures are JPEG in base64."""
    pictures = [
        [base64.b64encode(jpeg).decode("ascii") for jpeg in row] for row in altered.pictures
    ]
    write_json(run_dir / FILE, {**asdict(altered), "pictures": pictures})


def read_altered_pictures(run_dir: Path) -> AlteredPictures | None:
    """Return what is stored, or ``None`` where nothing is or the file is torn."""
    try:
        stored = json.loads((run_dir / FILE).read_text(encoding="utf-8"))
        return AlteredPictures(
            trial=int(stored["trial"]),
            policy=str(stored["policy"]),
            strength=float(stored["strength"]),
            invariances=tuple(stored["invariances"]),
            strengths=tuple(stored["strengths"]),
            rows=tuple(stored["rows"]),
            pictures=tuple(
                tuple(base64.b64decode(jpeg) for jpeg in row) for row in stored["pictures"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
