"""What comes before a pretraining: settings checked, the source read, what was not said chosen.

No Keras here: a mistake is told at once.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from autosmall.data.dataset import read_labelled
from autosmall.data.source_pictures import SourcePictures, read_source
from autosmall.data.views.recipe import PictureRecipe, read_recipe
from autosmall.errors import RunFolderError, SettingsError
from autosmall.models.backbone_registry import find_backbones
from autosmall.models.students import (
    check_student,
    suggest_size_px,
    suggest_student,
)
from autosmall.models.trust import Trust
from autosmall.schema.backbone_source import BUILTIN_AND_PATCHES, PATCHES, BackboneSource
from autosmall.schema.pretrain_settings import (
    AUTOENCODER,
    DISTILL,
    METHODS,
    SUPERVISED,
    PretrainSettings,
    TrainingValues,
)
from autosmall.schema.settings import INVARIANCES

EPOCHS = 40
LEAST_STEPS, MOST_STEPS = 600, 20_000
"""Without ``steps`` and time budget: 40 times all pictures, within these bounds."""
LARGEST_SIZE_PX = 512
IDENTITY_FILE = "identity.json"
RECIPE_SUFFIX = ".toml"

_NOT_IDENTITY = (
    "output",
    "source",
    "apart_from",
    "weights_dir",
    "trust",
    "time_budget_seconds",
)
_SWITCHES = ("overwrite", "quiet")


@dataclass(frozen=True)
class PretrainPlan:
    """A pretraining that can begin.

    Attributes:
        settings: With nothing left unsaid but limits of time and what the method does not need.
        source: The pictures.
        apart_from: Training pictures of the data set that must not be learned from.
        teacher: The backbone to imitate, for ``distill``.
        notes: Sentences for the user: what was found and chosen.
        pictures: Where the source is a recipe: how its pictures become views.
    """

    settings: PretrainSettings
    source: SourcePictures
    apart_from: tuple[Path, ...]
    teacher: BackboneSource | None
    notes: tuple[str, ...]
    pictures: PictureRecipe | None = None

    @property
    def work_dir(self) -> Path:
        """Where checkpoints are kept until the backbone is done."""
        return work_dir_of(self.settings.output)

    @property
    def image_size_px(self) -> int:
        """Side of the pictures in training."""
        assert self.settings.image_size_px is not None
        return self.settings.image_size_px

    def identity(self) -> dict[str, str]:
        """Return name to value of all that must be equal to go on with a pretraining."""
        said = {
            name: repr(value)
            for name, value in vars(self.settings).items()
            if name not in (*_NOT_IDENTITY, *_SWITCHES)
        }
        return {
            **said,
            "source": self.source.fingerprint(),
            "apart_from": self._apart_fingerprint(),
            "teacher": self.teacher.recipe + self.teacher.trusted_sha256 if self.teacher else "",
            "pictures": repr(self.pictures),
        }

    def _apart_fingerprint(self) -> str:
        root = self.settings.apart_from
        return SourcePictures.unlabelled(root, self.apart_from).fingerprint() if root else ""


def work_dir_of(output: Path) -> Path:
    """Return the folder that holds the state of a pretraining to ``output``."""
    return output.with_name(output.name + ".partial")


def card_of(output: Path) -> Path:
    """Return where the card of a backbone file is."""
    return output.with_suffix(".md")


def make_plan(settings: PretrainSettings) -> PretrainPlan:
    """Return the plan; quick, and without importing Keras.

    Raises ``SettingsError``, ``DatasetError``, ``BackboneError`` or ``RunFolderError`` for what
    the user has to mend.
    """
    pictures = None
    if settings.source.suffix == RECIPE_SUFFIX:
        recipe = read_recipe(settings.source)
        settings, pictures = settings.filled(recipe.settings), recipe.pictures
    check_settings(settings)
    check_output(settings)
    source = _source(settings, pictures)
    method = settings.method or (SUPERVISED if source.is_labelled else AUTOENCODER)
    teacher = _teacher(settings, method)
    chosen = _chosen(settings, source, method)
    apart = _training_pictures(settings.apart_from)
    plan = PretrainPlan(chosen, source, apart, teacher, _notes(chosen, source, teacher), pictures)
    _check_work_dir(plan)
    return plan


def _source(settings: PretrainSettings, pictures: PictureRecipe | None) -> SourcePictures:
    if pictures is None:
        wanted = True if settings.method == SUPERVISED else None
        return read_source(settings.source, labels_wanted=wanted)
    if settings.method == SUPERVISED:
        raise _bad("method", SUPERVISED, f"{AUTOENCODER} or {DISTILL}: recipes have no labels")
    return SourcePictures.unlabelled(settings.source, pictures.files())


def check_settings(settings: PretrainSettings) -> None:
    """Raise ``SettingsError`` for the first impossible value."""
    if settings.method is not None and settings.method not in METHODS:
        raise _bad("method", settings.method, "one of " + ", ".join(METHODS))
    for name in settings.invariances or ():
        if name not in INVARIANCES:
            raise _bad("invariances", name, "of " + ", ".join(INVARIANCES))
    for name, least, most in (
        ("image_size_px", 8, LARGEST_SIZE_PX),
        ("steps", 1, math.inf),
        ("batch_size", 2, 4096),
        ("learning_rate", 1e-8, 10.0),
        ("weight_decay", 0.0, 1.0),
        ("augmentation_strength", 0.0, 1.0),
        ("noise_std", 0.0, 2.0),
    ):
        value = getattr(settings, name)
        if value is not None and not least <= value <= most:
            told = f"at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
            raise _bad(name.removesuffix("_px"), value, told)
    budget = settings.time_budget_seconds
    if budget is not None and budget <= 0:
        raise _bad("time_budget", f"{budget:g} seconds", "a positive duration, such as 10m")
    if settings.architecture is not None:
        check_student(settings.architecture, settings.image_size_px)


def check_output(settings: PretrainSettings) -> None:
    """Raise where the output is no ``.keras`` file, exists, or lies within the source."""
    output = settings.output
    if output.suffix != ".keras":
        raise _bad("output", str(output), "a file that ends in .keras")
    if settings.source.is_dir() and output.resolve().is_relative_to(settings.source.resolve()):
        raise SettingsError(
            f"the output {output} lies inside the source {settings.source}",
            "a file outside it: the source is never written to",
            "choose another --output, or run the command from another folder",
        )
    if settings.overwrite:
        return
    for path in (output, card_of(output)):
        if path.exists():
            raise RunFolderError(
                f"{path} exists already",
                "a new file",
                "choose another --output, or --overwrite to replace it",
            )


def _bad(option: str, value: object, expected: str) -> SettingsError:
    return SettingsError(
        f"{option} is {value!r}", expected, f"correct --{option.replace('_', '-')}"
    )


def _teacher(settings: PretrainSettings, method: str) -> BackboneSource | None:
    trust = Trust.named(settings.trust)
    if method != DISTILL:
        trust.check_used((), "a teacher's file")
        if settings.teacher is not None:
            raise SettingsError(
                f"a teacher ({settings.teacher}) for the method {method}",
                f"a teacher for the method {DISTILL} alone",
                f"give --method {DISTILL}, or leave --teacher out",
            )
        return None
    if settings.teacher is None:
        raise SettingsError(
            f"the method {DISTILL} without a teacher",
            "the backbone to imitate",
            "give --teacher NAME, and its weights' folder with --weights-dir",
        )
    source = find_backbones((settings.teacher,), settings.weights_dir, trust).found[0]
    trust.check_used((source.weights_path,), "the teacher's file")
    if source.kind in (PATCHES, BUILTIN_AND_PATCHES):
        raise _bad("teacher", settings.teacher, "a network: a name, or a .keras or .h5 file")
    return source


def _chosen(settings: PretrainSettings, source: SourcePictures, method: str) -> PretrainSettings:
    """Return the settings with everything chosen that was not said."""
    size_px, student = settings.image_size_px, settings.architecture
    if size_px is None:
        size_px = suggest_size_px(source.median_size_px(), student)
    if student is None:
        student = suggest_student(size_px)
    check_student(student, size_px)
    filled = settings.filled(
        {
            "method": method,
            "image_size_px": size_px,
            "architecture": student,
            **vars(TrainingValues()),
        }
    )
    if filled.time_budget_seconds is not None:
        return filled
    steps = math.ceil(EPOCHS * len(source.paths) / filled.training_values().batch_size)
    return filled.filled({"steps": min(max(steps, LEAST_STEPS), MOST_STEPS)})


def _training_pictures(dataset: Path | None) -> tuple[Path, ...]:
    return read_labelled(dataset).paths if dataset is not None else ()


def _notes(
    settings: PretrainSettings, source: SourcePictures, teacher: BackboneSource | None
) -> tuple[str, ...]:
    labels = f"{len(source.classes)} classes" if source.is_labelled else "no labels"
    lesson = {
        SUPERVISED: f"learning to tell {len(source.classes)} classes apart",
        AUTOENCODER: "learning to take noise away, without labels",
        DISTILL: f"learning to see as {teacher.name if teacher else ''} does, without labels",
    }[settings.method or ""]
    length = f"{settings.steps} steps" if settings.steps else "as many steps as the time allows"
    return (
        f"{len(source.paths)} pictures, {labels}: {source.root}",
        f"{settings.method}: {lesson}",
        f"{settings.architecture} at {settings.image_size_px} px, batches of "
        f"{settings.batch_size}, {length}",
    )


def _check_work_dir(plan: PretrainPlan) -> None:
    """Refuse to go on in a folder with another pretraining."""
    path = plan.work_dir / IDENTITY_FILE
    if plan.settings.overwrite or not path.is_file():
        return
    known = json.loads(path.read_text(encoding="utf-8"))
    wanted = plan.identity()
    differing = sorted(name for name in wanted if known.get(name) != wanted[name])
    if differing:
        raise RunFolderError(
            f"{plan.work_dir} holds another pretraining: {', '.join(differing)} differ",
            "the same source and settings, to go on with it",
            "choose another --output, or --overwrite to begin anew",
        )
