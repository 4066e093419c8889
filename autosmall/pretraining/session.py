"""One sitting of a pretraining, from settings to a backbone file with its card."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autosmall.data.copies import copied_rows
from autosmall.data.source_pictures import DecodedPictures, SourcePictures, decode_source
from autosmall.data.views.bank import build_bank
from autosmall.data.views.recipe import PictureRecipe
from autosmall.data.views.sources import read_source_picture
from autosmall.errors import DatasetError, SettingsError
from autosmall.files import file_sha256, write_json, write_text
from autosmall.pretraining.card import PretrainFacts, write_pretrain_card
from autosmall.pretraining.plan import IDENTITY_FILE, PretrainPlan, card_of, make_plan
from autosmall.pretraining.status import status_lines
from autosmall.progress import Progress, make_progress
from autosmall.quiet import import_keras
from autosmall.run_folder.lock import RunLock
from autosmall.schema.pretrain_settings import SUPERVISED, PretrainSettings
from autosmall.versions import package_versions

if TYPE_CHECKING:
    from autosmall.training.pretraining_setup import PreparedTask, TaskRequest
    from autosmall.training.pretraining_store import Checkpoint, PretrainingStore
    from autosmall.training.pretraining_tasks import PretrainingOptions

VIEWS_FOLDER = "views"
COPIES_FILE = "copies.json"
BACKBONE_FILE = "backbone.keras"
MOST_NAMED = 5
PACKAGES = ("autosmall", "keras", "tensorflow", "numpy", "pillow", "scikit-learn")


@dataclass(frozen=True)
class PretrainResult:
    """A trained backbone.

    Attributes:
        path: The ``.keras`` file: RGB pictures of 0 to 255 to the last feature map.
        card: Its card, Markdown.
        step: The step its weights are from.
        probe: Their probe, a balanced accuracy.
        untrained_probe: The probe of the same network before its first step.
    """

    path: Path
    card: Path
    step: int
    probe: float
    untrained_probe: float

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        return (
            f"Backbone of step {self.step}, with the best probe: {self.probe:.3f} "
            f"(untrained {self.untrained_probe:.3f})."
        )


def run_pretrain(settings: PretrainSettings, progress: Progress | None = None) -> PretrainResult:
    """Train a backbone as ``settings`` say, or go on with it, and write it and its card.

    Raises what :func:`~autosmall.pretraining.plan.make_plan` raises, ``DatasetError`` where too few
    pictures can be read, and ``SettingsError`` where training diverges. ``KeyboardInterrupt``
    passes through with the state kept.
    """
    began = time.monotonic()
    plan = make_plan(settings)
    shown = make_progress(settings.quiet) if progress is None else progress
    with contextlib.closing(shown):
        if settings.overwrite:
            shutil.rmtree(plan.work_dir, ignore_errors=True)
        with RunLock(plan.work_dir):
            for note in plan.notes:
                shown.note(note)
            result = _train_and_save(plan, shown, began)
        shutil.rmtree(plan.work_dir)
    return result


def _train_and_save(plan: PretrainPlan, progress: Progress, began: float) -> PretrainResult:
    write_json(plan.work_dir / IDENTITY_FILE, plan.identity())
    source, copies = _without_copies(plan, progress)
    decoded = _decoded(plan, source, progress)
    import_keras()
    from autosmall.training.pretraining_setup import prepare_task, save_backbone
    from autosmall.training.pretraining_store import PretrainingStore

    request = _request(plan, source, decoded)
    prepared = prepare_task(request, progress.step)
    store = PretrainingStore(plan.work_dir)
    checkpoint = _train(plan, prepared, store, progress, began)
    save_backbone(request, store.best_weights(checkpoint), plan.work_dir / BACKBONE_FILE)
    facts = PretrainFacts(
        plan=plan,
        source=source,
        picture_count=len(decoded.labels) - prepared.held_out_count,
        held_out_count=prepared.held_out_count,
        copies=copies,
        unreadable=decoded.unreadable,
        probe_names=prepared.probe.names,
        checkpoint=checkpoint,
        sha256=file_sha256(plan.work_dir / BACKBONE_FILE),
        versions=package_versions(PACKAGES),
        date=datetime.now(UTC).date().isoformat(),
    )
    return _publish(plan, facts)


def _without_copies(plan: PretrainPlan, progress: Progress) -> tuple[SourcePictures, int]:
    """Return the source without copies of the pictures it must keep apart from, and their number.

    What was found is kept, so that going on does not look at all pictures again.
    """
    if not plan.apart_from:
        return plan.source, 0
    path = plan.work_dir / COPIES_FILE
    if not path.is_file():
        copied = copied_rows(
            plan.source.paths,
            plan.apart_from,
            lambda done, total: progress.step("looking for copies", done, total),
        )
        write_json(path, np.flatnonzero(copied).tolist())
    keep = np.ones(len(plan.source.paths), np.bool_)
    keep[json.loads(path.read_text(encoding="utf-8"))] = False
    copies = int((~keep).sum())
    progress.note(
        f"{copies} of {len(keep)} pictures copy training pictures of "
        f"{plan.settings.apart_from} and are left out; its test pictures were not looked at"
    )
    return _usable(plan, plan.source.subset(keep)), copies


def _usable(plan: PretrainPlan, source: SourcePictures) -> SourcePictures:
    too_few_classes = plan.settings.method == SUPERVISED and len(source.classes) < 2
    if len(source.paths) < 2 or too_few_classes:
        raise DatasetError(
            f"without copies {len(source.paths)} pictures of {source.root} are left, in "
            f"{len(source.classes)} classes",
            "another set of pictures than the one the backbone is for",
            "name a larger, related set as the source",
        )
    return source


def _decoded(plan: PretrainPlan, source: SourcePictures, progress: Progress) -> DecodedPictures:
    if plan.pictures is not None:
        return _views(plan, plan.pictures, source, progress)
    decoded = decode_source(
        source,
        plan.image_size_px,
        plan.work_dir,
        lambda done, total: progress.step("reading pictures", done, total),
    )
    for name in decoded.unreadable[:MOST_NAMED]:
        progress.note(f"cannot be read and is left out: {name}")
    return decoded


def _views(
    plan: PretrainPlan, pictures: PictureRecipe, source: SourcePictures, progress: Progress
) -> DecodedPictures:
    views = build_bank(
        plan.work_dir / VIEWS_FOLDER,
        tuple(read_source_picture(path) for path in source.paths),
        pictures.view_count,
        plan.image_size_px,
        pictures.mixture,
        plan.settings.training_values().seed,
        processes=os.cpu_count() or 1,
        on_progress=lambda done, total: progress.step("drawing views", done, total),
    )
    return DecodedPictures(views, np.zeros(len(views), np.int64), ())


def _request(plan: PretrainPlan, source: SourcePictures, decoded: DecodedPictures) -> TaskRequest:
    from autosmall.training.pretraining_setup import TaskRequest

    settings = plan.settings
    supervised = settings.method == SUPERVISED
    return TaskRequest(
        method=settings.method or "",
        architecture=settings.architecture or "",
        options=training_options(settings),
        pixels=decoded.pixels,
        labels=decoded.labels,
        class_count=len(source.classes) if supervised else 0,
        teacher=plan.teacher,
        work_dir=plan.work_dir,
        are_views=plan.pictures is not None,
    )


def training_options(settings: PretrainSettings) -> PretrainingOptions:
    """Return how a task trains, as resolved settings say."""
    from autosmall.training.augmentation import Augmenter
    from autosmall.training.pretraining_tasks import PretrainingOptions

    said = settings.training_values()
    return PretrainingOptions(
        batch_size=said.batch_size,
        learning_rate=said.learning_rate,
        weight_decay=said.weight_decay,
        augmenter=Augmenter("affine", said.augmentation_strength, frozenset(said.invariances)),
        noise_std=said.noise_std,
        seed=said.seed,
    )


def _train(
    plan: PretrainPlan,
    prepared: PreparedTask,
    store: PretrainingStore,
    progress: Progress,
    began: float,
) -> Checkpoint:
    from autosmall.training.pretraining import (
        LossIsNoNumberError,
        PretrainingLimits,
        run_pretraining,
    )

    settings = plan.settings
    before = time.monotonic() - began
    limits = PretrainingLimits(settings.steps, settings.time_budget_seconds, before)
    stored = store.read().step
    if stored:
        progress.note(f"going on from step {stored}; nothing is done twice")

    try:
        return run_pretraining(
            prepared.task,
            prepared.probe,
            store,
            limits,
            lambda view: progress.status(status_lines(view)),
        )
    except LossIsNoNumberError as error:
        raise SettingsError(
            f"the loss is no number at step {error.step}: training has diverged",
            "a learning rate at which it does not",
            f"give a --learning-rate below {settings.learning_rate:g}, and --overwrite",
        ) from error


def _publish(plan: PretrainPlan, facts: PretrainFacts) -> PretrainResult:
    """Write the card, then move the backbone to its place: where it is, all is there."""
    output, checkpoint = plan.settings.output, facts.checkpoint
    write_text(card_of(output), write_pretrain_card(facts))
    (plan.work_dir / BACKBONE_FILE).replace(output)
    return PretrainResult(
        path=output,
        card=card_of(output),
        step=checkpoint.best_step,
        probe=checkpoint.best_score,
        untrained_probe=checkpoint.history[0].score,
    )
