"""Retraining: the measured configuration, on all pictures, saved, met again, tested once."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.data.audit import audit_dataset
from autosmall.data.dataset import read_dataset
from autosmall.data.folds import plan_folds, write_folds
from autosmall.errors import (
    AutoSmallError,
    BackboneError,
    DatasetError,
    ExportError,
    ModelFileError,
    SettingsError,
)
from autosmall.files import write_json
from autosmall.models.temperature import scale_probabilities
from autosmall.report import write_report
from autosmall.report.numbers import seconds_text
from autosmall.retraining import plan as retrain_plan
from autosmall.retraining.fit import RELOAD_TOLERANCE, sample_rows
from autosmall.retraining.plan import plan_retraining
from autosmall.retraining.retrain import retrain
from autosmall.run_folder.run_data import load_run_data
from autosmall.run_folder.state import RunFacts
from autosmall.run_folder.store import RunStore
from autosmall.saved_model.export import export
from autosmall.saved_model.folder import read_samples
from autosmall.saved_model.model import evaluate, load_model
from autosmall.schema.config import Config, Value
from autosmall.schema.results import COMPLETE, FAILED, RACED_OUT, FoldResult, Suggestion
from autosmall.strategies.base import ArrayModel, Fit, FitTask
from autosmall.strategies.baseline import Baseline

BASELINE, CLASSICAL, SCRATCH, DROPPED, BROKEN, TRANSFER = range(6)
CONFIGS: dict[int, dict[str, Value]] = {
    BASELINE: {"strategy": "baseline"},
    CLASSICAL: {"strategy": "classical", "image_size_px": 24, "descriptors": "color"},
    SCRATCH: {"strategy": "scratch", "image_size_px": 16, "epochs": 2, "augmentation": "none"},
    DROPPED: {"strategy": "classical"},
    BROKEN: {"strategy": "classical"},
    TRANSFER: {"strategy": "classical", "backbone": "vgg16"},
}
RIGHT_SHARE = {BASELINE: 0.5, CLASSICAL: 1.0, SCRATCH: 0.9, TRANSFER: 0.8}


def draw_class(folder: Path, level: int, count: int) -> None:
    """Draw ``count`` noisy pictures whose brightness tells the class."""
    folder.mkdir(parents=True)
    for row in range(count):
        pixels = np.random.default_rng(row).normal(level, 30, (20, 24, 3))
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{row}.png")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / "lamps"
    for split, count in (("train", 8), ("test", 3)):
        draw_class(root / split / "off", 60, count)
        draw_class(root / split / "on", 190, count)
    (root / "train" / "on" / "broken.png").write_bytes(b"no picture")
    return root


@pytest.fixture
def run_dir(tmp_path: Path, pictures: Path) -> Path:
    """A finished search over :func:`pictures`, its fold results drawn."""
    run = tmp_path / "run"
    dataset = read_dataset(pictures)
    fingerprint = dataset.fingerprint()
    dataset = dataset.subset(audit_dataset(dataset).readable)
    plan = plan_folds(dataset.labels, np.arange(len(dataset)), folds=2, repeats=1, seed=0)
    run.mkdir()
    write_json(run / "audit.json", {})
    write_folds(run / "folds.csv", dataset, plan)
    store = RunStore(run)
    settings = {
        "dataset": str(pictures),
        "metric": "accuracy",
        "seed": 5,
        "backbones": ("patches",),
        "invariances": ("mirror",),
    }
    store.create(RunFacts(settings, {}, {"keras": "3"}, fingerprint, dataset.classes))
    for number, config in CONFIGS.items():
        store.add_suggestion(Suggestion(number, Config.from_mapping(config), "portfolio"))
        if number in RIGHT_SHARE:
            for fold in range(plan.total):
                store.append(drawn_fold(number, fold, dataset.labels[plan.validation_index(fold)]))
            store.end_trial(number, COMPLETE, "")
    store.end_trial(DROPPED, RACED_OUT, "behind trial 1 after 1 fold")
    store.end_trial(BROKEN, FAILED, "ValueError: odd")
    return run


VOTERS: tuple[dict[str, Value], ...] = (
    {"strategy": "classical", "image_size_px": 24, "descriptors": "color"},
    {"strategy": "classical", "image_size_px": 32, "descriptors": "color"},
    {"strategy": "classical", "image_size_px": 16, "descriptors": "color"},
)


@pytest.fixture
def voting_run(run_dir: Path) -> Path:
    """A run of which each configuration is wrong about a third of the pictures, hardly sure."""
    store = RunStore(run_dir)
    run = load_run_data(run_dir)
    shutil.rmtree(run_dir / "trials")
    shutil.rmtree(run_dir / "predictions", ignore_errors=True)
    for number, config in enumerate(VOTERS):
        store.add_suggestion(Suggestion(number, Config.from_mapping(config), "portfolio"))
        for fold in range(run.folds.total):
            rows = run.folds.validation_index(fold)
            right = np.arange(len(rows)) % 3 != number
            truth = run.labels[rows]
            sure = np.where(right, 0.9, 0.45)
            probabilities = np.where(
                np.arange(2) == truth[:, None], sure[:, None], 1 - sure[:, None]
            )
            store.append(
                FoldResult(
                    number,
                    fold,
                    COMPLETE,
                    probabilities=probabilities.astype(np.float32),
                    trainable_parameters=10,
                    fit_seconds=1.0,
                )
            )
        store.end_trial(number, COMPLETE, "")
    return run_dir


def drawn_fold(trial: int, fold: int, labels: np.ndarray) -> FoldResult:
    right = np.arange(len(labels)) < round(RIGHT_SHARE[trial] * len(labels))
    guesses = np.where(right, labels, 1 - labels)
    return FoldResult(
        trial,
        fold,
        COMPLETE,
        probabilities=np.where(np.arange(2) == guesses[:, None], 0.9, 0.1).astype(np.float32),
        trainable_parameters=10,
        fit_seconds=1.0,
    )


class Stub(Baseline):
    """The baseline, changed as a test wants."""

    def __init__(self, **changes: object) -> None:
        self.changes = changes
        self.task: FitTask | None = None

    def fit(self, task: FitTask) -> Fit:
        self.task = task
        return dataclasses.replace(super().fit(task), **self.changes)  # type: ignore[arg-type]


def use(monkeypatch: pytest.MonkeyPatch, stub: Stub) -> Stub:
    monkeypatch.setattr(retrain_plan, "get_strategy", lambda name: stub)
    return stub


def test_the_recommended_configuration_becomes_a_model(run_dir: Path) -> None:
    result = retrain(run_dir)
    assert (result.trial, result.strategy) == (CLASSICAL, "classical")
    assert result.model_dir == run_dir / "model"
    stored = json.loads((run_dir / "model" / "metrics.json").read_text())
    assert stored == {"trial": CLASSICAL, **result.metrics}
    assert (stored["test"]["n"], stored["test"]["accuracy"]) == (6, 1.0)
    assert (stored["test"]["balanced_accuracy"], stored["test"]["opened"]) == (1.0, 1)
    assert stored["search"]["naive_score"] == 1.0
    low, high = stored["search"]["corrected_interval"]
    assert low <= stored["search"]["corrected_score"] <= high
    assert stored["training"]["n"] == 16
    assert stored["reload"]["largest_difference"] <= RELOAD_TOLERANCE
    assert "on 6 test pictures, opened once." in result.sentence
    assert result.report is None  # this run has none that could be written anew
    model = load_model(run_dir / "model")
    assert model.classes == ("off", "on")
    samples = read_samples(run_dir / "model")
    assert samples is not None
    np.testing.assert_allclose(
        model.predict_proba(samples.pictures), samples.probabilities, atol=1e-6
    )


def test_the_report_tells_of_the_test_once_the_model_is_made(run_dir: Path) -> None:
    page = write_report(run_dir)
    assert "time per picture is measured when the model is made" in page.read_text(encoding="utf-8")
    made = retrain(run_dir)
    assert made.report == page
    said = "the model of trial 1 reached 100.0\N{NO-BREAK SPACE}% accuracy"
    assert said in page.read_text(encoding="utf-8")
    facts = json.loads((run_dir / "report.json").read_text(encoding="utf-8"))
    test, seconds = facts["trust"]["test"], facts["recommendation"]["seconds_per_picture"]
    assert (test["trial"], test["score"], test["pictures"], test["openings"]) == (1, 1.0, 6, 1)
    assert seconds == made.metrics["training"]["seconds_per_picture"] > 0
    assert f"of them trained; {seconds_text(seconds)} per picture" in page.read_text("utf-8")


def test_an_evaluation_of_the_model_is_told_in_the_report(run_dir: Path, pictures: Path) -> None:
    page = write_report(run_dir)
    retrain(run_dir)
    evaluate(run_dir / "model", pictures)
    assert "Test pictures were opened 2 times" in page.read_text(encoding="utf-8")


def test_the_card_tells_what_a_finder_needs(run_dir: Path) -> None:
    retrain(run_dir)
    retrain(run_dir)
    card = (run_dir / "model" / "model_card.md").read_text()
    for said in (
        "# lamps: Classical features",
        "trained on 16 labelled pictures",
        "the configuration of trial 1",
        "**accuracy 1.000 (95 % interval",
        "(test split), opened 2 times",
        "autosmall predict THIS_FOLDER",
        'autosmall.load_model("THIS_FOLDER")',
        "| off | 8 |",
        "| descriptors | color |",
        "cannot be exported",
        "Pretrained weights: none",
    ):
        assert said in card, said


def test_the_fit_is_the_workers_with_all_rows(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = use(monkeypatch, Stub())
    retrain(run_dir, trial=BASELINE)
    task = stub.task
    assert task is not None
    assert task.train_index.tolist() == list(range(16))
    assert task.train_labels.tolist() == [0] * 8 + [1] * 8
    assert task.validation_index.size == 0
    assert task.invariances == {"mirror"}
    assert [source.name for source in task.backbones] == ["patches"]
    assert task.cache_dir == run_dir / "cache"
    again = plan_retraining(run_dir, 1, BASELINE, None).task
    other = plan_retraining(run_dir, 1, CLASSICAL, None).task
    assert again.seed == task.seed != other.seed


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"rank": 5}, r"rank 5\nexpected: 1 to 4"),
        ({"rank": 0}, "rank 0"),
        ({"trial": DROPPED}, "is raced out .behind trial 1 after 1 fold.*\n.*\n.*these are: 1, 2"),
        ({"trial": BROKEN}, "is failed .ValueError: odd"),
        ({"trial": 77}, "does not exist; the run has trials 0 to 5"),
    ],
)
def test_a_choice_that_does_not_exist_is_named(
    run_dir: Path, chosen: dict[str, int], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        retrain(run_dir, **chosen)


def test_a_changed_data_set_is_refused(run_dir: Path, pictures: Path) -> None:
    draw_class(pictures / "train" / "dim", 120, 2)
    with pytest.raises(DatasetError, match="has changed since the search"):
        retrain(run_dir)
    assert not (run_dir / "model").exists()


def test_a_backbone_that_is_gone_is_named(run_dir: Path) -> None:
    with pytest.raises(BackboneError, match="vgg16"):
        retrain(run_dir, trial=TRANSFER)


def test_wrong_input_is_refused_before_tensorflow_is_imported(run_dir: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom autosmall.retraining.retrain import retrain\n"
        f"try: retrain(Path({str(run_dir)!r}), test=Path('nowhere'))\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split("\n")[:2] == ["DatasetError", "[]"], done.stderr


def test_test_pictures_of_ones_own_are_scored_and_counted(run_dir: Path, tmp_path: Path) -> None:
    draw_class(tmp_path / "more" / "on", 190, 4)
    draw_class(tmp_path / "more" / "off", 190, 1)  # a wrong label: 4 of 5 are right
    first = retrain(run_dir, test=tmp_path / "more")
    assert first.metrics["test"]["part"] == "all pictures"
    assert first.metrics["test"]["accuracy"] == pytest.approx(0.8)
    assert first.metrics["test"]["balanced_accuracy"] == pytest.approx(0.5)
    retrain(run_dir, test=tmp_path / "more")
    assert retrain(run_dir).metrics["test"]["opened"] == 1  # the data set's own
    openings = json.loads((run_dir / "test_openings.json").read_text())
    assert [Path(entry["pictures"]).name for entry in openings] == ["more", "more", "test"]


def test_without_test_pictures_there_is_no_test(run_dir: Path, pictures: Path) -> None:
    for path in sorted((pictures / "test").rglob("*.png")):
        path.unlink()
    result = retrain(run_dir, trial=BASELINE)
    assert "test" not in result.metrics
    assert result.metrics["search"]["corrected_score"] is None  # not the recommended one
    card = (run_dir / "model" / "model_card.md").read_text()
    assert "No test pictures were kept back" in card
    assert "not the search's recommendation" in card
    assert not (run_dir / "test_openings.json").exists()


def other_model() -> ArrayModel:
    return ArrayModel("majority", {"class_shares": np.array([0.4, 0.6], np.float32)})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"build_model": other_model}, ModelFileError, r"a probability differs by 0\.\d"),
        (
            {"train_probabilities": np.full((16, 2), np.nan, np.float32)},
            ModelFileError,
            "differs by nan",
        ),
        ({"healthy": False}, SettingsError, "failed its health rules"),
    ],
)
def test_a_model_that_is_not_what_was_measured_is_not_kept(
    run_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, object],
    error: type[AutoSmallError],
    message: str,
) -> None:
    retrain(run_dir, trial=CLASSICAL)
    before = (run_dir / "model" / "pipeline.json").read_text()
    opened = (run_dir / "test_openings.json").read_text()
    use(monkeypatch, Stub(**changes))
    with pytest.raises(error, match=message):
        retrain(run_dir, trial=BASELINE)
    assert (run_dir / "model" / "pipeline.json").read_text() == before
    assert (run_dir / "test_openings.json").read_text() == opened, "the test was opened"
    assert not [path for path in run_dir.iterdir() if path.name.startswith(".")]


def test_a_network_is_retrained_and_reloaded(
    run_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = retrain(run_dir, rank=2)
    assert result.trial == SCRATCH
    assert (run_dir / "model" / "model.keras").is_file()
    assert result.metrics["reload"]["largest_difference"] <= RELOAD_TOLERANCE
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_retrained_network_is_repeatable_and_exports_to_every_format(run_dir: Path) -> None:
    retrain(run_dir, trial=SCRATCH)
    first = read_samples(run_dir / "model")
    retrain(run_dir, trial=SCRATCH)
    again = read_samples(run_dir / "model")
    assert first is not None
    assert again is not None
    np.testing.assert_allclose(again.probabilities, first.probabilities, atol=1e-5)
    for name in ("onnx", "tflite", "saved-model"):
        assert export(run_dir / "model", name).exists()


@pytest.mark.slow
def test_an_ensemble_that_pays_is_saved_whole(voting_run: Path, pictures: Path) -> None:
    result = retrain(voting_run, ensemble=True)
    folder = voting_run / "model"
    told = json.loads((folder / "ensemble.json").read_text())
    assert sorted(result.metrics["ensemble"]["trials"]) == [0, 1, 2]
    assert sum(member["weight"] for member in told["members"]) == pytest.approx(1)
    assert result.metrics["ensemble"]["gain"] > 0.1
    assert result.metrics["reload"]["largest_difference"] <= RELOAD_TOLERANCE
    assert result.metrics["test"]["accuracy"] == 1.0
    assert "An ensemble of 3 configurations" in result.sentence
    model = load_model(folder)
    assert model.classes == ("off", "on")
    members = [load_model(folder / "members" / entry["name"]) for entry in told["members"]]
    assert {m.pipeline.picture_spec.image_size_px for m in members} == {16, 24, 32}
    paths = sorted((pictures / "test").rglob("*.png"))
    votes = [member.predict_files(paths)[0] for member in members]
    weights = [entry["weight"] for entry in told["members"]]
    expected = scale_probabilities(np.tensordot(weights, votes, axes=1), told["temperature"])
    np.testing.assert_allclose(model.predict_files(paths)[0], expected, atol=1e-6)
    assert model.predict(pictures / "test")["label"].tolist() == ["off"] * 3 + ["on"] * 3
    assert evaluate(model, pictures)["opened"] == 2
    card = (folder / "model_card.md").read_text()
    assert "ensemble of 3 models" in card
    assert "cannot be exported as a whole" in card
    with pytest.raises(ExportError, match="ensemble of 3 models"):
        export(folder, "onnx")
    retrain(voting_run)  # takes its place
    assert not (folder / "ensemble.json").exists()


def test_a_changed_member_is_noticed(voting_run: Path) -> None:
    retrain(voting_run, ensemble=True)
    members = sorted((voting_run / "model" / "members").iterdir())
    shutil.rmtree(members[0])
    shutil.copytree(members[1], members[0])
    with pytest.raises(ModelFileError, match="another model than was saved with it"):
        load_model(voting_run / "model")
    shutil.rmtree(members[0])
    with pytest.raises(ModelFileError, match="holds no pipeline"):
        load_model(voting_run / "model")


def test_an_ensemble_that_does_not_pay_is_refused_with_the_numbers(run_dir: Path) -> None:
    with pytest.raises(SettingsError, match=r"no ensemble pays .* trial 1 alone") as error:
        retrain(run_dir, ensemble=True)
    assert "leave --ensemble out" in error.value.remedy
    assert not (run_dir / "model").exists()


def test_the_temperature_and_thresholds_are_saved_with_the_model(voting_run: Path) -> None:
    result = retrain(voting_run)
    model = load_model(voting_run / "model")
    calibration = result.metrics["calibration"]
    assert model.decisions.temperature == calibration["temperature"] != 1.0
    assert calibration["after"]["log_loss"] != calibration["before"]["log_loss"]
    assert model.decisions.rare_class is not None
    assert {t.goal for t in model.decisions.rare_class.thresholds} >= {"recall"}
    assert result.metrics["test"]["rare_class"]["name"] == model.decisions.rare_class.name
    card = (voting_run / "model" / "model_card.md").read_text()
    assert f"scaled by the temperature {model.decisions.temperature:.3f}" in card
    assert "| recall 0.8 |" in card


def test_samples_take_turns_among_the_classes() -> None:
    labels = np.array([2, 0, 0, 0, 0, 1, 1])
    assert sample_rows(labels, 3).tolist() == [0, 1, 5]
    assert sample_rows(labels, 5).tolist() == [0, 1, 2, 5, 6]
    assert sample_rows(labels, 99).tolist() == list(range(7))
