"""Part of a section: which alterations keep the label."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

from autosmall.analysis.label_keeping import (
    HARMLESS,
    HURTS,
    Example,
    LabelKeeping,
    Transformation,
    check_label_keeping,
)
from autosmall.report.numbers import listed, points_text, signed_interval_text
from autosmall.schema.config import Value
from autosmall.schema.run_data import RunData

KIND_NOUNS = {
    "mirror": "mirroring",
    "flip": "turning upside down",
    "rotate": "rotating",
    "shift": "shifting",
    "zoom": "zooming",
    "shear": "shearing",
    "brightness": "changing the brightness",
    "contrast": "changing the contrast",
    "noise": "noise",
}
"""Kind to what is done to a picture."""

WHOLE_KINDS = ("mirror", "flip")
"""Kinds that are done or not; the others come in degrees, and augmentation may use a little."""


@dataclass(frozen=True)
class ShownExample:
    """A picture before and after (JPEG in base64, not in ``report.json``) and what it is taken
    for, with probabilities from 0 to 1.
    """

    sample: str
    truth: str
    before: str
    after: str
    p_before: float
    p_after: float
    plain: str = field(metadata={"in_json": False})
    changed: str = field(metadata={"in_json": False})


@dataclass(frozen=True)
class KindFacts:
    """One kind of alteration: its numbers, in words what is done, and pictures."""

    kind: str
    noun: str
    allowed: bool
    right: float
    lost: float
    lost_low: float
    lost_high: float
    log_loss: float
    log_loss_low: float
    log_loss_high: float
    sureness: float
    verdict: str
    swap: str
    examples: tuple[ShownExample, ...]


@dataclass(frozen=True)
class LabelKeepingFacts:
    """Which alterations keep the label, as far as a model tells.

    Attributes:
        trial: Whose models were asked; ``None`` where none were.
        pictures: Held-out pictures that they were asked about.
        right: Share of them that is right as they are.
        sentence: The answer, or why there is none.
        advice: What to do about it; empty where there is nothing to do.
        option: The value of ``--invariances`` without the :data:`WHOLE_KINDS` that hurt; empty
            where none of these that is allowed does.
        caution: What the check cannot show.
        kinds: One row per kind.
    """

    trial: int | None
    pictures: int
    right: float
    sentence: str
    advice: str
    option: str
    caution: str
    kinds: tuple[KindFacts, ...]


def advised_against(found: LabelKeepingFacts) -> tuple[KindFacts, ...]:
    """Return the kinds that ``option`` leaves out, the most harmful first."""
    if not found.option:
        return ()
    hurting = [
        row
        for row in found.kinds
        if row.verdict == HURTS and row.allowed and row.kind in WHOLE_KINDS
    ]
    return tuple(sorted(hurting, key=lambda row: -row.lost))


def gather(run: RunData) -> LabelKeepingFacts:
    """Return what the stored predictions for altered pictures show."""
    found = check_label_keeping(run)
    if found is None:
        return LabelKeepingFacts(None, 0, 0.0, _missing(run), "", "", "", ())
    hurting = [row for row in found.rows if row.verdict == HURTS]
    option = option_without(run, hurting)
    return LabelKeepingFacts(
        found.trial,
        found.pictures,
        found.right,
        answer(found),
        advice(hurting, option),
        option,
        caution(run, found.trial),
        tuple(_kind(run, row) for row in found.rows),
    )


def answer(found: LabelKeeping) -> str:
    """Return what hurts most, what else does, and of what these pictures cannot tell."""
    hurting = sorted(
        (row for row in found.rows if row.verdict == HURTS), key=lambda row: -row.lost.value
    )
    open_kinds = [KIND_NOUNS[r.kind] for r in found.rows if r.verdict not in (HURTS, HARMLESS)]
    if not hurting:
        said = "No kind of alteration is shown to hurt."
    else:
        said = " ".join([_worst(hurting[0]), *map(_cost, hurting[1:])])
    if open_kinds:
        said += f" Of {listed(open_kinds)} these pictures cannot tell."
    return said


def advice(hurting: Sequence[Transformation], option: str) -> str:
    """Return what to do about alterations that hurt and that augmentation may use."""
    if not hurting:
        return ""
    if not any(row.allowed for row in hurting):
        return "Augmentation does not use what hurts; leave it so."
    said = "Look at the pictures. "
    if option:
        said += (
            "Where you would give a mirrored or turned one another label, search again without "
            "that kind, into another folder. "
        )
    return said + (
        "Where the label stays, keep the kind: a model that trains on it may learn to bear with "
        "it, and of what comes in degrees augmentation mostly uses less than was tried here."
    )


def option_without(run: RunData, hurting: Sequence[Transformation]) -> str:
    """Return the allowed kinds without the :data:`WHOLE_KINDS` that hurt; empty without such."""
    harmful = {row.kind for row in hurting if row.allowed and row.kind in WHOLE_KINDS}
    stored = run.settings.get("invariances")
    if not harmful or not isinstance(stored, tuple):
        return ""
    return ",".join(kind for kind in stored if kind not in harmful) or "none"


def caution(run: RunData, trial: int) -> str:
    """Return what the check can and cannot show of the configuration that was asked."""
    config = next(t.suggestion.config for t in run.trials if t.number == trial)
    if _trained_on_altered(config.to_dict()):
        return (
            f"Asked was trial {trial} ({config.strategy}), which trained on altered pictures and "
            "so has learned to bear with them: that a kind hurts is shown all the more, that it "
            "does not hurt proves little."
        )
    return (
        f"Asked was trial {trial} ({config.strategy}), the best that never saw an altered picture "
        "in training: what hurts it may have changed the label, or may merely be new to it."
    )


def _trained_on_altered(values: dict[str, Value]) -> bool:
    return values.get("augmentation", "none") != "none" or int(values.get("views", 1)) > 1


def _worst(row: Transformation) -> str:
    said = _cost(row, " of accuracy")
    if row.swap is None:
        return said
    return f"{said[:-1]}; most often {row.swap.truth} is then taken for {row.swap.taken_for}."


def _cost(row: Transformation, what: str = "") -> str:
    noun = KIND_NOUNS[row.kind]
    points = points_text("accuracy", row.lost.value, (row.lost.high - row.lost.low) / 2)
    between = signed_interval_text("accuracy", -row.lost.high, -row.lost.low)
    return f"{noun[:1].upper()}{noun[1:]} costs {points}{what} ({between})."


def _kind(run: RunData, row: Transformation) -> KindFacts:
    return KindFacts(
        kind=row.kind,
        noun=KIND_NOUNS[row.kind],
        allowed=row.allowed,
        right=row.right,
        lost=row.lost.value,
        lost_low=row.lost.low,
        lost_high=row.lost.high,
        log_loss=row.log_loss.value,
        log_loss_low=row.log_loss.low,
        log_loss_high=row.log_loss.high,
        sureness=row.sureness,
        verdict=row.verdict,
        swap=f"{row.swap.truth} → {row.swap.taken_for} ({row.swap.times})" if row.swap else "",
        examples=tuple(_example(run, example) for example in row.examples),
    )


def _example(run: RunData, example: Example) -> ShownExample:
    plain, changed = (
        base64.b64encode(jpeg).decode("ascii")
        for jpeg in (example.picture.plain, example.picture.changed)
    )
    return ShownExample(
        run.sample_names[example.row],
        example.truth,
        example.before,
        example.after,
        example.p_before,
        example.p_after,
        plain,
        changed,
    )


def _missing(run: RunData) -> str:
    if run.state == "running":
        return "This is asked after the search, as far as the time budget allows."
    return (
        "This was not tested. It needs the fold models of a complete configuration that looks at "
        "pictures, and time: the same command with a larger --time-budget does it."
    )
