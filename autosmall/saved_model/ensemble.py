"""Several saved models that vote: ``ensemble.json`` and the folders of its members.

::

    ensemble.json       weights, classes, temperature, thresholds, the members' digests
    members/<name>/     a complete saved model each; its own pipeline prepares its pictures
    labels.txt, model_card.md, metrics.json   as for a single model
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall import __version__
from autosmall.errors import ModelFileError
from autosmall.files import write_json
from autosmall.models.temperature import scale_probabilities
from autosmall.saved_model.decisions import Decisions, read_decisions
from autosmall.saved_model.pipeline import check_format
from autosmall.saved_model.predictor import Predictor, Probabilities

ENSEMBLE_FILE = "ensemble.json"
MEMBERS_FOLDER = "members"
FORMAT_VERSION = 1
_MEND = "copy the model's folder again, or write it anew with: autosmall retrain RUN --ensemble"


@dataclass(frozen=True)
class Member:
    """A member: its folder's name below ``members``, its weight in the vote, its digest."""

    name: str
    weight: float
    sha256: str


@dataclass(frozen=True)
class EnsembleDescription:
    """Contents of ``ensemble.json``; weights are positive and sum to 1."""

    members: tuple[Member, ...]
    classes: tuple[str, ...]
    decisions: Decisions
    autosmall_version: str = __version__


@dataclass(frozen=True)
class SavedEnsemble(Predictor):
    """Several models, of which the probabilities are averaged and then scaled.

    Attributes:
        folder: Where it was read from.
        description: Contents of ``ensemble.json``.
        models: The members, in the order of ``description.members``.
    """

    folder: Path
    description: EnsembleDescription
    models: tuple[Predictor, ...] = field(repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the probabilities."""
        return self.description.classes

    @property
    def decisions(self) -> Decisions:
        """The temperature of the vote, and the thresholds."""
        return self.description.decisions

    @property
    def sha256(self) -> str:
        """Digest over the members' digests and weights."""
        told = json.dumps(
            [[m.sha256, m.weight] for m in self.description.members]
            + [[self.decisions.temperature]]
        )
        return hashlib.sha256(told.encode()).hexdigest()

    def predict_files(self, paths: Sequence[Path]) -> tuple[Probabilities, dict[int, str]]:
        """Return ``float32 (n, n_classes)``, NaN in rows that cannot be read, and row to reason."""
        votes: list[Probabilities] = []
        problems: dict[int, str] = {}
        for model in self.models:
            probabilities, found = model.predict_files(paths)
            votes.append(probabilities)
            problems |= found
        return self._combined(votes), problems

    def predict_raw(self, pictures: NDArray[np.uint8]) -> Probabilities:
        """Return ``float32 (n, n_classes)`` for ``uint8 (n, h, w, 3)`` of any size."""
        return self._combined([model.predict_raw(pictures) for model in self.models])

    def _combined(self, votes: Sequence[Probabilities]) -> Probabilities:
        weights = [member.weight for member in self.description.members]
        return combine(votes, weights, self.decisions.temperature)


def combine(
    votes: Sequence[Probabilities], weights: Sequence[float], temperature: float
) -> Probabilities:
    """Return the weighted mean of ``(n, n_classes)`` arrays, scaled by ``temperature``."""
    mean = np.tensordot(np.asarray(weights, np.float64), np.asarray(votes, np.float64), axes=1)
    return scale_probabilities(mean, temperature)


def is_ensemble(folder: Path) -> bool:
    """Tell whether ``folder`` holds a saved ensemble."""
    return (folder / ENSEMBLE_FILE).is_file()


def write_ensemble(folder: Path, description: EnsembleDescription) -> None:
    """Write ``ensemble.json`` into ``folder``."""
    write_json(
        folder / ENSEMBLE_FILE,
        {
            "format_version": FORMAT_VERSION,
            "autosmall_version": description.autosmall_version,
            "members": [
                {"name": m.name, "weight": m.weight, "sha256": m.sha256}
                for m in description.members
            ],
            "classes": list(description.classes),
            **description.decisions.to_document(),
        },
    )


def read_ensemble(folder: Path) -> EnsembleDescription:
    """Return what ``ensemble.json`` in ``folder`` says.

    Raises :class:`~autosmall.errors.ModelFileError` where it is of another format, no JSON, or
    holds impossible values.
    """
    path = folder / ENSEMBLE_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        check_format(path, document, FORMAT_VERSION)
        classes = tuple(str(name) for name in document["classes"])
        return EnsembleDescription(
            members=_members(document["members"]),
            classes=classes,
            decisions=read_decisions(document, classes),
            autosmall_version=str(document["autosmall_version"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFileError(
            f"{path} cannot be used: {type(error).__name__}: {error}",
            "the file as AutoSmall wrote it",
            _MEND,
        ) from error


def check_members(
    folder: Path, description: EnsembleDescription, models: Sequence[Predictor]
) -> None:
    """Raise ``ModelFileError`` unless ``models`` are the members that ``description`` names."""
    for member, model in zip(description.members, models, strict=True):
        if (model.sha256, model.classes) != (member.sha256, description.classes):
            raise ModelFileError(
                f"the member {member.name} of {folder} is another model than was saved with it",
                f"the model and the classes that {ENSEMBLE_FILE} names",
                _MEND,
            )


def _members(entries: object) -> tuple[Member, ...]:
    if not isinstance(entries, list) or not entries:
        raise ValueError("no members")
    members = tuple(
        Member(_plain_name(e["name"]), float(e["weight"]), str(e["sha256"])) for e in entries
    )
    if min(m.weight for m in members) <= 0 or abs(sum(m.weight for m in members) - 1) > 1e-6:
        raise ValueError("weights that are not positive or do not sum to 1")
    return members


def _plain_name(name: object) -> str:
    """Return ``name`` if it is one of a folder right below ``members`` and nothing else."""
    if not isinstance(name, str) or not name.replace("_", "").isalnum():
        raise ValueError(f"member {name!r}")
    return name
