"""The large networks by the way that users take: a weights file, found, read, cut, fine-tuned."""

from __future__ import annotations

import gc
import shutil
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from autosmall.models.backbone_registry import find_backbones
from autosmall.models.backbone_table import BACKBONES
from autosmall.models.backbones import build_backbone
from autosmall.strategies.registry import get_strategy

NETWORKS = [
    # name, trained blocks, the lowest trained block, its first layer or what it is given
    ("vgg16", 3, "block3", "block3_conv1"),
    ("resnet50", 2, "conv5_block2", "conv5_block2_1_conv"),
    ("xception", 1, "block14", "block14_sepconv1"),
    ("inception_v3", 1, "mixed10", "mixed9"),
    ("efficientnet_b0", 2, "block7a", "block7a_expand_conv"),
]


@pytest.fixture
def weights_dir(tmp_path):
    """A folder that is emptied at once: the files have up to 100 MB."""
    folder = tmp_path / "weights"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)
    keras.backend.clear_session()
    gc.collect()


def write_random_weights(name, folder):
    """Write what Keras would download, with random weights and drawn moving averages."""
    entry = BACKBONES[name]
    keras.utils.set_random_seed(0)
    model = getattr(keras.applications, entry.function)(
        include_top=False, weights=None, input_shape=(entry.smallest_px, entry.smallest_px, 3)
    )
    draw = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(draw.normal(0, 0.1, layer.moving_mean.shape))
    with h5py.File(folder / entry.files[0], "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def weighted(model):
    """Return the layers with weights, bottom to top: some names change from build to build."""
    return [layer for layer in model.layers if layer.weights]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "trained", "lowest", "begin"), NETWORKS)
def test_weights_are_read_back_and_only_the_top_blocks_trained(
    name, trained, lowest, begin, weights_dir, make_task
):
    write_random_weights(name, weights_dir)
    (source,) = find_backbones((name,), weights_dir).found
    side_px = BACKBONES[name].smallest_px
    original = build_backbone(source, (side_px, side_px, 3))
    blocks = original.blocks
    cut = blocks[trained - 1]
    assert cut.name == lowest
    assert begin in (cut.input._keras_history.operation.name, *cut.layers)

    strategy = get_strategy("fine_tune")
    values = {
        "backbone": name,
        "image_size_px": side_px,
        "trainable_blocks": trained,
        "augmentation": "none",
        "batch_size": 8,
        "epochs": 1,
        "learning_rate": 1e-3,
    }
    task = replace(make_task(strategy, values), backbones=(source,))
    result = strategy.fit(task)
    tuned = result.build_model()

    above = {layer for block in blocks[:trained] for layer in block.layers}
    changed = set()
    for before, after in zip(weighted(original.model), weighted(tuned), strict=False):
        assert type(before) is type(after)
        same = all(map(np.array_equal, before.get_weights(), after.get_weights()))
        assert same or before.name in above, before.name
        changed |= set() if same else {type(before).__name__}
    assert changed
    assert "BatchNormalization" not in changed
    assert result.validation_probabilities.shape == (len(task.validation_index), 2)
    np.testing.assert_allclose(result.validation_probabilities.sum(axis=1), 1, rtol=1e-5)
