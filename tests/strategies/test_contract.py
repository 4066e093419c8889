"""What every strategy must hold to (see ``autosmall.strategies.base``).

A new strategy is one more entry of ``CASES``: its name and values that make a fit on 24 pictures of
16 px take a second or two and still learn to tell discs from stripes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from autosmall.run_folder.fold_models import read_fold_model, write_fold_model
from autosmall.schema.config import Config, Value
from autosmall.schema.mixed_pictures import same_shape_parts, take
from autosmall.schema.parameters import OPTIMIZATION
from autosmall.schema.results import COMPLETE, FoldResult
from autosmall.strategies.base import ArrayModel, Fit, FitTask, Strategy
from autosmall.strategies.registry import get_strategy

TINY: dict[str, Value] = {"image_size_px": 16, "batch_size": 8}


@dataclass(frozen=True)
class Case:
    """A strategy in one of its modes.

    ``learns`` is false for one that cannot; ``unread`` are parameters that this mode has no use
    for.
    """

    strategy: str
    values: dict[str, Value]
    mode: str = ""
    learns: bool = True
    unread: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        return f"{self.strategy}-{self.mode}" if self.mode else self.strategy


OPTIMIZATION_NAMES = frozenset(parameter.name for parameter in OPTIMIZATION)

HEAD: dict[str, Value] = {"first_head": "logistic", "head_penalty_c": 0.1}

CASES = [
    Case("baseline", {}, learns=False),
    Case("classical", {"image_size_px": 16}),
    Case(
        "classical",
        {
            "image_size_px": 16,
            "color_mode": "grayscale",
            "descriptors": "hog+lbp+color",
            "classifier": "rbf",
            "penalty_c": 10.0,
            "class_balance": "weights",
        },
        mode="rbf",
    ),
    Case(
        "frozen",
        {"image_size_px": 16, "penalty_c": 0.1},
        mode="logistic",
        unread=OPTIMIZATION_NAMES
        | {"augmentation_strength", "bottleneck_units", "dropout_rate", "label_smoothing"},
    ),
    Case(
        "frozen",
        {
            "image_size_px": 16,
            "head": "logistic_cv",
            "feature_transform": "sqrt",
            "views": 2,
            "class_balance": "weights",
        },
        mode="logistic_cv",
        unread=OPTIMIZATION_NAMES
        | {"bottleneck_units", "dropout_rate", "label_smoothing", "penalty_c"},
    ),
    Case(
        "frozen",
        {
            "image_size_px": 16,
            "color_mode": "grayscale",
            "head": "ridge",
            "views": 3,
            "pooling": "avg_max",
            "layers": "multi",
            "class_balance": "weights",
        },
        mode="ridge-views",
        unread=OPTIMIZATION_NAMES | {"bottleneck_units", "dropout_rate", "label_smoothing"},
    ),
    Case(
        "frozen",
        {
            "image_size_px": 16,
            "resize_policy": "native",
            "views": 3,
            "pooling": "avg_max",
            "penalty_c": 0.1,
        },
        mode="native",
        unread=OPTIMIZATION_NAMES | {"bottleneck_units", "dropout_rate", "label_smoothing"},
    ),
    Case(
        "frozen",
        {"image_size_px": 16, "pooling": "pyramid", "layers": "chosen", "head": "logistic_cv"},
        mode="pyramid",
        unread=OPTIMIZATION_NAMES
        | {
            "augmentation_strength",
            "bottleneck_units",
            "dropout_rate",
            "label_smoothing",
            "penalty_c",
        },
    ),
    Case(
        "frozen",
        {
            "image_size_px": 16,
            "resize_policy": "native",
            "pooling": "pyramid",
            "head": "ridge",
            "views": 2,
        },
        mode="native-pyramid",
        unread=OPTIMIZATION_NAMES | {"bottleneck_units", "dropout_rate", "label_smoothing"},
    ),
    Case(
        "frozen",
        {
            **TINY,
            "head": "dense",
            "bottleneck_units": 8,
            "dropout_rate": 0.2,
            "views": 2,
            "epochs": 15,
            "learning_rate": 1e-2,
        },
        mode="dense",
        unread=frozenset({"penalty_c"}),
    ),
    Case(
        "fine_tune",
        {**TINY, **HEAD, "augmentation": "none", "epochs": 2, "pooling": "pyramid"},
        mode="patches-pyramid",
    ),
    Case(
        "fine_tune",
        {**TINY, **HEAD, "epochs": 2, "class_balance": "sampling"},
        mode="patches-augmented",
    ),
    Case(
        "fine_tune",
        {**TINY, **HEAD, "resize_policy": "native", "epochs": 2, "pooling": "pyramid"},
        mode="native-pyramid",
    ),
    Case(
        "scratch",
        {**TINY, "width": 8, "blocks": 2, "epochs": 15, "learning_rate": 1e-2},
    ),
    Case(
        "scratch",
        {
            **TINY,
            "width": 8,
            "blocks": 2,
            "epochs": 20,
            "learning_rate": 1e-2,
            "head": "pyramid",
            "normalization": "group",
            "mixing": "cutmix",
            "class_balance": "sampling",
            "dropout_rate": 0.2,
            "color_mode": "grayscale",
            "augmentation": "trivial_augment",
        },
        mode="every-option",
    ),
    Case(
        "scratch",
        {
            **TINY,
            "resize_policy": "native",
            "width": 8,
            "blocks": 2,
            "epochs": 15,
            "learning_rate": 1e-2,
            "head": "pyramid",
            "mixing": "mixup",
        },
        mode="native",
    ),
    Case(
        "autoencoder",
        {
            **TINY,
            "width": 8,
            "blocks": 2,
            "bottleneck_channels": 8,
            "pretrain_epochs": 3,
            "epochs": 15,
            "learning_rate": 1e-2,
        },
        mode="fine-tuned",
        unread=frozenset({"encoder_cut", "masked_share"}),
    ),
    Case(
        "autoencoder",
        {
            **TINY,
            "width": 8,
            "blocks": 2,
            "bottleneck_channels": 8,
            "pretrain_epochs": 5,
            "epochs": 30,
            "learning_rate": 1e-1,
            "encoder": "frozen",
            "head": "pyramid",
        },
        mode="frozen",
        unread=frozenset({"encoder_cut", "masked_share"}),
    ),
    Case(
        "autoencoder",
        {
            **TINY,
            "color_mode": "grayscale",
            "architecture": "classic",
            "encoder_cut": "pooling",
            "corruption": "none",
            "reconstruction_loss": "binary_crossentropy",
            "pretrain_epochs": 5,
            "epochs": 30,
            "learning_rate": 3e-2,
            "encoder": "frozen",
            "head": "flatten",
            "hidden_units": 8,
            "dropout_rate": 0.1,
        },
        mode="classic-frozen-dense",
        unread=frozenset({"width", "blocks", "bottleneck_channels", "noise_std", "masked_share"}),
    ),
    Case(
        "autoencoder",
        {
            **TINY,
            "architecture": "deep",
            "width": 8,
            "blocks": 2,
            "bottleneck_channels": 8,
            "corruption": "masking",
            "pretrain_epochs": 3,
            "epochs": 15,
            "learning_rate": 1e-2,
            "hidden_units": 8,
        },
        mode="deep-masked",
        unread=frozenset({"encoder_cut", "noise_std"}),
    ),
]

LEARNED_ACCURACY = 0.9
"""On 24 training pictures of two equal classes chance stays below: P(at least 22 of 24 right by
guessing) = 301 / 2**24 < 2e-5."""


class ReadingConfig(Config):
    """A configuration that remembers which of its names were read."""

    read: set[str] = set()

    def __getitem__(self, name: str) -> Value:
        self.read.add(name)
        return super().__getitem__(name)


@dataclass(frozen=True)
class Fitted:
    """A strategy's fit, its task, and the parameters it read."""

    strategy: Strategy
    task: FitTask
    fit: Fit
    read: frozenset[str]


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request) -> Case:
    return request.param


