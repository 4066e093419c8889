"""The spaces that ship, read against what the strategies really read."""

from __future__ import annotations

import random

import pytest

from autosmall.errors import SpaceError
from autosmall.explorers.portfolio import start_suggestions
from autosmall.schema.space import nearest_config, walk
from autosmall.schema.space_file import find_space, list_spaces, read_space
from autosmall.strategies.registry import parameters_by_strategy

NAMES = [summary.name for summary in list_spaces()]
FOUND = ("mobilenet_0.75", "mobilenet_0.25", "patches")
NEED_WEIGHTS = {"fine_tune"}


def read(name, backbones=FOUND, train_size=1600):
    return read_space(name, parameters_by_strategy(), backbones=backbones, train_size=train_size)


@pytest.mark.parametrize("train_size", [28, 400, 4000])
@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_holds_only_what_its_strategy_reads(name, train_size):
    space = read(name, train_size=train_size)
    parameters = parameters_by_strategy()
    source = random.Random(7)
    for _ in range(300):
        config = walk(space, lambda dimension: dimension.at(source.random()))
        read_by_it = {parameter.name for parameter in parameters[config.strategy]}
        assert set(config) - {"strategy"} <= read_by_it


@pytest.mark.parametrize("name", NAMES)
def test_each_strategy_has_a_start_and_the_cheap_ones_come_first(name):
    space = read(name)
    strategies = [str(start.preferences["strategy"]) for start in space.starts]
    assert set(strategies) == set(space.strategies)
    assert strategies[0] == "baseline"
    expensive = [s in ("scratch", "autoencoder", "fine_tune") for s in strategies]
    assert expensive == sorted(expensive), "a start that trains networks before one that does not"
    assert 6 <= len(start_suggestions(space)) <= 12


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backbones", [FOUND, ("patches",)])
def test_one_default_and_a_protected_start_for_each_strategy(name, backbones):
    space = read(name, backbones)
    suggestions = start_suggestions(space)
    assert sum(suggestion.is_default for suggestion in suggestions) == 1
    protected = {s.config.strategy for s in suggestions if s.protected}
    assert protected == set(space.strategies)


@pytest.mark.parametrize("name", ["quick", "default", "thorough"])
@pytest.mark.parametrize("weights", [(), ("mobilenet_0.75",)])
def test_training_the_built_in_backbone_is_protected_where_there_is_no_other(name, weights):
    suggestions = start_suggestions(read(name, (*weights, "builtin", "builtin+patches", "patches")))
    trained = [s for s in suggestions if s.label.startswith("Built-in backbone,")]
    assert [s.protected for s in trained] == [not weights]


@pytest.mark.parametrize("name", NAMES)
def test_without_weights_only_what_needs_them_is_missing(name):
    with_weights, without = read(name).strategies, read(name, ("patches",)).strategies
    assert set(with_weights) - set(without) <= NEED_WEIGHTS
    assert "frozen" not in with_weights or "frozen" in without


@pytest.mark.parametrize("train_size", [100, 1600])
@pytest.mark.parametrize("name", ["quick", "default"])
def test_starts_that_train_a_network_see_a_bounded_number_of_pictures(name, train_size):
    space = read(name, train_size=train_size)
    for start in space.starts:
        config = nearest_config(space, start.preferences)
        seen = sum(
            config.integer(epochs) * train_size
            for epochs in ("epochs", "pretrain_epochs")
            if epochs in config
        )
        assert seen <= 20_000, start.label


@pytest.mark.parametrize("name", ["thorough", "scratch_only"])
def test_pictures_in_their_own_shape_are_tried_and_never_flattened(name):
    space = read(name)
    source = random.Random(3)
    configs = [walk(space, lambda dimension: dimension.at(source.random())) for _ in range(600)]
    native = [config for config in configs if "native" in config.to_dict().values()]
    offered = {"scratch", "frozen", "fine_tune"} & set(space.strategies)
    assert {config.strategy for config in native} == offered
    assert not any(config.to_dict().get("head") == "flatten" for config in native)
    assert "native" in [start.preferences.get("resize_policy") for start in space.starts]


@pytest.mark.parametrize(("picture_size_px", "wanted"), [(32, 160), (95, 160), (96, 192)])
def test_default_start_enlarges_small_pictures_less(picture_size_px, wanted):
    space = read_space(
        "default",
        parameters_by_strategy(),
        backbones=FOUND,
        train_size=1600,
        picture_size_px=picture_size_px,
    )
    (start,) = [start for start in space.starts if start.default]
    assert nearest_config(space, start.preferences)["image_size_px"] == wanted


def test_a_size_by_pictures_names_both_sizes(tmp_path):
    file = tmp_path / "space.toml"
    text = find_space("default").read_text(encoding="utf-8")
    file.write_text(text.replace("usual = 192, ", "", 1), encoding="utf-8")
    with pytest.raises(SpaceError, match=r"usual = \.\.\., small"):
        read(str(file))
