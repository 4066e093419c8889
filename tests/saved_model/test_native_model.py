"""A saved model of pictures in their own shape: the same pixels, the same answers, any runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autosmall.data.images import load_pictures
from autosmall.saved_model.export_formats import FORMATS, write_and_compare
from autosmall.saved_model.folder import ModelDescription, ModelSamples, read_samples
from autosmall.saved_model.model import SavedModel, load_model, save_model
from autosmall.schema.config import Config
from autosmall.schema.mixed_pictures import MixedPictures
from autosmall.schema.pictures import PictureSpec

SPEC = PictureSpec(32, "native", smallest_side_px=16)
DESCRIPTION = ModelDescription(SPEC, ("a", "b", "c"), Config.from_mapping({"strategy": "scratch"}))
SIZES = [(32, 32), (20, 50), (50, 20), (200, 100), (5, 5), (32, 32)]


def untrained():
    """Return a scratch network with a pyramid on top whose last layer is not zero."""
    import keras

    from autosmall.models.pooling import HeadSpec
    from autosmall.models.scratch_cnn import ScratchCnn
    from autosmall.strategies.supervised import with_softmax

    keras.utils.set_random_seed(5)
    network = ScratchCnn(SPEC, 4, 3, "batch", HeadSpec(3, "pyramid")).build()
    last = network.get_layer("classifier")
    last.kernel.assign(keras.random.normal(last.kernel.shape, seed=1) * 0.1)
    return with_softmax(network)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(2)
    for number, (height, width) in enumerate(SIZES):
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, paths: list[Path]) -> SavedModel:
    folder = tmp_path_factory.mktemp("native") / "model"
    model = untrained()
    save_model(folder, model, DESCRIPTION)
    pictures = load_pictures(paths, SPEC)
    names = tuple(path.name for path in paths)
    samples = ModelSamples(names, pictures, load_model(folder).predict_proba(pictures))
    save_model(folder, model, DESCRIPTION, samples=samples)
    return load_model(folder)


def test_the_pipeline_says_the_policy_and_the_model_takes_any_shape(saved: SavedModel) -> None:
    assert saved.pipeline.picture_spec == SPEC
    assert saved.model.input_shape == (None, None, None, 3)


def test_samples_of_several_shapes_come_back(saved: SavedModel, paths: list[Path]) -> None:
    samples = read_samples(saved.folder)
    assert samples is not None and isinstance(samples.pictures, MixedPictures)
    assert len(samples.pictures.buckets) > 2
    expected = load_pictures(paths, SPEC)
    for row in range(len(paths)):
        assert np.array_equal(samples.pictures[np.array([row])], expected[np.array([row])])
    np.testing.assert_allclose(
        saved.predict_proba(samples.pictures), samples.probabilities, atol=1e-6
    )


def test_files_together_alone_and_as_arrays_are_predicted_alike(
    saved: SavedModel, paths: list[Path]
) -> None:
    together = saved.predict(paths)
    probabilities = together.filter(like="probability_").to_numpy()
    assert np.ptp(probabilities, axis=0).max() > 1e-3, "a model that is blind shows nothing"
    for row, path in enumerate(paths):
        alone = saved.predict(path).filter(like="probability_").to_numpy()
        as_array = saved.predict(np.asarray(Image.open(path)))
        for found in (alone, as_array.filter(like="probability_").to_numpy()):
            np.testing.assert_allclose(found[0], probabilities[row], atol=1e-5)


def test_pictures_of_other_channels_are_refused(saved: SavedModel) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(n, \(None, None, 3\)\)"):
        saved.predict_proba(np.zeros((2, 32, 32, 1), np.uint8))


@pytest.mark.parametrize("name", FORMATS)
def test_exports_agree_on_every_shape(saved: SavedModel, name: str, tmp_path: Path) -> None:
    for package in FORMATS[name].packages:
        pytest.importorskip(package)
    assert write_and_compare(saved, name, tmp_path / FORMATS[name].file_name) < 1e-4
