"""The saved model: what comes back is what was saved, and nothing else is opened."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.analysis.thresholds import RareClass, Threshold
from autosmall.data.images import load_picture
from autosmall.errors import (
    AutoSmallError,
    DatasetError,
    ModelFileError,
    RunFolderError,
    SettingsError,
)
from autosmall.files import file_sha256
from autosmall.models.temperature import scale_probabilities
from autosmall.saved_model.decisions import Decisions
from autosmall.saved_model.folder import (
    ModelDescription,
    ModelSamples,
    read_samples,
    staged_folder,
    write_model_files,
)
from autosmall.saved_model.model import SavedModel, evaluate, load_model, save_model
from autosmall.saved_model.pipeline import Pipeline, read_pipeline, write_pipeline
from autosmall.schema.config import Config
from autosmall.schema.pictures import PictureSpec
from autosmall.strategies.base import ArrayModel

SPEC = PictureSpec(16, "letterbox", "rgb")
CLASSES = ("blue", "green", "red")
COLORS = {"blue": (20, 30, 200), "green": (30, 180, 20), "red": (210, 30, 40)}
DESCRIPTION = ModelDescription(
    SPEC, CLASSES, Config.from_mapping({"strategy": "scratch", "epochs": 3})
)
MAJORITY = ArrayModel("majority", {"class_shares": np.array([0.2, 0.5, 0.3], np.float32)})


def draw(path: Path, label: str, seed: int, size: tuple[int, int] = (20, 30)) -> Path:
    noise = np.random.default_rng(seed).integers(-20, 20, (*size, 3))
    pixels = np.clip(noise + COLORS[label], 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def color_model():
    """Return a Keras model that is right about :data:`COLORS`: its kernel picks a channel."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.layers[-1].set_weights([8 * np.eye(3)[::-1], np.zeros(3)])
    return model


@pytest.fixture(scope="module")
def keras_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keras") / "model"
    save_model(folder, color_model(), DESCRIPTION, metrics={"n": 3}, card="# card\n")
    return folder


@pytest.fixture(scope="module")
def keras_model(keras_dir: Path) -> SavedModel:
    return load_model(keras_dir)


