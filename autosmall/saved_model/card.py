"""``model_card.md``: what a saved model is, for the person who finds it in a year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autosmall.files import file_sha256
from autosmall.saved_model.card_sections import (
    data_lines,
    decision_lines,
    expected_lines,
    number_text,
    tested_lines,
)
from autosmall.saved_model.pipeline import ARRAYS, Pipeline
from autosmall.schema.backbone_source import PATCHES, BackboneSource
from autosmall.schema.pictures import PictureSpec


@dataclass(frozen=True)
class CardFacts:
    """What a card tells.

    Attributes:
        dataset: The data set's name.
        class_counts: Class name to number of training pictures.
        strategy_title: What people call the strategy.
        trial: Number of the trial whose configuration was trained.
        metrics: Contents of ``metrics.json``.
        backbone: The pretrained part, or ``None``.
        versions: Package name to version.
        date: Day of training, ISO.
    """

    dataset: str
    class_counts: Mapping[str, int]
    strategy_title: str
    trial: int
    metrics: Mapping[str, Mapping[str, object]]
    backbone: BackboneSource | None
    versions: Mapping[str, str]
    date: str


def write_card(facts: CardFacts, pipeline: Pipeline) -> str:
    """Return the card as Markdown."""
    sections = (
        ("", _opening(facts, pipeline)),
        ("Expected score", expected_lines(facts.metrics["search"])),
        ("Test", tested_lines(facts.metrics.get("test"))),
        ("Probabilities and thresholds", decision_lines(facts.metrics, pipeline.decisions)),
        ("How to use it", _use(pipeline)),
        ("Limits", _limits(facts, pipeline)),
        ("Training data", data_lines(facts.class_counts)),
        ("Configuration", _configuration(pipeline)),
        ("Provenance", _provenance(facts, pipeline)),
    )
    parts = [f"# {facts.dataset}: {facts.strategy_title}"]
    for title, lines in sections:
        parts.append("\n".join([f"## {title}", "", *lines] if title else lines))
    return "\n\n".join(parts) + "\n"


def _opening(facts: CardFacts, pipeline: Pipeline) -> list[str]:
    spec = pipeline.picture_spec
    total = sum(facts.class_counts.values())
    return [
        f"An image classifier with {len(pipeline.classes)} classes "
        f"({', '.join(pipeline.classes[:12])}{', …' if len(pipeline.classes) > 12 else ''}), "
        f"trained on {total} labelled pictures of the data set `{facts.dataset}` on {facts.date} "
        f"with the configuration of trial {facts.trial}.",
        "",
        f"It takes pictures of {_size_words(spec)} "
        f"({spec.color_mode}, resize policy `{spec.resize_policy}`) with values from 0 to 255 and "
        "returns one probability per class; scaling is inside the model.",
    ]


def _size_words(spec: PictureSpec) -> str:
    side = f"{spec.image_size_px} x {spec.image_size_px} pixels"
    if not spec.is_native:
        return side
    return f"any shape, made by `autosmall predict` to about their own size, at most {side} in area"


def _use(pipeline: Pipeline) -> list[str]:
    lines = [
        "```",
        "autosmall predict THIS_FOLDER pictures/ --csv predictions.csv",
        "autosmall evaluate THIS_FOLDER labelled_pictures/",
        "```",
        "",
        "```python",
        "import autosmall",
        "",
        'table = autosmall.load_model("THIS_FOLDER").predict(["picture.jpg"])',
        "```",
        "",
    ]
    if pipeline.kind == ARRAYS:
        return [*lines, "This model is no neural network and cannot be exported to other formats."]
    return [
        *lines,
        "`autosmall export THIS_FOLDER --format onnx` (or `tflite`, `saved-model`) writes it for "
        "other programs, which must make their pictures as `pipeline.json` says.",
    ]


def _limits(facts: CardFacts, pipeline: Pipeline) -> list[str]:
    rarest = min(facts.class_counts, key=lambda name: facts.class_counts[name])
    return [
        "- It knows its classes only: a picture of anything else gets one of them all the same.",
        "- Scores hold for pictures taken as the training pictures were; another camera, light or "
        "background is another task.",
        f"- The rarest class, `{rarest}`, had {facts.class_counts[rarest]} training pictures.",
        "- Probabilities are calibrated for pictures and class shares like those in training.",
        "- `samples.npz` holds up to 16 small training pictures, by which copies and exports are "
        "checked. If these must not be seen, delete it before passing the model on; exports can "
        "then no longer be checked, so make them first.",
    ]


def _configuration(pipeline: Pipeline) -> list[str]:
    return [
        "| setting | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in pipeline.config.to_dict().items()),
    ]


def _provenance(facts: CardFacts, pipeline: Pipeline) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    training, reload = facts.metrics["training"], facts.metrics["reload"]
    return [
        f"- Pretrained weights: {_backbone(facts.backbone)}",
        f"- Trained weights: {training['trainable_parameters']} of "
        f"{training['total_parameters']}, in {number_text(training['fit_seconds'])} s.",
        f"- On the machine that made it, a picture takes {training['seconds_per_picture']} s, read "
        "from its file together with others.",
        f"- `{pipeline.model_file}`: SHA-256 `{pipeline.sha256}`.",
        f"- Reloaded in a fresh process, it predicted {reload['pictures']} training pictures from "
        f"their files within {reload['largest_difference']:.1e} of what was measured after "
        f"training (allowed: {reload['tolerance']:.0e}).",
        f"- Made with {versions}.",
    ]


def _backbone(source: BackboneSource | None) -> str:
    if source is None:
        return "none; everything was learned from the training pictures."
    if source.name == PATCHES:
        return "none; the patches were learned from the training pictures."
    path = Path(source.weights_path)
    digest = f", SHA-256 `{file_sha256(path)}`" if path.is_file() else ""
    return (
        f"`{source.name}` from `{path.name}`{digest}. Its licence is that of whoever published it."
    )
