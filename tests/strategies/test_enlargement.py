"""Pictures below what a backbone can take are made larger, and the user is told."""

from dataclasses import replace

import pytest

from autosmall.schema.config import Config
from autosmall.schema.parameters import defaults
from autosmall.schema.space import (
    ChoiceDimension,
    Condition,
    IntegerDimension,
    Space,
)
from autosmall.strategies.enlargement import enlarged_sizes
from autosmall.strategies.registry import get_strategy


def space_of(sizes, backbones):
    frozen = (Condition("strategy", ("frozen",)),)
    return Space(
        "drawn",
        "",
        1,
        "",
        (
            ChoiceDimension("strategy", "strategy", ("scratch", "frozen")),
            ChoiceDimension("frozen.backbone", "backbone", backbones, frozen),
            replace(sizes, key="frozen.image_size_px", name="image_size_px", conditions=frozen),
        ),
    )


def test_the_user_is_told_per_backbone_which_sizes_are_made_larger():
    space = space_of(ChoiceDimension("", "", (48, 28, 96)), ("mobilenet_0.25", "xception"))
    assert enlarged_sizes(space) == (
        "mobilenet_0.25 takes pictures of 32 px or more: with it, those of 28 px are made 32 px",
        "xception takes pictures of 71 px or more: with it, those of 28, 48 px are made 71 px",
    )


def test_long_ranges_are_told_by_their_ends():
    space = space_of(IntegerDimension("", "", 40, 160), ("inception_v3",))
    (told,) = enlarged_sizes(space)
    assert "those of 40 to 74 px are made 75 px" in told


def test_nothing_is_told_where_all_sizes_will_do():
    assert enlarged_sizes(space_of(ChoiceDimension("", "", (96,)), ("xception", "patches"))) == ()


@pytest.mark.parametrize("name", ["frozen", "fine_tune"])
@pytest.mark.parametrize(
    ("backbone", "size", "used"),
    [("xception", 28, 71), ("inception_v3", 28, 75), ("xception", 96, 96), ("patches", 28, 28)],
)
def test_the_resolved_configuration_holds_the_size_that_is_used(name, backbone, size, used):
    strategy = get_strategy(name)
    config = Config.from_mapping({"strategy": name, "backbone": backbone, "image_size_px": size})
    resolved = strategy.resolved(config)
    assert resolved.integer("image_size_px") == used
    assert set(resolved) == {*defaults(strategy.parameters), "strategy"}
    (spec,) = strategy.picture_specs(resolved)
    assert spec.image_size_px == used


def test_native_pictures_have_no_side_below_the_backbones_smallest():
    strategy = get_strategy("frozen")
    config = strategy.resolved(
        Config.from_mapping(
            {
                "strategy": "frozen",
                "backbone": "inception_v3",
                "image_size_px": 28,
                "resize_policy": "native",
            }
        )
    )
    (spec,) = strategy.picture_specs(config)
    for size in ((28, 28), (1, 500), (3000, 20)):
        assert min(spec.prepared_size(*size)) >= 75
