"""``model_card.md``: what a saved model is, for the person who finds it in a year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autosmall.files import file_sha256
from autosmall.pipeline import ARRAYS, Pipeline
from autosmall.schema.backbone_source import PATCHES, BackboneSource
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.settings import METRICS


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
        ("Expected score", _expected(facts)),
        ("Test", _test(facts)),
        ("How to use it", _use(pipeline)),
        ("Limits", _limits(facts, pipeline)),
        ("Training data", _data(facts)),
        ("Configuration", _configuration(pipeline)),
        ("Provenance", _provenance(facts, pipeline)),
    )
    parts = [f"# {facts.dataset}: {facts.strategy_title}"]
    for title, lines in sections:
        parts.append("\n".join([f"## {title}", "", *lines] if title else lines))
    return "\n\n".join(parts) + "\n"


def expected_sentence(search: Mapping[str, object]) -> str:
    """Return the search's estimate in words: ``accuracy 0.941 (95 % interval 0.90 to 0.97)``."""
    corrected = search["corrected_score"]
    value = _number(search["naive_score"] if corrected is None else corrected)
    interval = search["corrected_interval"]
    if not isinstance(interval, list):
        return f"{search['metric']} {value}"
    low, high = map(_number, interval)
    return f"{search['metric']} {value} (95 % interval {low} to {high})"


def opened_words(count: int) -> str:
    """Return ``opened once`` or ``opened 3 times``."""
    return "opened once" if count == 1 else f"opened {count} times"


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


def _expected(facts: CardFacts) -> list[str]:
    search = facts.metrics["search"]
    lines = [f"Cross-validation in the search expects **{expected_sentence(search)}** "]
    if search["corrected_score"] is None:
        lines[0] += "on pictures like the training pictures."
        lines.append(
            "This configuration is not the search's recommendation: the score is its own mean over "
            "the folds and takes no account of its having been picked."
        )
        return lines
    lines[0] += "on pictures like the training pictures, corrected for the choice among many."
    lines.append(f"Without that correction it was {_number(search['naive_score'])}.")
    return lines


def _test(facts: CardFacts) -> list[str]:
    test = facts.metrics.get("test")
    if test is None:
        return ["No test pictures were kept back: the expected score above is all there is."]
    opened = test["opened"]
    assert isinstance(opened, int)
    scores = {name: value for name, value in test.items() if name in METRICS}
    return [
        f"Scored on {test['n']} pictures that took no part in the search "
        f"({test['part']}), {opened_words(opened)}.",
        *(["A test that is opened repeatedly says less each time."] if opened > 1 else []),
        "",
        "| metric | value |",
        "|---|---|",
        *(f"| {name} | {_number(value)} |" for name, value in scores.items()),
    ]


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
        "- Probabilities are the model's own and have not been calibrated on unseen pictures.",
        "- `samples.npz` holds up to 16 small training pictures, by which copies and exports are "
        "checked. If these must not be seen, delete it before passing the model on; exports can "
        "then no longer be checked, so make them first.",
    ]


def _data(facts: CardFacts) -> list[str]:
    return [
        "| class | pictures |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in facts.class_counts.items()),
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
        f"{training['total_parameters']}, in {_number(training['fit_seconds'])} s.",
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


def _number(value: object) -> str:
    if value is None:
        return "undefined"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