@pytest.fixture(scope="module")
def fitted(case, make_task) -> Fitted:
    strategy = get_strategy(case.strategy)
    task = make_task(strategy, case.values)
    ReadingConfig.read = set()
    fit = strategy.fit(replace(task, config=ReadingConfig(task.config.items)))
    return Fitted(strategy, task, fit, frozenset(ReadingConfig.read))


WITHOUT_KERAS = """
import json, sys
import numpy as np
from autosmall.runner.worker import Worker
from autosmall.schema.config import Config
from autosmall.schema.folds import FoldPlan
from autosmall.schema.search_context import FitRequest, SearchContext

labels = np.arange(24) % 2
plan = FoldPlan(np.arange(24)[None] // 2 % 2, 2, np.arange(24), "")
context = SearchContext((), labels, ("a", "b"), (), plan, "accuracy", (), (), 0, "", "")
drawn = np.random.default_rng(0).integers(0, 255, (24, 16, 16, 3)).astype(np.uint8)
worker = Worker(context, lambda spec: drawn[..., : spec.channels], None, "worker")
results = list(worker.run(FitRequest(0, Config.from_mapping(json.loads(sys.argv[1])), (0, 1))))
assert {result.status for result in results} == {"complete"}, results
print(sorted({"keras", "tensorflow"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "case", [case for case in CASES if not get_strategy(case.strategy).needs_keras], ids=str
)
def test_imports_no_keras_where_it_says_so(case):
    config = json.dumps({"strategy": case.strategy, **case.values})
    command = [sys.executable, "-c", WITHOUT_KERAS, config]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_returns_probabilities_of_all_rows_and_learns(case, fitted):
    fit, task = fitted.fit, fitted.task
    for probabilities, rows in (
        (fit.train_probabilities, task.train_index),
        (fit.validation_probabilities, task.validation_index),
    ):
        assert probabilities.shape == (len(rows), task.class_count)
        assert probabilities.dtype == np.float32
        assert np.isfinite(probabilities).all() and (probabilities >= 0).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    assert fit.healthy
    assert 0 <= fit.trainable_parameters <= fit.total_parameters
    if case.learns:
        right = fit.train_probabilities.argmax(axis=1) == task.train_labels
        assert right.mean() >= LEARNED_ACCURACY
        assert fit.trainable_parameters > 0


def test_observer_is_told_finite_epochs(fitted):
    for train_loss, train_accuracy, probabilities in fitted.task.observer.epochs:
        assert np.isfinite(train_loss)
        assert 0 <= train_accuracy <= 1
        assert probabilities is None or probabilities.shape == (8, 2)


def test_asks_only_for_pictures_it_announced(fitted):
    announced = set(fitted.strategy.picture_specs(fitted.task.config))
    made = set(fitted.task.pictures.made)
    assert made <= announced
    # Only a strategy that looks at no picture may save a model for others than it announced.
    assert fitted.fit.picture_spec in announced or not made


def test_reads_its_parameters_and_no_others(case, fitted):
    declared = {parameter.name for parameter in fitted.strategy.parameters}
    assert fitted.read <= declared | {"strategy"}
    assert declared - fitted.read == case.unread


def test_rebuilt_model_predicts_what_was_measured(fitted, tmp_path):
    spec = fitted.fit.picture_spec
    pictures = take(fitted.task.pictures(spec), fitted.task.validation_index)
    model = fitted.fit.build_model()
    if isinstance(model, ArrayModel):
        from autosmall.models.array_model import predict_array_model

        predicted = predict_array_model(model, pictures)
    else:
        import keras

        model.save(tmp_path / "model.keras")
        reloaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
        assert reloaded.input_shape == (None, *spec.input_shape)
        predicted = np.zeros_like(fitted.fit.validation_probabilities)
        for part in same_shape_parts(pictures, np.arange(len(pictures))):
            batch = pictures[part].astype(np.float32)
            predicted[part] = reloaded.predict_on_batch(batch)
    np.testing.assert_allclose(predicted, fitted.fit.validation_probabilities, atol=1e-4)


def test_model_is_rebuilt_from_what_was_stored_without_a_picture(fitted, tmp_path):
    write_fold_model(tmp_path, FoldResult(7, 2, COMPLETE, learned=fitted.fit.learned))
    learned = read_fold_model(tmp_path, 7, 2)
    blind = replace(fitted.task, pictures=no_pictures, train_labels=np.zeros(0, np.int64))
    model = fitted.strategy.rebuild(blind, learned)
    measured = fitted.fit.build_model()
    if isinstance(model, ArrayModel):
        assert model.recipe == measured.recipe
        assert model.arrays.keys() == measured.arrays.keys()
        pairs = [(values, measured.arrays[name]) for name, values in model.arrays.items()]
    else:
        pairs = list(zip(model.get_weights(), measured.get_weights(), strict=True))
    for after, before in pairs:
        np.testing.assert_array_equal(after, before)


def no_pictures(spec):
    raise AssertionError("a picture was looked at")


def test_same_seed_gives_the_same_result_again(case, fitted, make_task):
    again = fitted.strategy.fit(make_task(fitted.strategy, case.values))
    np.testing.assert_array_equal(again.train_probabilities, fitted.fit.train_probabilities)
    np.testing.assert_array_equal(
        again.validation_probabilities, fitted.fit.validation_probabilities
    )


def test_held_out_pictures_have_no_influence_on_training(case, fitted, make_task):
    altered = fitted.strategy.fit(
        make_task(fitted.strategy, case.values, altered_rows=tuple(range(24, 32)))
    )
    np.testing.assert_array_equal(altered.train_probabilities, fitted.fit.train_probabilities)
    if case.learns:
        difference = altered.validation_probabilities - fitted.fit.validation_probabilities
        assert np.abs(difference).max() > 0


def test_retraining_without_held_out_pictures(case, fitted, make_task):
    without = fitted.strategy.fit(make_task(fitted.strategy, case.values, with_validation=False))
    assert without.validation_probabilities.shape == (0, 2)
    np.testing.assert_array_equal(without.train_probabilities, fitted.fit.train_probabilities)
