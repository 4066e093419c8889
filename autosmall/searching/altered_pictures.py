"""After the search: a few of the user's pictures, altered as a configuration alters them.

Shown is what the recommended configuration does to its training pictures; where it leaves them
alone, what the best configuration does that alters them. Each picture is altered by the same draw
at every strength, so that the strengths can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.analysis.ranking import rank
from autosmall.data.dataset import read_dataset
from autosmall.data.images import load_picture
from autosmall.data.previews import encode_preview
from autosmall.run_folder.altered_picture_store import read_altered_pictures, write_altered_pictures
from autosmall.run_folder.run_data import load_run_data
from autosmall.schema.altered_pictures import AlteredPictures
from autosmall.schema.config import Config
from autosmall.schema.run_data import RunData
from autosmall.schema.seeds import derive_seed
from autosmall.strategies.registry import get_strategy

PICTURES = 5

Policy = tuple[str, float, frozenset[str]]
"""Name of the augmentation, its strength, and the kinds of alteration that it may use."""


def show_augmentation(run_dir: Path) -> bool:
    """Store altered pictures of the run and return whether any configuration alters some.

    What is stored already is kept where it is of the same configuration. Imports Keras only where
    there is something to do. Raises :class:`~autosmall.data.images.UnreadablePictureError` where
    a picture has gone since the search.
    """
    run = load_run_data(run_dir)
    found = altering_configuration(run)
    if found is None:
        return False
    trial, config = found
    stored = read_altered_pictures(run_dir)
    if stored is None or stored.trial != trial:
        write_altered_pictures(run_dir, alter_pictures(run, trial, config, _paths(run)))
    return True


def altering_configuration(run: RunData) -> tuple[int, Config] | None:
    """Return number and resolved configuration of the first in the ranking that alters pictures."""
    for row in rank(run).rows:
        summary = row.summary
        config = get_strategy(summary.config.strategy).resolved(summary.config)
        if policy_of(config, _invariances(run)) is not None:
            return summary.trial, config
    return None


def policy_of(config: Config, invariances: frozenset[str]) -> Policy | None:
    """Return how a resolved configuration alters its training pictures, ``None`` for not at all.

    Views of frozen features are draws of the policy ``affine`` without noise.
    """
    values = config.to_dict()
    policy, allowed = str(values.get("augmentation", "none")), invariances
    if int(values.get("views", 1)) > 1:
        policy, allowed = "affine", invariances - {"noise"}
    strength = float(values.get("augmentation_strength", 0.0))
    if policy == "none" or strength == 0 or not allowed:
        return None
    return policy, strength, allowed


def shown_strengths(strength: float) -> tuple[float, ...]:
    """Return three strengths around a configuration's own, none above 1.

    >>> shown_strengths(0.3), shown_strengths(0.8), shown_strengths(1.0)
    ((0.15, 0.3, 0.6), (0.4, 0.8, 1.0), (0.25, 0.5, 1.0))
    """
    if strength == 1:
        return 0.25, 0.5, 1.0
    return strength / 2, strength, min(1.0, 2 * strength)


def alter_pictures(
    run: RunData, trial: int, config: Config, paths: Sequence[Path]
) -> AlteredPictures:
    """Return pictures of as many classes as there are places, altered as ``config`` does.

    ``paths`` are the files, one per row.
    """
    from autosmall.training.augmentation import Augmenter

    policy = policy_of(config, _invariances(run))
    assert policy is not None
    name, strength, allowed = policy
    strengths = shown_strengths(strength)
    augmenters = [Augmenter(name, shown, allowed) for shown in strengths]
    rows = chosen_rows(run.labels, PICTURES)
    spec = get_strategy(config.strategy).picture_specs(config)[0]
    seed = derive_seed(int(str(run.settings.get("seed", 0))), "shown augmentation")
    pictures = []
    for row in rows:
        plain = load_picture(paths[row], spec)
        batch = plain[np.newaxis].astype(np.float32)
        altered = [each(batch, np.random.default_rng([seed, row]))[0] for each in augmenters]
        pictures.append(tuple(_jpeg(picture) for picture in (plain, *altered)))
    return AlteredPictures(
        trial, name, strength, tuple(sorted(allowed)), strengths, rows, tuple(pictures)
    )


def chosen_rows(labels: NDArray[np.int64], count: int) -> tuple[int, ...]:
    """Return at most ``count`` rows: the first of each class, then the second of each, ..."""
    place = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[members] = np.arange(len(members))
    return tuple(sorted(np.lexsort((labels, place))[:count].tolist()))


def _paths(run: RunData) -> list[Path]:
    dataset = read_dataset(Path(str(run.settings["dataset"])))
    path_of = {sample.name: sample.path for sample in dataset.samples}
    return [path_of[name] for name in run.sample_names]


def _invariances(run: RunData) -> frozenset[str]:
    stored = run.settings.get("invariances")
    return frozenset(stored) if isinstance(stored, tuple) else frozenset()


def _jpeg(picture: NDArray[np.uint8] | NDArray[np.float32]) -> bytes:
    whole = np.rint(picture).astype(np.uint8)
    return encode_preview(np.repeat(whole, 3, axis=2) if whole.shape[2] == 1 else whole)
