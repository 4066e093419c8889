"""A backbone's own size in a space: its starts take it, others do not."""

from __future__ import annotations

from autosmall.schema.space import ChoiceDimension, Condition, Space, Start, nearest_config
from autosmall.schema.space_sizes import with_own_size


def make_space() -> Space:
    def when(strategy: str) -> tuple[Condition, ...]:
        return (Condition("strategy", (strategy,)),)

    return Space(
        "drawn",
        "a test",
        1,
        "",
        (
            ChoiceDimension("strategy", "strategy", ("frozen", "scratch")),
            ChoiceDimension("frozen.backbone", "backbone", ("own", "other"), when("frozen")),
            ChoiceDimension("frozen.size", "image_size_px", (96, 160), when("frozen")),
            ChoiceDimension("scratch.size", "image_size_px", (64, 96), when("scratch")),
        ),
        tuple(
            Start(label, {"strategy": "frozen", "backbone": backbone, "image_size_px": 160})
            for label, backbone in (("a", "own"), ("b", "other"))
        ),
    )


def test_its_starts_see_pictures_of_its_size_and_others_keep_theirs():
    space = with_own_size(make_space(), "own", 32)
    configs = [nearest_config(space, start.preferences) for start in space.starts]
    assert [config["image_size_px"] for config in configs] == [32, 160]


def test_the_size_is_a_choice_of_the_strategies_that_may_use_it():
    choices = {d.key: d.choices for d in with_own_size(make_space(), "own", 32).dimensions}
    assert choices["frozen.size"] == (32, 96, 160)
    assert choices["scratch.size"] == (64, 96)


def test_a_backbone_for_large_pictures_changes_nothing():
    assert with_own_size(make_space(), "own", 224) == make_space()
    assert with_own_size(make_space(), "absent", 32).dimensions == make_space().dimensions
