"""Exports: each runs in its own runtime, agrees with Keras, or is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autosmall.child import ChildFailedError, ask_child
from autosmall.errors import ExportError, ModelFileError
from autosmall.saved_model import export as export_module
from autosmall.saved_model import export_formats
from autosmall.saved_model.export import export
from autosmall.saved_model.export_formats import FORMATS, write_and_compare
from autosmall.saved_model.folder import ModelDescription, ModelSamples
from autosmall.saved_model.model import SavedModel, load_model, save_model
from autosmall.schema.config import Config
from autosmall.schema.pictures import PictureSpec
from autosmall.strategies.base import ArrayModel

DESCRIPTION = ModelDescription(
    PictureSpec(16), ("a", "b", "c"), Config.from_mapping({"strategy": "scratch"})
)
SUMS_IN_ANOTHER_ORDER = 1e-5
"""Single precision has 7 digits; the tiny model adds up some hundred numbers of order 1."""


def tiny_model():
    """Return a model with the layers that exports have got wrong: see ``export_formats``.

    It looks at a picture and at its mirror image, as models of frozen features may.
    """
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    features = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Rescaling(1 / 255),
            layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.3]),
            layers.SeparableConv2D(8, 3, strides=2, padding="same"),
            layers.BatchNormalization(momentum=0.0),
            layers.Activation("relu6"),
            layers.DepthwiseConv2D(3),
            layers.GlobalAveragePooling2D(),
        ]
    )
    shown = keras.Input((16, 16, 3))
    both = layers.Average()([features(shown), features(keras.ops.flip(shown, axis=2))])
    probabilities = layers.Dense(3, activation="softmax")(layers.Dropout(0.5)(both))
    model = keras.Model(shown, probabilities)
    model(pictures().astype(np.float32), training=True)  # gives BatchNormalization its statistics
    return model


def pictures() -> np.ndarray:
    """Return 5 pictures that are as different as a model can wish, noise of growing contrast."""
    noise = np.random.default_rng(0).uniform(0, 255, (5, 16, 16, 3))
    return (noise * np.linspace(0.1, 1, 5)[:, None, None, None]).astype(np.uint8)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    folder = tmp_path_factory.mktemp("export") / "model"
    model = tiny_model()
    probabilities = model.predict_on_batch(pictures().astype(np.float32))
    assert probabilities.std(axis=0).min() > 1e-3, "a model that is blind shows nothing"
    samples = ModelSamples(tuple("abcde"), pictures(), probabilities)
    save_model(folder, model, DESCRIPTION, samples=samples)
    return load_model(folder)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_agrees_with_keras(saved: SavedModel, tmp_path: Path, name: str) -> None:
    path = tmp_path / FORMATS[name].file_name
    assert write_and_compare(saved, name, path) < SUMS_IN_ANOTHER_ORDER
    assert path.exists()
    one = pictures()[:1]  # another number of pictures than at export
    np.testing.assert_allclose(
        FORMATS[name].run(path, one.astype(np.float32)), saved.predict_proba(one), atol=1e-5
    )


def test_export_puts_the_checked_file_in_place(saved: SavedModel, tmp_path: Path) -> None:
    target = tmp_path / "new" / "small.onnx"
    assert export(saved.folder, "onnx", target) == target
    assert [path.name for path in target.parent.iterdir()] == ["small.onnx"]
    found = FORMATS["onnx"].run(target, pictures().astype(np.float32))
    np.testing.assert_allclose(found, saved.predict_proba(pictures()), atol=1e-5)


def test_a_tampered_model_is_refused_by_the_child_as_such(
    saved: SavedModel, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in saved.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    with (folder / "model.keras").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ModelFileError, match="is not the file that was saved"):
        export(folder, "tflite")
    assert not (folder / "model.tflite").exists()


def answers(difference: float):
    """Return a stand-in for the child that writes a file and claims ``difference``."""

    def ask(module: str, arguments: list[str], environment: object) -> dict[str, object]:
        Path(arguments[2]).write_bytes(b"export")
        return {"largest_difference": difference}

    return ask


@pytest.mark.parametrize("difference", [0.01, float("nan"), float("inf")])
def test_an_export_that_disagrees_is_removed(
    saved: SavedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, difference: float
) -> None:
    target = tmp_path / "model.onnx"
    target.write_bytes(b"an earlier export")
    monkeypatch.setattr(export_module, "ask_child", answers(difference))
    with pytest.raises(ExportError, match="predicts otherwise than in Keras"):
        export(saved.folder, "onnx", target)
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert target.read_bytes() == b"an earlier export"


def test_a_wrong_export_is_seen(
    saved: SavedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_other(model: object, path: Path) -> None:
        other = tiny_model()
        other.layers[-1].bias.assign([0.1, 0, 0])
        export_formats.write_saved_model(other, path)

    wrong = export_formats.ExportFormat(
        "saved_model", (), write_other, export_formats.run_saved_model
    )
    monkeypatch.setitem(FORMATS, "saved-model", wrong)
    assert write_and_compare(saved, "saved-model", tmp_path / "m") > export_module.TOLERANCE


def test_a_conversion_that_fails_keeps_its_log(
    saved: SavedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> object:
        raise ChildFailedError(-6, "loc(unknown)\nerror: 'tf.Odd' op is neither a custom op\n")

    monkeypatch.setattr(export_module, "ask_child", fail)
    with pytest.raises(ExportError, match=r"'tf\.Odd' op is neither"):
        export(saved.folder, "tflite", tmp_path / "m.tflite")
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite.log"]
    assert "loc(unknown)" in (tmp_path / "m.tflite.log").read_text()


def test_a_model_without_its_pictures_cannot_be_checked(saved: SavedModel, tmp_path: Path) -> None:
    save_model(tmp_path / "m", saved.model, DESCRIPTION)
    with pytest.raises(ModelFileError, match=r"has no samples\.npz"):
        write_and_compare(load_model(tmp_path / "m"), "onnx", tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def test_arrays_cannot_be_exported(tmp_path: Path) -> None:
    shares = {"class_shares": np.array([0.5, 0.2, 0.3], np.float32)}
    save_model(tmp_path / "m", ArrayModel("majority", shares), DESCRIPTION)
    with pytest.raises(ExportError, match="no neural network"):
        export(tmp_path / "m", "onnx")


def test_an_unknown_format_is_refused(saved: SavedModel) -> None:
    with pytest.raises(ExportError, match="onnx, tflite, saved-model"):
        export(saved.folder, "pickle")


def test_missing_packages_are_named(saved: SavedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_module, "find_spec", lambda name: None if "tf2" in name else True)
    with pytest.raises(ExportError, match=r"needs tf2onnx.*\n.*\n.*pip install 'autosmall\[exp"):
        export(saved.folder, "onnx")


@pytest.mark.parametrize("target", ["model.onnx.zip", "taken"])
def test_outputs_that_fit_no_format_are_refused(
    saved: SavedModel, tmp_path: Path, target: str
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").touch()
    name = "saved-model" if target == "taken" else "onnx"
    with pytest.raises(ExportError):
        export(saved.folder, name, tmp_path / target)
    assert (tmp_path / "taken" / "thesis.txt").exists()


def test_a_child_that_dies_says_so() -> None:
    with pytest.raises(ChildFailedError) as error:
        ask_child("this_module_does_not_exist", [])
    assert "this_module_does_not_exist" in error.value.reason
