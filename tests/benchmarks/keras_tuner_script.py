"""A search by Keras Tuner as a careful user writes it: one validation split, early stopping.

    python keras_tuner_script.py STRATEGY DATASET SECONDS WEIGHTS WORK_DIR [--features-once]

``DATASET`` has ``train/`` and ``test/``. Prints one line of JSON: fits and epochs done, seconds
from ``STARTED`` (a time since 1970 in the environment) to the best trial's end, its score on the
validation pictures and on the test pictures. ``--features-once`` computes the frozen features
before the search, which few scripts do.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

from plain_keras import (
    CHOICES,
    EPOCHS,
    HEAD_EPOCHS,
    SIDES_PX,
    Range,
    build,
    feature_head,
    features_of,
    fit,
    quiet,
    read_split,
)

quiet()

import keras  # noqa: E402
import keras_tuner  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402

PATIENCE = 5
SEED = 0


class Deadline(keras.callbacks.Callback):
    """Stops the fit in hand once the time is up."""

    def __init__(self, ends: float) -> None:
        super().__init__()
        self.ends = ends

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.time() > self.ends

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Look at the clock."""
        if self.is_over:
            self.model.stop_training = True


class Network(keras_tuner.HyperModel):
    """Builds and fits one configuration, and keeps what was done."""

    def __init__(self, strategy: str, weights: str, classes: int, width: int | None) -> None:
        super().__init__()
        self.strategy, self.weights, self.classes, self.width = strategy, weights, classes, width
        self.epochs: list[int] = []
        self.ends: list[float] = []

    def values(self, hp: keras_tuner.HyperParameters) -> dict[str, object]:
        """Return the hyperparameters of a trial."""
        return {name: choose(hp, name, given) for name, given in CHOICES[self.strategy].items()}

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Return the compiled model."""
        values = self.values(hp)
        if self.width:
            return feature_head(values, self.classes, self.width)
        return build(self.strategy, values, self.classes, self.weights)

    def fit(self, hp, model, data, validation, callbacks, **settings):
        """Fit until the planned epochs are over or the validation loss stays where it is."""
        deadline = next(one for one in callbacks if isinstance(one, Deadline))
        stop = keras.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True)
        values = self.values(hp)
        history, epochs = fit(self.strategy, model, values, data, validation, [*callbacks, stop])
        if not deadline.is_over:
            self.epochs.append(epochs)
            self.ends.append(time.time())
        return history


class Search(keras_tuner.BayesianOptimization):
    """Ends when the time is up."""

    deadline: Deadline

    def on_trial_end(self, trial) -> None:
        """Ask for no further trial after the deadline."""
        super().on_trial_end(trial)
        if self.deadline.is_over:
            self.oracle.max_trials = len(self.oracle.trials)


def choose(hp: keras_tuner.HyperParameters, name: str, given: list[object] | Range) -> object:
    """Return Keras Tuner's value for a name."""
    if isinstance(given, Range):
        return hp.Float(name, given.low, given.high, sampling="log" if given.log else "linear")
    return hp.Choice(name, given)


def main() -> None:
    """Search and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("strategy")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("weights")
    parser.add_argument("work_dir", type=Path)
    parser.add_argument("--features-once", action="store_true")
    arguments = parser.parse_args()
    started = float(os.environ["STARTED"])
    deadline = Deadline(started + arguments.seconds)
    side = SIDES_PX[arguments.strategy]
    images, labels, classes = read_split(arguments.dataset / "train", side)
    inputs = features_of(images, arguments.weights) if arguments.features_once else images
    x, x_held, y, y_held = train_test_split(
        inputs, labels, test_size=0.2, stratify=labels, random_state=SEED
    )
    width = inputs.shape[1] if arguments.features_once else None
    network = Network(arguments.strategy, arguments.weights, classes, width)
    tuner = Search(
        network,
        objective="val_accuracy",
        max_trials=100_000,
        seed=SEED,
        directory=arguments.work_dir,
        project_name="tuner",
    )
    tuner.deadline = deadline
    tuner.search(data=(x, y), validation=(x_held, y_held), callbacks=[deadline], verbose=0)
    test, truth, _ = read_split(arguments.dataset / "test", side)
    test = features_of(test, arguments.weights) if arguments.features_once else test
    best = tuner.oracle.get_best_trials(1)[0]
    place = sorted(tuner.oracle.trials).index(best.trial_id)
    score = tuner.get_best_models()[0].evaluate(test, truth, verbose=0, return_dict=True)
    planned = EPOCHS[arguments.strategy] + HEAD_EPOCHS * (arguments.strategy == "fine_tune")
    found = {
        "fits": len(network.epochs),
        "equal_fits": sum(network.epochs) / planned,
        "best_after": network.ends[min(place, len(network.ends) - 1)] - started,
        "validation": best.score,
        "test": score["accuracy"],
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