@pytest.fixture
def array_dir(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", MAJORITY, DESCRIPTION)
    return tmp_path / "model"


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_the_folder_of_the_contract(keras_dir: Path) -> None:
    names = {path.name for path in keras_dir.iterdir()}
    assert names == {
        "model.keras",
        "pipeline.json",
        "labels.txt",
        "model_card.md",
        "metrics.json",
    }
    assert (keras_dir / "labels.txt").read_text().split() == list(CLASSES)
    pipeline = json.loads((keras_dir / "pipeline.json").read_text())
    assert pipeline["picture"]["value_range"] == [0, 255]
    assert pipeline["sha256"] == file_sha256(keras_dir / "model.keras")


def test_files_folders_and_arrays_are_predicted_alike(
    keras_model: SavedModel, tmp_path: Path
) -> None:
    paths = [draw(tmp_path / f"{i}.png", label, i) for i, label in enumerate(CLASSES)]
    by_files = keras_model.predict(paths)
    assert by_files["label"].tolist() == list(CLASSES)
    assert by_files["problem"].tolist() == ["", "", ""]
    columns = [f"probability_{name}" for name in CLASSES]
    np.testing.assert_allclose(by_files[columns].sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(by_files["probability"], by_files[columns].max(axis=1))
    by_folder = keras_model.predict(tmp_path)
    assert by_folder.equals(by_files)
    raw = np.stack([np.asarray(Image.open(path)) for path in paths])
    by_array = keras_model.predict(raw)
    assert by_array["picture"].tolist() == ["0", "1", "2"]
    np.testing.assert_allclose(by_array[columns], by_files[columns], atol=1e-6)
    np.testing.assert_allclose(
        keras_model.predict(str(paths[2]))[columns], by_files[columns][2:], atol=1e-6
    )


def test_predictions_are_those_of_the_model_that_was_saved(
    keras_model: SavedModel, tmp_path: Path
) -> None:
    path = draw(tmp_path / "a.png", "red", 1)
    prepared = load_picture(path, SPEC)[np.newaxis].astype(np.float32)
    expected = color_model().predict_on_batch(prepared)
    np.testing.assert_allclose(keras_model.predict_files([path])[0], expected, atol=1e-6)


def test_more_pictures_than_a_chunk_keep_their_order(keras_model: SavedModel) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (70, 16, 16, 3)).astype(np.uint8)
    together = keras_model.predict_proba(pictures)
    assert together.shape == (70, 3)
    np.testing.assert_allclose(together[66:], keras_model.predict_proba(pictures[66:]), atol=1e-6)
    assert keras_model.predict_proba(pictures[:0]).shape == (0, 3)


def test_pictures_of_another_size_are_refused_where_prepared_ones_are_wanted(
    keras_model: SavedModel,
) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(n, \(16, 16, 3\)\)"):
        keras_model.predict_proba(np.zeros((2, 20, 20, 3), np.uint8))
    with pytest.raises(ValueError, match="expected uint8"):
        keras_model.predict(np.zeros((2, 20, 20, 3), np.float32))


def test_an_unreadable_picture_is_named_and_the_others_are_predicted(
    keras_model: SavedModel, tmp_path: Path
) -> None:
    good = draw(tmp_path / "good.png", "green", 0)
    bad = tmp_path / "bad.png"
    bad.write_bytes(good.read_bytes()[:50])
    table = keras_model.predict([bad, good])
    assert table["problem"][0]
    assert table["label"].isna().tolist() == [True, False]
    assert table["label"][1] == "green"
    assert np.isnan(table["probability"][0])


def test_a_missing_picture_is_the_users_error(keras_model: SavedModel, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no file or folder .*gone\.png"):
        keras_model.predict([tmp_path / "gone.png"])
    with pytest.raises(DatasetError, match="no pictures were named"):
        keras_model.predict([])


def test_array_models_come_back_without_keras(array_dir: Path) -> None:
    code = (
        "import sys, autosmall\n"
        f"model = autosmall.load_model({str(array_dir)!r})\n"
        "import numpy as np\n"
        "print(model.predict_proba(np.zeros((2, 16, 16, 3), np.uint8)).tolist())\n"
        "assert 'keras' not in sys.modules and 'tensorflow' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), [[0.2, 0.5, 0.3]] * 2, rtol=1e-6)


def test_samples_come_back(tmp_path: Path) -> None:
    pictures = np.arange(2 * 8 * 8 * 3).reshape(2, 8, 8, 3).astype(np.uint8)
    samples = ModelSamples(("a/ü.png", "b.png"), pictures, np.eye(2, 3, dtype=np.float32))
    save_model(tmp_path / "m", MAJORITY, DESCRIPTION, samples=samples)
    found = read_samples(tmp_path / "m")
    assert found is not None
    assert found.names == samples.names
    np.testing.assert_array_equal(found.pictures, pictures)
    np.testing.assert_array_equal(found.probabilities, samples.probabilities)


def test_a_run_folder_stands_for_its_model(array_dir: Path) -> None:
    assert load_model(array_dir.parent).folder == array_dir


# What is no saved model


def flip_byte(folder: Path) -> None:
    content = bytearray((folder / "model.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.npz").write_bytes(content)


def truncate(folder: Path) -> None:
    path = folder / "model.npz"
    path.write_bytes(path.read_bytes()[:-10])


def edit(folder: Path, **values: object) -> None:
    path = folder / "pipeline.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flip_byte, "is not the file that was saved"),
        (truncate, "is not the file that was saved"),
        (lambda folder: (folder / "model.npz").unlink(), "cannot open"),
        (lambda folder: (folder / "pipeline.json").unlink(), "holds no pipeline.json"),
        (lambda folder: (folder / "pipeline.json").write_text("{"), "cannot be used"),
        (lambda folder: (folder / "pipeline.json").write_text("[1]"), "cannot be used"),
        (lambda folder: edit(folder, format_version=9), "format version 9"),
        (lambda folder: edit(folder, kind="../../x"), "kind is '../../x'"),
        (lambda folder: edit(folder, classes=["one"]), "classes"),
        (lambda folder: edit(folder, config={"epochs": 3}), "needs a strategy"),
        (lambda folder: edit(folder, picture={"image_size_px": 10**9}), "image_size_px"),
    ],
)
def test_damaged_folders_are_refused(
    array_dir: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(array_dir)
    with pytest.raises(ModelFileError, match=message) as error:
        load_model(array_dir)
    assert error.value.remedy


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="holds no pipeline"):
        load_model(tmp_path / "nowhere")


def test_a_recipe_of_another_version_is_refused(array_dir: Path) -> None:
    edit(array_dir, recipe="later")
    with pytest.raises(ModelFileError, match="recipe 'later'"):
        load_model(array_dir).predict_proba(np.zeros((1, 16, 16, 3), np.uint8))


class Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def hostile_folder(folder: Path, kind: str, content: bytes) -> Path:
    """Write a folder whose digest fits, as whoever made it would."""
    folder.mkdir()
    name = "model.keras" if kind == "keras" else "model.npz"
    (folder / name).write_bytes(content)
    pipeline = Pipeline(
        SPEC, CLASSES, DESCRIPTION.config, kind, "majority", file_sha256(folder / name), "0.1.0"
    )
    write_pipeline(folder, pipeline)
    return folder


def test_pickled_arrays_are_never_opened(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    buffer = io.BytesIO()
    np.savez(buffer, class_shares=np.array([Canary(canary)], dtype=object))
    pickle.loads(pickle.dumps(Canary(canary)))
    assert canary.exists(), "the canary would never sing"
    canary.rmdir()
    folder = hostile_folder(tmp_path / "m", "arrays", buffer.getvalue())
    with pytest.raises(ModelFileError, match="allow_pickle=False"):
        load_model(folder)
    assert not canary.exists()


def test_arrays_of_objects_are_not_saved(tmp_path: Path) -> None:
    model = ArrayModel("majority", {"class_shares": np.array([None, 1], dtype=object)})
    with pytest.raises(TypeError, match="class_shares"):
        save_model(tmp_path / "m", model, DESCRIPTION)
    assert list(tmp_path.iterdir()) == []


def test_a_lambda_layer_is_refused(tmp_path: Path) -> None:
    import keras

    canary = tmp_path / "canary"
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Lambda(
                lambda x, path=str(canary): (os.makedirs(path, exist_ok=True), x)[1],
                output_shape=(16, 16, 3),
            ),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Softmax(),
        ]
    )
    model(np.zeros((1, 16, 16, 3), np.float32))
    assert canary.exists(), "the canary would never sing"
    canary.rmdir()
    model.save(tmp_path / "model.keras")
    content = (tmp_path / "model.keras").read_bytes()
    folder = hostile_folder(tmp_path / "m", "keras", content)
    with pytest.raises(ModelFileError, match=r"Lambda \(keras.layers\)") as refused:
        load_model(folder)
    assert f"--trust {folder / 'model.keras'}" in refused.value.remedy
    assert not canary.exists()


def test_a_trusted_lambda_layer_is_run(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Lambda(lambda x: x * 2, output_shape=(16, 16, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Softmax(),
        ]
    )
    model.save(tmp_path / "model.keras")
    folder = hostile_folder(tmp_path / "m", "keras", (tmp_path / "model.keras").read_bytes())
    picture = np.random.default_rng(0).integers(0, 9, (1, 16, 16, 3), dtype=np.uint8)
    trusted = load_model(folder, trust=[folder / "model.keras"])
    expected = model.predict_on_batch(picture.astype(np.float32))
    np.testing.assert_allclose(trusted.predict_proba(picture), expected, atol=1e-6)
    with pytest.raises(SettingsError, match="which is not a model in"):
        load_model(folder, trust=[tmp_path / "model.keras"])


def test_a_layer_from_elsewhere_is_refused_even_where_it_is_registered(tmp_path: Path) -> None:
    import keras

    @keras.saving.register_keras_serializable(package="elsewhere")
    class Foreign(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    model = keras.Sequential([keras.Input((16, 16, 3)), Foreign()])
    model.save(tmp_path / "model.keras")
    folder = hostile_folder(tmp_path / "m", "keras", (tmp_path / "model.keras").read_bytes())
    with pytest.raises(ModelFileError, match="nor AutoSmall's own: Foreign"):
        load_model(folder)


def test_a_file_that_is_no_keras_archive_is_refused(tmp_path: Path) -> None:
    folder = hostile_folder(tmp_path / "m", "keras", b"not a zip file")
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        load_model(folder)


def test_a_model_that_does_not_fit_its_pipeline_is_refused(tmp_path: Path) -> None:
    description = ModelDescription(PictureSpec(32), CLASSES, DESCRIPTION.config)
    save_model(tmp_path / "m", color_model(), description)
    with pytest.raises(ModelFileError, match=r"takes \(None, 16, 16, 3\)"):
        load_model(tmp_path / "m")


# Nothing half-written


def test_an_earlier_model_is_replaced_whole(array_dir: Path) -> None:
    (array_dir / "old_export.onnx").touch()
    shares = np.array([0.0, 0.0, 1.0], np.float32)
    save_model(array_dir, ArrayModel("majority", {"class_shares": shares}), DESCRIPTION)
    found = load_model(array_dir).predict_proba(np.zeros((1, 16, 16, 3), np.uint8))
    np.testing.assert_array_equal(found, [[0, 0, 1]])
    assert not (array_dir / "old_export.onnx").exists()
    assert leftovers(array_dir.parent) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_error_leaves_the_earlier_model(array_dir: Path, error: BaseException) -> None:
    raised = RunFolderError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(raised), staged_folder(array_dir) as staged:
        write_model_files(staged, MAJORITY, DESCRIPTION)
        raise error
    assert load_model(array_dir).classes == CLASSES
    assert leftovers(array_dir.parent) == []


def test_a_move_that_fails_brings_the_earlier_model_back(
    array_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if "-writing-" in self.name:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(RunFolderError, match="Input/output error"):
        save_model(array_dir, MAJORITY, DESCRIPTION)
    assert load_model(array_dir).classes == CLASSES
    assert leftovers(array_dir.parent) == []


def test_a_folder_of_other_things_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years")
    with pytest.raises(ModelFileError, match="is no saved model"):
        save_model(tmp_path / "thesis", MAJORITY, DESCRIPTION)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years"


# Evaluation


def color_folder(root: Path, per_class: int = 2, classes: tuple[str, ...] = CLASSES) -> Path:
    for row in range(per_class):
        for label in classes:
            draw(root / label / f"{row}.png", label, row)
    return root


def test_all_pictures_are_scored_where_there_is_no_test_split(
    keras_model: SavedModel, tmp_path: Path
) -> None:
    found = evaluate(keras_model, color_folder(tmp_path / "data"))
    assert (found["part"], found["n"], found["accuracy"]) == ("all pictures", 6, 1.0)
    assert found["opened"] is None


def test_the_test_split_is_scored_where_there_is_one(
    keras_model: SavedModel, tmp_path: Path
) -> None:
    color_folder(tmp_path / "data" / "train")
    for row in range(4):  # test pictures that lie under the wrong label
        draw(tmp_path / "data" / "test" / "red" / f"{row}.png", "blue" if row else "red", row)
    found = evaluate(keras_model, tmp_path / "data")
    assert (found["part"], found["n"], found["accuracy"]) == ("test split", 4, 0.25)
    assert found["roc_auc"] is None  # one class only


def test_a_table_is_scored_by_class_name(keras_dir: Path, tmp_path: Path) -> None:
    lines = ["image_path,label,split"]
    for row, label in enumerate(("red", "blue")):  # a subset of the classes, other order
        lines.append(f"{draw(tmp_path / f'{row}.png', label, row).name},{label},test")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    found = evaluate(keras_dir, tmp_path / "table.csv")
    assert (found["part"], found["n"], found["accuracy"]) == ("test split", 2, 1.0)


def test_unreadable_pictures_are_left_out_and_named(
    keras_model: SavedModel, tmp_path: Path
) -> None:
    root = color_folder(tmp_path / "data")
    (root / "red" / "broken.png").write_bytes(b"broken")
    found = evaluate(keras_model, root)
    assert found["n"] == 6
    unreadable = found["unreadable"]
    assert isinstance(unreadable, list)
    assert [name for name, _ in unreadable] == ["red/broken.png"]


def test_a_class_that_the_model_does_not_know_is_named(
    keras_model: SavedModel, tmp_path: Path
) -> None:
    root = color_folder(tmp_path / "data")
    (root / "green").rename(root / "purple")
    with pytest.raises(DatasetError, match="does not know: purple"):
        evaluate(keras_model, root)


def test_openings_are_counted_for_a_model_in_a_run(array_dir: Path, tmp_path: Path) -> None:
    (array_dir.parent / "settings.toml").touch()
    first, second = color_folder(tmp_path / "a"), color_folder(tmp_path / "b")
    counts = [evaluate(array_dir, data)["opened"] for data in (first, second, first, first)]
    assert counts == [1, 1, 2, 3]
    openings = json.loads((array_dir.parent / "test_openings.json").read_text())
    assert {entry["model_sha256"] for entry in openings} == {read_pipeline(array_dir).sha256}


def test_an_opening_that_cannot_be_counted_does_not_happen(array_dir: Path, tmp_path: Path) -> None:
    (array_dir.parent / "settings.toml").touch()
    (array_dir.parent / "test_openings.json").write_text("torn")
    with pytest.raises(AutoSmallError, match=r"test_openings\.json cannot be read"):
        evaluate(array_dir, color_folder(tmp_path / "data"))


def calibrated(temperature: float) -> ModelDescription:
    """Return a description with thresholds for red: from 0.2 on for recall, 0.9 for precision."""
    thresholds = (
        Threshold("recall", 0.9, 0.2, 0.91, 0.5, 0.4),
        Threshold("precision", 0.9, 0.9, 0.3, float("nan"), 0.1),
    )
    rare = RareClass("red", 12, 0.2, 0.7, 0.6, 0.8, thresholds)
    return replace(DESCRIPTION, decisions=Decisions(temperature, rare))


@pytest.mark.parametrize("kind", ["keras", "arrays"])
def test_the_temperature_is_inside_the_saved_model(tmp_path: Path, kind: str) -> None:
    made = color_model() if kind == "keras" else MAJORITY
    save_model(tmp_path / "plain", made, DESCRIPTION)
    save_model(tmp_path / "scaled", made, calibrated(2.0))
    pictures = np.tile(np.uint8(COLORS["red"]), (2, 16, 16, 1))
    plain = load_model(tmp_path / "plain").predict_proba(pictures)
    scaled = load_model(tmp_path / "scaled").predict_proba(pictures)
    np.testing.assert_allclose(scaled, scale_probabilities(plain, 2.0), atol=1e-6)
    assert np.abs(scaled - plain).max() > 0.01


def test_decisions_come_back(tmp_path: Path) -> None:
    description = calibrated(0.7)
    save_model(tmp_path / "m", MAJORITY, description)
    found = load_model(tmp_path / "m").decisions
    assert found.temperature == 0.7
    assert repr(found) == repr(description.decisions)  # NaN is not equal to itself


def test_a_threshold_changes_labels_and_nothing_else(tmp_path: Path) -> None:
    save_model(tmp_path / "m", MAJORITY, calibrated(1.0))  # blue 0.2, green 0.5, red 0.3
    model = load_model(tmp_path / "m")
    pictures = np.zeros((1, 20, 20, 3), np.uint8)
    plain, by_recall = model.predict(pictures), model.predict(pictures, recall=0.9)
    assert (plain["label"][0], by_recall["label"][0]) == ("green", "red")
    assert by_recall["probability"][0] == pytest.approx(0.3)
    assert model.predict(pictures, precision=0.9)["label"][0] == "green"
    columns = [f"probability_{name}" for name in CLASSES]
    assert by_recall[columns].equals(plain[columns])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"recall": 0.5}, r"recall 0.5\nexpected: .*class red: recall 0.9, precision 0.9"),
        ({"recall": 0.9, "precision": 0.9}, "recall 0.9 and precision 0.9"),
    ],
)
def test_a_threshold_that_is_not_stored_is_refused(
    tmp_path: Path, asked: dict[str, float], message: str
) -> None:
    save_model(tmp_path / "m", MAJORITY, calibrated(1.0))
    with pytest.raises(SettingsError, match=message):
        load_model(tmp_path / "m").predict(np.zeros((20, 20, 3), np.uint8), **asked)


