"""Part of a section: what augmentation does to a few of the user's pictures."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from autosmall.analysis.ranking import Ranking
from autosmall.report.numbers import listed
from autosmall.schema.altered_pictures import AlteredPictures
from autosmall.schema.run_data import RunData
from autosmall.schema.settings import INVARIANCES

MIRROR_WORDS = {"mirror": "mirrored", "flip": "turned upside down"}
"""Kinds that happen to half of the pictures, whatever the strength."""

KIND_WORDS = {
    "rotate": "rotated",
    "shift": "shifted",
    "zoom": "zoomed",
    "shear": "sheared",
    "brightness": "made brighter or darker",
    "contrast": "changed in contrast",
    "noise": "given noise",
}
"""Kind of alteration to what happens to a picture, in the order of ``INVARIANCES``."""

WAYS = {
    "affine": "each is {all}",
    "trivial_augment": "each is {any}",
    "rand_augment": "each is changed in up to two of these ways: {any}",
}
"""Policy to what it does to a training picture; ``random_resized_crop`` has no kinds to choose."""


@dataclass(frozen=True)
class AlteredRow:
    """One picture: its name and class, and itself followed by one altered copy per strength, each
    a JPEG in base64 that is not in ``report.json``.
    """

    sample: str
    truth: str
    pictures: tuple[str, ...] = field(metadata={"in_json": False})


@dataclass(frozen=True)
class Augmentation:
    """What augmentation does to a few pictures.

    Attributes:
        trial: The configuration that alters them so; ``None`` where nothing is shown.
        policy: Its policy; empty where nothing is shown.
        strength: Its strength, 0 to 1; 0 where nothing is shown.
        strengths: The strengths shown.
        sentence: What is shown, and whether the recommended configuration does it.
        rows: The pictures.
    """

    trial: int | None
    policy: str
    strength: float
    strengths: tuple[float, ...]
    sentence: str
    rows: tuple[AlteredRow, ...]


def gather(run: RunData, ranking: Ranking) -> Augmentation:
    """Return what the stored altered pictures show, or why there are none."""
    altered, recommended = run.altered_pictures, ranking.recommended
    if altered is None or recommended is None:
        return Augmentation(None, "", 0.0, (), _missing(run, ranking), ())
    return Augmentation(
        altered.trial,
        altered.policy,
        altered.strength,
        altered.strengths,
        in_words(altered, recommended.summary.trial),
        tuple(
            AlteredRow(
                run.sample_names[row],
                run.classes[run.labels[row]],
                tuple(base64.b64encode(jpeg).decode("ascii") for jpeg in pictures),
            )
            for row, pictures in zip(altered.rows, altered.pictures, strict=True)
        ),
    )


def in_words(altered: AlteredPictures, recommended: int) -> str:
    """Return whose augmentation is shown, and what it does."""
    policy = altered.policy.replace("_", " ")
    how = f"({policy}, strength {altered.strength:.2g}): {_what_it_does(altered)}"
    if altered.trial == recommended:
        return (
            f"The recommended configuration trains on randomly altered pictures {how}. If an "
            "altered picture would bear another label, switch that kind off with --invariances."
        )
    return (
        "The recommended configuration trains on the pictures as they are. Shown is what trial "
        f"{altered.trial} does to them, the best configuration that alters any {how}."
    )


def _what_it_does(altered: AlteredPictures) -> str:
    """Return what happens to a training picture each time that it is seen."""
    allowed = [name for name in INVARIANCES if name in altered.invariances]
    kinds = [KIND_WORDS[name] for name in allowed if name in KIND_WORDS]
    done = []
    if altered.policy == "random_resized_crop":
        if "zoom" in allowed:
            done.append("a random part of each is cut out and stretched back")
    elif kinds:
        how = WAYS[altered.policy].format(all=listed(kinds), any=" or ".join(kinds))
        done.append(f"{how}, by random amounts")
    done += [f"half of them are {MIRROR_WORDS[name]}" for name in allowed if name in MIRROR_WORDS]
    return "; ".join(done)


def _missing(run: RunData, ranking: Ranking) -> str:
    if run.settings.get("pictures") is False:
        return "Not shown, as this run leaves all pictures out of its report."
    if run.state == "running":
        return "Shown once the search is over."
    if ranking.recommended is None:
        return "Not shown, as no configuration is complete."
    return "Not shown: no complete configuration alters its training pictures."
