import tomllib

import pytest

from autosmall.errors import SpaceError
from autosmall.schema.bit_hyperrule import bit_hyperrule
from autosmall.schema.parameters import FloatParameter, IntegerParameter
from autosmall.schema.space import nearest_config
from autosmall.schema.space_file import find_space, read_space
from autosmall.strategies.registry import parameters_by_strategy

ALL = ("mobilenet_0.75", "patches")


def test_the_papers_two_pairs_of_batch_and_rate():
    plenty = bit_hyperrule(10_000, 300, 10**9)
    assert (plenty["batch_size"], plenty["learning_rate"]) == (512, pytest.approx(0.003))
    quarter = bit_hyperrule(10_000, 300, 128 * 500)
    assert (quarter["batch_size"], quarter["learning_rate"]) == (128, pytest.approx(0.001))


@pytest.mark.parametrize(("train_size", "steps"), [(80, 500), (1600, 500), (30_000, 10_000)])
def test_epochs_come_as_near_to_the_steps_as_whole_ones_can(train_size, steps):
    values = bit_hyperrule(train_size, 300, 10**6)
    per_epoch = train_size / values["batch_size"]
    assert abs(values["epochs"] * per_epoch - steps) <= max(per_epoch, 1)


def test_small_pictures_are_seen_smaller():
    assert bit_hyperrule(100, 95, 10_000)["image_size_px"] == 128
    assert bit_hyperrule(100, 96, 10_000)["image_size_px"] == 480


def test_batches_fit_the_set_and_what_can_be_afforded():
    assert bit_hyperrule(40, 300, 10**6)["batch_size"] == 32
    assert bit_hyperrule(4000, 300, 8000)["batch_size"] == 16
    assert bit_hyperrule(4000, 300, 100)["batch_size"] == 8


def test_it_names_parameters_of_fine_tune_within_their_ranges():
    known = {parameter.name: parameter for parameter in parameters_by_strategy()["fine_tune"]}
    for name, value in bit_hyperrule(1600, 150, 8000).items():
        parameter = known[name]
        if isinstance(parameter, FloatParameter | IntegerParameter):
            assert parameter.low <= value <= parameter.high
        else:
            assert value in parameter.choices


@pytest.mark.parametrize("space", ["default", "thorough"])
@pytest.mark.parametrize("train_size", [30, 80, 400, 1600, 4000])
def test_shipped_starts_keep_the_rule(space, train_size):
    read = read_space(
        space,
        parameters_by_strategy(),
        backbones=ALL,
        train_size=train_size,
        picture_size_px=32,
    )
    (start,) = [start for start in read.starts if start.label == "BiT-HyperRule"]
    config = nearest_config(read, start.preferences)
    assert start.protected
    assert config.text("learning_rate_schedule") == "bit"
    assert config.text("first_head") == "zero"
    assert config.integer("image_size_px") == 128
    steps = config.integer("epochs") * train_size / config.integer("batch_size")
    # Half the steps at least, even where the space's limit on pictures seen cuts the last epochs.
    assert 250 <= steps <= 750 or config.integer("batch_size") == 8
    rate = 0.003 * (config.integer("batch_size") / 512) ** 0.7925
    assert config.number("learning_rate") == pytest.approx(rate, rel=0.01)


def test_large_pictures_take_the_largest_size_that_the_space_has():
    read = read_space(
        "default", parameters_by_strategy(), backbones=ALL, train_size=80, picture_size_px=500
    )
    (start,) = [start for start in read.starts if start.label == "BiT-HyperRule"]
    sizes = next(
        d
        for d in read.dimensions
        if d.name == "image_size_px" and "fine_tune" in d.conditions[0].values
    )
    assert nearest_config(read, start.preferences).integer("image_size_px") == max(sizes.choices)


def write(tmp_path, rule: str, strategy: str):
    text = find_space("default").read_text()
    head = text[: text.index("[[start]]")]
    path = tmp_path / "own.toml"
    path.write_text(head + f'[[start]]\nlabel = "mine"\nstrategy = "{strategy}"\nrule = "{rule}"\n')
    assert tomllib.loads(path.read_text())
    return path


@pytest.mark.parametrize(
    ("rule", "strategy"), [("bit_hyperule", "fine_tune"), ("bit_hyperrule", "scratch")]
)
def test_other_rules_and_strategies_are_refused(tmp_path, rule, strategy):
    with pytest.raises(SpaceError, match=r"\[\[start\]\] 1\.rule"):
        read_space(
            str(write(tmp_path, rule, strategy)),
            parameters_by_strategy(),
            backbones=ALL,
            train_size=80,
        )


def test_what_a_start_names_goes_before_the_rule(tmp_path):
    path = write(tmp_path, "bit_hyperrule", "fine_tune")
    path.write_text(path.read_text() + "epochs = 3\n")
    read = read_space(str(path), parameters_by_strategy(), backbones=ALL, train_size=80)
    config = nearest_config(read, read.starts[0].preferences)
    assert config.integer("epochs") == 3
    assert config.text("optimizer") == "sgd"