def test_a_model_without_a_rare_class_has_no_threshold(array_dir: Path) -> None:
    with pytest.raises(SettingsError, match="none of them is rare"):
        load_model(array_dir).predict(np.zeros((20, 20, 3), np.uint8), recall=0.9)


def test_evaluate_tells_of_the_rare_class(tmp_path: Path) -> None:
    for label in CLASSES:
        draw(tmp_path / "data" / label / "0.png", label, 0)
    save_model(tmp_path / "m", MAJORITY, calibrated(1.0))
    found = evaluate(tmp_path / "m", tmp_path / "data")
    rare = found["rare_class"]
    assert (rare["name"], rare["pictures"], rare["recall"]) == ("red", 1, 0.0)
    assert rare["precision"] is None  # nothing is called red
    by_recall = rare["thresholds"][0]
    assert (by_recall["recall"], by_recall["precision"]) == (1.0, pytest.approx(1 / 3))
    # Always half sure of green, right in a third of the cases.
    assert found["calibration_error"] == pytest.approx(0.5 - 1 / 3)


@pytest.mark.parametrize("temperature", [0, -1, "hot", None])
def test_an_impossible_temperature_is_refused(array_dir: Path, temperature: object) -> None:
    edit(array_dir, temperature=temperature)
    with pytest.raises(ModelFileError, match="temperature"):
        load_model(array_dir)
