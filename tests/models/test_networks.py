"""The compact CNN that is trained from scratch."""

import keras
import pytest

from autosmall.models.pooling import HeadSpec
from autosmall.models.scratch_cnn import ScratchCnn
from autosmall.schema.pictures import PictureSpec

HEAD = HeadSpec(3, "global_average")


@pytest.mark.parametrize(
    ("size", "color", "blocks", "normalization", "pooling"),
    [
        (8, "rgb", 6, "batch", "pyramid"),
        (28, "grayscale", 3, "group", "flatten"),
        (65, "rgb", 2, "none", "global_average"),
    ],
)
def test_scratch_cnn_gives_logits_at_any_size(size, color, blocks, normalization, pooling):
    picture = PictureSpec(size, color_mode=color)
    network = ScratchCnn(picture, 6, blocks, normalization, HeadSpec(3, pooling)).build()
    assert network.input_shape == (None, size, size, picture.channels)
    assert network.output_shape == (None, 3)
    kinds = {type(layer).__name__ for layer in network.layers}
    assert ("BatchNormalization" in kinds) == (normalization == "batch")
    assert ("GroupNormalization" in kinds) == (normalization == "group")


def test_scratch_cnn_doubles_its_filters_up_to_512():
    network = ScratchCnn(PictureSpec(32), 128, 5, "none", HEAD).build()
    filters = [layer.filters for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert filters == [128, 128, 256, 256, 512, 512, 512, 512, 512, 512]


def test_stem_is_strided_from_64_px():
    for size, side in ((63, 63), (64, 32)):
        network = ScratchCnn(PictureSpec(size), 4, 1, "none", HEAD).build()
        first = next(x for x in network.layers if isinstance(x, keras.layers.Conv2D))
        assert first.output.shape[1:3] == (side, side)
