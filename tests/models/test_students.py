"""Networks to be trained: names, sizes that suit, and blocks that can be told by their names."""

from __future__ import annotations

import pytest

from autosmall.errors import SettingsError
from autosmall.models.backbones import backbone_from_model
from autosmall.models.students import (
    build_student,
    check_student,
    suggest_size_px,
    suggest_student,
)


def test_small_pictures_get_a_compact_network_near_their_own_size_and_large_ones_a_mobilenet():
    assert suggest_size_px(28, None) == 32
    assert suggest_size_px(45, None) == 48
    assert suggest_size_px(300, None) == 96
    assert suggest_size_px(40, "xception") == 71
    assert suggest_student(32).startswith("compact_")
    assert suggest_student(96).startswith("mobilenet_")


@pytest.mark.parametrize("name", ["compact_2", "compact_x", "mobilnet_0.25", ""])
def test_an_unknown_student_is_refused_with_what_there_is(name):
    with pytest.raises(SettingsError, match="compact_4 to compact_128"):
        check_student(name, 32)


def test_a_side_that_is_too_small_is_refused():
    with pytest.raises(SettingsError, match=r"at least 32 px for mobilenet_0\.25"):
        check_student("mobilenet_0.25", 28)


def test_a_compact_student_is_trainable_and_its_blocks_bear_names():
    model = build_student("compact_4", 20)
    assert model.input_shape == (None, 20, 20, 3)
    assert all(layer.trainable for layer in model.layers)
    blocks = backbone_from_model(model).blocks
    assert [block.name for block in blocks] == ["block4", "block3", "block2", "block1"]


def test_an_architecture_of_the_table_is_trainable():
    model = build_student("mobilenet_0.25", 32)
    assert len(model.output_shape) == 4 and model.trainable
    assert len(model.trainable_weights) > 50
