"""The card of a pretrained backbone: what it learned from, how, and what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autosmall.data.views.recipe import PictureRecipe
from autosmall.files import file_sha256
from autosmall.models.backbone_table import BACKBONES
from autosmall.pretraining.plan import PretrainPlan
from autosmall.schema.backbone_source import BackboneSource
from autosmall.schema.pretrain_settings import AUTOENCODER, DISTILL, SUPERVISED

if TYPE_CHECKING:
    from autosmall.data.source_pictures import SourcePictures
    from autosmall.training.pretraining_store import Checkpoint

METHOD_WORDS = {
    SUPERVISED: "It learned to tell the source's classes apart.",
    AUTOENCODER: "It learned, without labels, to take noise away from altered pictures; the decoder"
    " was thrown away.",
    DISTILL: "It learned, without labels, to see altered crops of the pictures as its teacher"
    " sees them.",
}
_NOT_SHOWN = ("source", "output", "overwrite", "quiet", "weights_dir", "trust", "teacher")


@dataclass(frozen=True)
class PretrainFacts:
    """What a card tells.

    Attributes:
        plan: Settings, source and teacher.
        source: The pictures that were used, copies left out.
        picture_count: Pictures learned from.
        held_out_count: Pictures kept back for the probe.
        copies: Pictures left out because they copy those of ``apart_from``.
        unreadable: Files left out because they cannot be read.
        probe_names: What the probe is on.
        checkpoint: The last checkpoint, with the probe's history.
        sha256: Digest of the backbone's file.
        versions: Package name to version.
        date: Day of training, ISO.
    """

    plan: PretrainPlan
    source: SourcePictures
    picture_count: int
    held_out_count: int
    copies: int
    unreadable: tuple[str, ...]
    probe_names: tuple[str, ...]
    checkpoint: Checkpoint
    sha256: str
    versions: Mapping[str, str]
    date: str


def write_pretrain_card(facts: PretrainFacts) -> str:
    """Return the card as Markdown."""
    sections = (
        ("", _opening(facts)),
        ("Use", _use(facts)),
        ("Pictures", _pictures(facts)),
        ("Method", _method(facts)),
        ("Probe", _probe(facts)),
        ("Settings", _settings(facts)),
        ("Provenance", _provenance(facts)),
    )
    parts = [f"# Backbone {facts.plan.settings.output.stem}"]
    for title, lines in sections:
        parts.append("\n".join([f"## {title}", "", *lines] if title else lines))
    return "\n\n".join(parts) + "\n"


def _opening(facts: PretrainFacts) -> list[str]:
    settings = facts.plan.settings
    return [
        f"An extractor of picture features (`{settings.architecture}`), trained by "
        f"`autosmall pretrain` on {facts.date} on {facts.picture_count} pictures of "
        f"`{facts.source.root.name}`, for classifiers of few pictures of a similar kind.",
        "",
        "It takes RGB pictures with values from 0 to 255 and returns its last feature map; scaling "
        f"is inside. It saw pictures of {settings.image_size_px} x {settings.image_size_px} pixels "
        "and does best at about that size.",
    ]


def _use(facts: PretrainFacts) -> list[str]:
    name = facts.plan.settings.output.name
    return ["```", f"autosmall search my_pictures/ --backbone {name}", "```"]


def _pictures(facts: PretrainFacts) -> list[str]:
    source, settings = facts.source, facts.plan.settings
    classes = f"{len(source.classes)} classes: {', '.join(source.classes[:20])}"
    if facts.plan.pictures is not None:
        return _recipe_pictures(facts, facts.plan.pictures)
    lines = [
        f"- Source: `{source.root.name}`, {len(source.paths)} pictures, "
        + (classes if source.is_labelled else "no labels")
        + f"; fingerprint `{facts.plan.source.fingerprint()}`.",
        f"- Learned from: {facts.picture_count}; kept back for the probe: {facts.held_out_count}.",
        "- Their licence is that of whoever published them; a test part was not read.",
    ]
    if settings.apart_from is not None:
        lines.append(
            f"- {facts.copies} pictures were left out as copies of training pictures of "
            f"`{settings.apart_from.name}`. Its test pictures were not looked at, so copies of "
            "these may be among the source's."
        )
    if facts.unreadable:
        lines.append(f"- {len(facts.unreadable)} files could not be read and were left out.")
    return lines


def _recipe_pictures(facts: PretrainFacts, pictures: PictureRecipe) -> list[str]:
    return [
        f"{facts.picture_count} views of {len(facts.source.paths)} pictures and of drawings, as "
        f"the recipe `{facts.source.root.name}` says.",
        "",
        "| source | licence |",
        "|---|---|",
        *(f"| {_cell(s.name)} | {_cell(s.licence) or 'not stated'} |" for s in pictures.sources),
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _method(facts: PretrainFacts) -> list[str]:
    lines = [f"`{facts.plan.settings.method}`: {METHOD_WORDS[facts.plan.settings.method or '']}"]
    if facts.plan.teacher is not None:
        lines += ["", _teacher(facts.plan.teacher)]
    return lines


def _teacher(teacher: BackboneSource) -> str:
    licence = "that of whoever published it"
    if teacher.name in BACKBONES:
        licence = f"{BACKBONES[teacher.name].licence} (Keras Applications)"
    path = Path(teacher.weights_path)
    return (
        f"Teacher: `{teacher.name}` from `{path.name}` (SHA-256 `{file_sha256(path)}`); its "
        f"licence: {licence}."
    )


def _probe(facts: PretrainFacts) -> list[str]:
    checkpoint = facts.checkpoint
    return [
        "A linear head on the frozen features, cross-validated, balanced accuracy, on: "
        f"{', '.join(facts.probe_names)}. The weights are those of step {checkpoint.best_step}, "
        f"with the best probe ({checkpoint.best_score:.3f}); being the best of several, it "
        "flatters a little.",
        "",
        "| step | training loss | probe |",
        "|---|---|---|",
        *(
            f"| {point.step} | "
            + ("untrained" if point.train_loss is None else f"{point.train_loss:.4f}")
            + f" | {point.score:.3f} |"
            for point in checkpoint.history
        ),
    ]


def _settings(facts: PretrainFacts) -> list[str]:
    shown = {name: v for name, v in vars(facts.plan.settings).items() if name not in _NOT_SHOWN}
    return [
        "| setting | value |",
        "|---|---|",
        *(f"| {name} | {_plain(value)} |" for name, value in shown.items() if value is not None),
        f"| steps taken | {facts.checkpoint.step} |",
        f"| seconds | {facts.checkpoint.seconds:.0f} |",
    ]


def _plain(value: object) -> str:
    """Return a setting as text; of paths the name alone, since the rest is nobody's business."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return value.name if isinstance(value, Path) else str(value)


def _provenance(facts: PretrainFacts) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions.items())
    return [
        f"- `{facts.plan.settings.output.name}`: SHA-256 `{facts.sha256}`.",
        f"- Made with {versions}.",
    ]
