"""Networks that take pictures of any shape, and grey ones."""

import keras
import numpy as np
import pytest

from autosmall.models.backbones import build_untrained
from autosmall.models.patches import build_patch_backbone, learn_filters
from autosmall.models.pooled_features import feature_model
from autosmall.models.pooling import HeadSpec
from autosmall.models.scratch_cnn import ScratchCnn
from autosmall.schema.mixed_pictures import MixedPictures
from autosmall.schema.pictures import PictureSpec

RNG_SEED = 0


def noise(*shape):
    return np.random.default_rng(RNG_SEED).uniform(0, 255, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("color_mode", "pooling"), [("rgb", "global_average"), ("grayscale", "pyramid")]
)
def test_scratch_cnn_takes_any_shape(color_mode, pooling):
    picture = PictureSpec(64, "native", color_mode)
    network = ScratchCnn(picture, 4, 5, "batch", HeadSpec(3, pooling)).build()
    assert network.input_shape == (None, None, None, picture.channels)
    for size in ((16, 128), (64, 64), (40, 24)):
        assert network.predict_on_batch(noise(2, *size, picture.channels)).shape == (2, 3)


def test_scratch_cnn_of_native_pictures_cannot_be_flattened():
    with pytest.raises(ValueError, match="cannot be flattened"):
        ScratchCnn(PictureSpec(64, "native"), 4, 2, "none", HeadSpec(3, "flatten")).build()


def test_scratch_cnn_of_grey_pictures_looks_at_one_channel():
    network = ScratchCnn(
        PictureSpec(28, color_mode="grayscale"), 4, 2, "batch", HeadSpec(3, "flatten")
    ).build()
    first = next(layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D))
    assert first.kernel.shape == (3, 3, 1, 4)


def test_a_backbone_of_any_shape_has_the_stages_and_features_of_one_of_that_shape():
    keras.utils.set_random_seed(1)
    fixed = build_untrained("mobilenet_v2_0.35", (96, 96, 3))
    free = build_untrained("mobilenet_v2_0.35", (None, None, 3))
    free.model.set_weights(fixed.model.get_weights())
    assert [stage.shape[-1] for stage in free.stages] == [stage.shape[-1] for stage in fixed.stages]
    assert [block.name for block in free.blocks] == [block.name for block in fixed.blocks]
    pictures = noise(2, 96, 96, 3)
    features = feature_model(free)
    np.testing.assert_allclose(
        features.predict_on_batch(pictures),
        feature_model(fixed).predict_on_batch(pictures),
        rtol=1e-4,
        atol=1e-5,
    )
    other = features.predict_on_batch(noise(1, 64, 128, 3))
    assert other.shape == (1, features.output_shape[-1])


def test_grey_pictures_of_any_shape_are_repeated_inside_the_backbone():
    backbone = build_untrained("mobilenet_0.25", (None, None, 1))
    assert backbone.model.input_shape == (None, None, None, 1)
    assert backbone.model.get_layer("grey_to_rgb").output.shape[-1] == 3
    first = next(x for x in backbone.model.layers if isinstance(x, keras.layers.Conv2D))
    assert first.kernel.shape[2] == 3


def test_patches_are_learned_from_and_looked_for_in_pictures_of_any_shape():
    rng = np.random.default_rng(RNG_SEED)
    shapes = [(32, 48, 1), (48, 32, 1)] * 10
    pictures = MixedPictures.of([rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes])
    filters = learn_filters(pictures, 1, side_px=64)
    assert filters.reduction == 2
    model = feature_model(build_patch_backbone(filters, (None, None, 1)))
    widths = {model.predict_on_batch(noise(1, *shape)).shape for shape in shapes}
    assert widths == {(1, 2 * 4 * filters.kernel.shape[-1])}
