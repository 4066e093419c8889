"""What the user is told where no pretrained weights were found."""

from __future__ import annotations

import pytest

from autosmall.schema.backbone_source import told_without_weights

SHIPPED = ("builtin", "builtin+patches", "patches")


@pytest.mark.parametrize(
    ("found", "strategies", "begin"),
    [
        (
            SHIPPED,
            ("frozen", "fine_tune"),
            "so frozen and fine_tune can use the built-in backbone;",
        ),
        (SHIPPED, ("scratch", "frozen"), "so frozen can use the built-in backbone;"),
        (("patches",), ("frozen",), "so frozen can use patches of the pictures;"),
    ],
)
def test_it_says_what_is_used_instead_and_how_to_get_better_ones(found, strategies, begin):
    (line,) = told_without_weights(found, strategies)
    assert line.startswith(f"no pretrained weights were found, {begin}")
    assert line.endswith("autosmall backbones fetch mobilenet_0.75, or --weights-dir DIR")


@pytest.mark.parametrize(
    ("found", "strategies"), [(("vgg16", *SHIPPED), ("frozen",)), (SHIPPED, ("scratch",))]
)
def test_nothing_is_said_where_weights_are_there_or_of_no_use(found, strategies):
    assert told_without_weights(found, strategies) == ()
