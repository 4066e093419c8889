import keras
import numpy as np
import pytest

from autosmall.models import patches
from autosmall.models.patches import build_patch_backbone, learn_filters
from autosmall.models.pooled_features import Extractor, feature_model, used_columns

SIDE_PX = 20


@pytest.fixture
def pictures():
    """Stripes across and stripes along, in turn, at random phases, on 20 x 20 pixels."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:20, 0:20]
    drawn = [
        100 + 80 * np.sin((rows if i % 2 else columns) * 1.3 + rng.uniform(0, 6)) for i in range(40)
    ]
    noisy = np.stack(drawn)[..., None] + rng.normal(0, 5, (40, 20, 20, 3))
    return noisy.clip(0, 255).astype(np.uint8)


@pytest.fixture
def few_filters(monkeypatch):
    monkeypatch.setattr(patches, "FILTERS", 16)
    monkeypatch.setattr(patches, "SAMPLED_PATCHES", 2000)
    patches.forget()
    yield
    patches.forget()


def test_same_pictures_and_seed_give_the_same_filters(pictures, few_filters):
    first = learn_filters(pictures, 1, SIDE_PX)
    patches.forget()
    assert learn_filters(pictures, 1, SIDE_PX).digest == first.digest
    assert learn_filters(pictures, 2, SIDE_PX).digest != first.digest
    assert learn_filters(pictures[:20], 1, SIDE_PX).digest != first.digest


def test_convolution_compares_whitened_patches_with_unit_vectors(pictures, few_filters):
    """On patches drawn from the pictures, every filter's score has about unit variance."""
    filters = learn_filters(pictures, 1, SIDE_PX)
    backbone = build_patch_backbone(filters, pictures.shape[1:])
    linear = keras.Model(
        backbone.model.input,
        keras.layers.Conv2D(16, patches.PATCH_PX, name="linear")(
            backbone.model.get_layer("patch_filters").input
        ),
    )
    linear.get_layer("linear").set_weights([filters.kernel, filters.bias + patches.THRESHOLD])
    scores = linear.predict_on_batch(pictures.astype(np.float32))
    assert np.abs(scores.mean((0, 1, 2))).max() < 0.3
    # Whitening is regularised, so variances stay below 1; k-means favours directions of much.
    assert 0.2 < scores.var((0, 1, 2)).mean() < 3


def test_features_tell_directions_apart_whatever_the_contrast(pictures, few_filters):
    backbone = build_patch_backbone(learn_filters(pictures, 1, SIDE_PX), pictures.shape[1:])
    extract = Extractor(feature_model(backbone))
    features = extract(pictures)
    assert features.shape == (40, 2 * 4 * 16)
    dimmed = extract((pictures * 0.5 + 60).astype(np.uint8))
    labels = np.arange(40) % 2
    centres = np.stack([features[labels == k].mean(0) for k in (0, 1)])
    distances = ((dimmed[:, None] - centres) ** 2).sum(2)
    assert (distances.argmin(1) == labels).all()


def test_quadrants_are_kept_apart(pictures, few_filters):
    backbone = build_patch_backbone(learn_filters(pictures, 1, SIDE_PX), pictures.shape[1:])
    columns = used_columns(backbone, "last", "avg")
    flat = np.full((1, 20, 20, 3), 128, np.uint8)
    marked = flat.copy()
    marked[:, 12:, 12:] = pictures[0, 12:, 12:]
    extract = Extractor(feature_model(backbone))
    changed = np.abs(extract(marked) - extract(flat))[0, columns].reshape(2, 2, 16).max(2)
    # The normalisation divides by a deviation of 3 on flat ground: rounding shows.
    assert changed[1, 1] > 0.1 and changed[0, 0] < 1e-3


def test_model_survives_safe_mode(pictures, few_filters, tmp_path):
    model = build_patch_backbone(learn_filters(pictures, 1, SIDE_PX), pictures.shape[1:]).model
    model.save(tmp_path / "patches.keras")
    again = keras.saving.load_model(tmp_path / "patches.keras", safe_mode=True)
    batch = pictures.astype(np.float32)
    np.testing.assert_allclose(again(batch), model(batch), atol=1e-5)


def test_one_block_is_trained_when_fine_tuned(pictures, few_filters):
    backbone = build_patch_backbone(learn_filters(pictures, 1, SIDE_PX), pictures.shape[1:])
    assert len(backbone.blocks) == 1
    assert "patch_filters" in backbone.blocks[0].layers
