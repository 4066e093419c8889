"""The format of search-space files, by example: what is read, and what is refused and how."""

from __future__ import annotations

import textwrap
from dataclasses import replace

import pytest

from autosmall.errors import SpaceError
from autosmall.schema.config import Config
from autosmall.schema.space import (
    ChoiceDimension,
    Condition,
    FloatDimension,
    IntegerDimension,
    nearest_config,
    walk,
)
from autosmall.schema.space_file import list_spaces, read_space, restrict

HEADER = """
name = "drawn"
purpose = "tests"
usual_minutes = 5
command = "autosmall search DATASET --space drawn"
strategies = ["baseline", "frozen", "scratch"]
"""
FOUND = ("mobilenet", "patches")


@pytest.fixture
def read(tmp_path, table):
    """Reads a space from the text of its file, a full header before it unless told otherwise."""

    def read_text(text, *, header=HEADER, backbones=FOUND, train_size=100):
        path = tmp_path / "drawn.toml"
        path.write_text(header + textwrap.dedent(text), encoding="utf-8")
        return read_space(str(path), table, backbones=backbones, train_size=train_size)

    return read_text


def by_key(space):
    return {dimension.key: dimension for dimension in space.dimensions}


def only(*strategies):
    return Condition("strategy", strategies)


ENTRIES = [
    # (entry of [scratch], its dimension)
    (
        "width = { choices = [8, 16] }",
        ChoiceDimension("scratch.width", "width", (8, 16), (only("scratch"),)),
    ),
    ("width = 8", ChoiceDimension("scratch.width", "width", (8,), (only("scratch"),))),
    ("width = { value = 8 }", ChoiceDimension("scratch.width", "width", (8,), (only("scratch"),))),
    (
        "width = { low = 8, high = 32, step = 8 }",
        IntegerDimension("scratch.width", "width", 8, 32, 8, False, (only("scratch"),)),
    ),
    (
        "width = { low = 8, high = 32, log = true }",
        IntegerDimension("scratch.width", "width", 8, 32, 1, True, (only("scratch"),)),
    ),
    (
        "learning_rate = { low = 1e-4, high = 1 }",
        FloatDimension(
            "scratch.learning_rate", "learning_rate", 1e-4, 1.0, False, (only("scratch"),)
        ),
    ),
    (
        "learning_rate = { choices = [1, 0.1] }",
        ChoiceDimension("scratch.learning_rate", "learning_rate", (1.0, 0.1), (only("scratch"),)),
    ),
    (
        "mirror = { choices = [true, false] }",
        ChoiceDimension("scratch.mirror", "mirror", (True, False), (only("scratch"),)),
    ),
]


@pytest.mark.parametrize(("entry", "dimension"), ENTRIES, ids=[entry for entry, _ in ENTRIES])
def test_entries(read, entry, dimension):
    space = read(f"[scratch]\n{entry}")
    assert space.dimensions[1:] == (dimension,)
    values = getattr(dimension, "choices", ()) or (dimension.low, dimension.high)
    read_values = getattr(space.dimensions[1], "choices", ()) or (
        space.dimensions[1].low,
        space.dimensions[1].high,
    )
    assert [type(v) for v in read_values] == [type(v) for v in values], "1 and 1.0 are equal"


def test_header(read):
    space = read("")
    assert (space.name, space.purpose, space.usual_minutes) == ("drawn", "tests", 5.0)
    assert space.command == "autosmall search DATASET --space drawn"
    assert space.strategies == ("baseline", "frozen", "scratch")
    assert space.dimensions == (
        ChoiceDimension("strategy", "strategy", ("baseline", "frozen", "scratch")),
    )


def test_common_entries_hold_for_the_strategies_that_read_them(read):
    space = read("[common]\nimage_size_px = { choices = [64, 96] }\nwidth = 8")
    assert space.dimensions[1:] == (
        ChoiceDimension("image_size_px", "image_size_px", (64, 96), (only("frozen", "scratch"),)),
        ChoiceDimension("width", "width", (8,), (only("scratch"),)),
    )


def test_an_own_entry_takes_the_place_of_the_common_one(read):
    space = read(
        """
        [common]
        image_size_px = { choices = [64, 96] }
        [scratch]
        image_size_px = 32
        """
    )
    assert space.dimensions[1:] == (
        ChoiceDimension("image_size_px", "image_size_px", (64, 96), (only("frozen"),)),
        ChoiceDimension("scratch.image_size_px", "image_size_px", (32,), (only("scratch"),)),
    )


def test_when_is_resolved_for_each_strategy(read):
    """A common momentum hangs on the common optimizer, and on an own one where there is one."""
    space = read(
        """
        [common]
        momentum = { low = 0.8, high = 0.9, when = { optimizer = ["sgd"] } }
        optimizer = { choices = ["adam", "sgd"] }
        [frozen]
        head = { choices = ["logistic", "dense"] }
        optimizer = { choices = ["sgd"], when = { head = "dense" } }
        """
    )
    dimensions = by_key(space)
    assert dimensions["momentum"].conditions == (
        only("scratch"),
        Condition("optimizer", ("sgd",)),
    )
    assert dimensions["frozen.momentum"].conditions == (
        only("frozen"),
        Condition("frozen.optimizer", ("sgd",)),
    )
    assert dimensions["frozen.optimizer"].conditions == (
        only("frozen"),
        Condition("frozen.head", ("dense",)),
    )
    keys = list(dimensions)
    assert keys.index("frozen.head") < keys.index("frozen.optimizer")
    assert keys.index("frozen.optimizer") < keys.index("frozen.momentum")
    assert keys.index("optimizer") < keys.index("momentum"), "parents before children"


def test_conditions_hold_along_the_chain(read):
    space = read(
        """
        [frozen]
        head = { choices = ["logistic", "dense"] }
        optimizer = { choices = ["adam", "sgd"], when = { head = ["dense"] } }
        momentum = { low = 0.8, high = 0.9, when = { optimizer = ["sgd"] } }
        """
    )

    def config(**values):
        return walk(space, lambda d: values.get(d.name, d.at(0.0)))

    assert set(config(strategy="frozen", head="logistic", optimizer="sgd")) == {"strategy", "head"}
    assert "momentum" not in config(strategy="frozen", head="dense", optimizer="adam")
    assert "momentum" in config(strategy="frozen", head="dense", optimizer="sgd")
    assert set(config(strategy="scratch")) == {"strategy"}


def test_when_alone_refines_the_common_entry(read):
    space = read(
        """
        [common]
        optimizer = { choices = ["adam", "sgd"] }
        [frozen]
        head = { choices = ["logistic", "dense"] }
        optimizer = { when = { head = ["dense"] } }
        """
    )
    refined = by_key(space)["frozen.optimizer"]
    assert refined.choices == ("adam", "sgd")
    assert refined.conditions == (only("frozen"), Condition("frozen.head", ("dense",)))
    assert by_key(space)["optimizer"].conditions == (only("scratch"),)


def test_what_can_never_be_active_is_left_out(read):
    space = read(
        """
        [common]
        optimizer = { choices = ["adam", "sgd"] }
        momentum = { low = 0.8, high = 0.9, when = { optimizer = ["sgd"] } }
        [frozen]
        optimizer = "adam"
        """
    )
    assert by_key(space)["momentum"].conditions[0] == only("scratch")
    assert "frozen.momentum" not in by_key(space)


@pytest.mark.parametrize(
    ("train_size", "high"),
    [(100, 60), (500, 40), (1000, 20), (3000, 6), (10_000, 5), (1_000_000, 5)],
)
def test_epochs_are_bounded_by_pictures_seen(read, train_size, high):
    text = "[scratch]\nepochs = { low = 5, high = 60, log = true, max_pictures_seen = 20000 }"
    dimension = by_key(read(text, train_size=train_size))["scratch.epochs"]
    assert (dimension.low, dimension.high) == (5, high)


def test_bounded_epochs_keep_their_step(read):
    text = "[scratch]\nepochs = { low = 5, high = 65, step = 10, max_pictures_seen = 20000 }"
    dimension = by_key(read(text, train_size=500))["scratch.epochs"]
    assert (dimension.low, dimension.high, dimension.step) == (5, 35, 10)


BACKBONES = "[frozen]\nbackbone = {{ choices = {} }}"


def test_backbones_are_those_found(read):
    available = by_key(read(BACKBONES.format('"available"')))["frozen.backbone"]
    assert available.choices == FOUND
    pretrained = by_key(read(BACKBONES.format('"pretrained"')))["frozen.backbone"]
    assert pretrained.choices == ("mobilenet",)
    alone = by_key(read(BACKBONES.format('"pretrained"'), backbones=("patches",)))
    assert alone["frozen.backbone"].choices == ("patches",)


@pytest.mark.parametrize("word", ["available", "pretrained"])
def test_a_strategy_without_a_backbone_is_left_out(read, word):
    text = BACKBONES.format(f'"{word}"') + '\n[[start]]\nlabel = "x"\nstrategy = "frozen"'
    space = read(text, backbones=())
    assert space.strategies == ("baseline", "scratch")
    assert space.starts == ()


def test_a_space_of_nothing_but_missing_backbones_is_refused(read):
    header = HEADER.replace('"baseline", "frozen", "scratch"', '"frozen"')
    with pytest.raises(SpaceError, match="needs a backbone and none was found"):
        read(BACKBONES.format('"available"'), header=header, backbones=())


INVALID = [
    # (text after the header, place in the message, rest of the message)
    ("[common]\nimage_size = 64", "[common] image_size:", "did you mean 'image_size_px'?"),
    ("[scratch]\nlearning_rat = 0.1", "[scratch] learning_rat:", "did you mean 'learning_rate'?"),
    ("[frozen]\nwidth = 8", "[frozen] width:", "frozen reads no such parameter"),
    ("[baseline]\nwidth = 8", "[baseline] width:", "some of: none"),
    ("[scrach]\nwidth = 8", "unknown key 'scrach'", "did you mean 'scratch'?"),
    ("purposes = 3", "unknown key 'purposes'", "did you mean"),
    ("common = 3", "drawn.toml, common:", "write [common]"),
    ("[scratch]\nwidth = { low = 32, high = 8 }", "[scratch] width:", "low 32 is above high 8"),
    ("[scratch]\nwidth = { low = 2, high = 8 }", "[scratch] width.low:", "from 4 to 128"),
    ("[scratch]\nwidth = { low = 8, high = 999 }", "[scratch] width.high:", "from 4 to 128"),
    ("[scratch]\nwidth = { low = 8 }", "[scratch] width:", "high is missing"),
    ("[scratch]\nwidth = { low = 8.0, high = 9 }", "width.low:", "not a whole number"),
    ("[scratch]\nwidth = { low = 8, high = 21, step = 4 }", "width:", "set high = 20"),
    ("[scratch]\nwidth = { low = 8, high = 20, step = 0 }", "width:", "step is 0"),
    ("[scratch]\nwidth = { low = 8, high = 20, step = 4, log = true }", "width:", "log with step"),
    ("[scratch]\nwidth = { low = 8, high = 16, log = 1 }", "width:", "true or false"),
    ("[scratch]\nwidth = { lo = 8, high = 16 }", "unknown key 'lo'", "did you mean 'low'?"),
    ("[scratch]\nwidth = { choices = [8], low = 4 }", "unknown key 'low'", "choices, when"),
    ("[scratch]\nwidth = { value = 8, high = 9 }", "unknown key 'high'", "value, when"),
    ("[scratch]\nwidth = { choices = [] }", "[scratch] width:", "at least one value"),
    ("[scratch]\nwidth = { choices = [8, 8] }", "[scratch] width:", "repeat a value"),
    ("[scratch]\nwidth = { choices = [8, true] }", "[scratch] width:", "not a whole number"),
    ('[scratch]\nwidth = { choices = "available" }', "[scratch] width:", "a list of values"),
    ("[scratch]\nwidth = true", "[scratch] width:", "not a whole number"),
    ("[scratch]\nwidth = [8]", "[scratch] width:", "not a whole number"),
    (
        "[scratch]\nwidth = { low = 8, high = 9, max_pictures_seen = 5 }",
        "unknown key 'max_pictures_seen'",
        "low, high",
    ),
    (
        "[scratch]\nepochs = { low = 8, high = 9, max_pictures_seen = 0 }",
        "[scratch] epochs:",
        "max_pictures_seen is 0",
    ),
    ('[scratch]\nlearning_rate = "high"', "[scratch] learning_rate:", "not a number"),
    ("[scratch]\nlearning_rate = nan", "[scratch] learning_rate:", "from 1e-07 to 10.0"),
    ("[scratch]\nlearning_rate = { low = 0.0, high = 1.0 }", "learning_rate.low:", "is outside"),
    ("[scratch]\nmomentum = { low = 0.0, high = 0.9, log = true }", "momentum:", "log with low 0"),
    ("[scratch]\nmomentum = { low = 0.0, high = 0.9, step = 1 }", "unknown key 'step'", "low"),
    ('[scratch]\noptimizer = "adamm"', "[scratch] optimizer:", "did you mean 'adam'?"),
    ("[scratch]\noptimizer = { low = 1, high = 2 }", "unknown key 'low'", "value, choices"),
    ("[scratch]\noptimizer = {}", "[scratch] optimizer:", "no values given"),
    ('[scratch]\nmirror = "true"', "[scratch] mirror:", "one of True, False"),
    ("[scratch]\nmirror = 1", "[scratch] mirror:", "one of True, False"),
    ('[frozen]\nbackbone = { choices = "all" }', "[frozen] backbone:", "available, pretrained"),
    ("[frozen]\nbackbone = 3", "[frozen] backbone:", "3 is no value of it"),
    ('[scratch]\nwidth = { when = { optimizer = "sgd" } }', "width:", "only when is given"),
    ("[scratch]\nwidth = { value = 8, when = 3 }", "[scratch] width:", "when is 3"),
    (
        "[scratch]\nwidth = { value = 8, when = { optimizer = [] } }",
        "[scratch] width:",
        "one value or more",
    ),
    (
        '[scratch]\nwidth = { value = 8, when = { optimizer = ["sgd"] } }',
        "[scratch] width.when:",
        "scratch has no 'optimizer' in this space",
    ),
    (
        '[scratch]\noptimizer = "sgd"\nwidth = { value = 8, when = { optimiser = "sgd" } }',
        "[scratch] width.when:",
        "did you mean 'optimizer'?",
    ),
    (
        '[scratch]\noptimizer = "sgd"\nwidth = { value = 8, when = { optimizer = "sgdd" } }',
        "[scratch] width.when.optimizer:",
        "did you mean 'sgd'?",
    ),
    (
        "[scratch]\nepochs = { low = 1, high = 9 }\nwidth = { value = 8, when = { epochs = 3 } }",
        "[scratch] width.when.epochs:",
        "epochs is a range",
    ),
    (
        "[scratch]\nwidth = { value = 8, when = { width = 8 } }",
        "[scratch] width:",
        "in a circle: width -> width",
    ),
    (
        "[scratch]\nwidth = { value = 8, when = { mirror = true } }\n"
        "mirror = { choices = [true, false], when = { width = 8 } }",
        "[scratch] width:",
        "in a circle: width -> mirror -> width",
    ),
]


@pytest.mark.parametrize(("text", "place", "rest"), INVALID, ids=[text for text, _, _ in INVALID])
def test_what_is_wrong_is_refused_with_place_and_remedy(read, text, place, rest):
    with pytest.raises(SpaceError) as caught:
        read(text)
    message = str(caught.value)
    assert message.startswith("drawn.toml")
    assert place in message
    assert rest in message


HEADERS = [
    (HEADER.replace("usual_minutes = 5", ""), "usual_minutes is missing"),
    (HEADER.replace("= 5", "= 0"), "a number above 0"),
    (HEADER.replace("= 5", "= true"), "a number above 0"),
    (HEADER.replace("= 5", "= nan"), "a number above 0"),
    (HEADER.replace('"tests"', "3"), "purpose: 3 is no text"),
    (HEADER.replace('"scratch"', '"scrach"'), "did you mean 'scratch'?"),
    (HEADER.replace('"scratch"', '"frozen"'), "repeats a name"),
    (HEADER.replace('["baseline", "frozen", "scratch"]', "[]"), "name at least one"),
    (HEADER.replace('["baseline", "frozen", "scratch"]', '"scratch"'), "a list of strategies"),
    (HEADER + "[", "not TOML"),
    (HEADER.replace(', "scratch"', "") + "[scratch]", "is not among strategies"),
]


@pytest.mark.parametrize(("header", "message"), HEADERS, ids=[m for _, m in HEADERS])
def test_headers_that_are_refused(read, header, message):
    with pytest.raises(SpaceError) as caught:
        read("", header=header)
    assert message in str(caught.value)
    assert "drawn.toml" in str(caught.value)


SPACE = """
[common]
optimizer = { choices = ["adam", "sgd"] }
momentum = { low = 0.8, high = 0.95, when = { optimizer = ["sgd"] } }
image_size_px = { choices = [32, 64] }
[frozen]
backbone = { choices = "available" }
[scratch]
width = { low = 8, high = 32, step = 8 }
epochs = { low = 5, high = 60, max_pictures_seen = 2000 }
"""


def start(text):
    return f'{SPACE}\n[[start]]\nlabel = "Start"\n' + textwrap.dedent(text)


def test_a_start_takes_defaults_and_the_nearest_numbers(read):
    space = read(
        start(
            """
            strategy = "scratch"
            optimizer = "sgd"
            momentum = 0.99
            epochs = 40
            protected = true
            default = true
            """
        )
    )
    (found,) = space.starts
    assert (found.label, found.protected, found.default) == ("Start", True, True)
    assert nearest_config(space, found.preferences) == Config.from_mapping(
        {
            "strategy": "scratch",
            "optimizer": "sgd",
            "momentum": 0.95,  # at the edge of the space
            "epochs": 20,  # 2000 pictures seen at 100 pictures
            "image_size_px": 64,  # the nearest choice to the default of 96
            "width": 16,  # the default
        }
    )


def test_the_best_backbone_is_the_first_found(read):
    text = start('strategy = "frozen"\nbackbone = "best"')
    for backbones in (FOUND, ("patches",)):
        (found,) = read(text, backbones=backbones).starts
        assert found.preferences["backbone"] == backbones[0]


def test_a_start_whose_backbone_was_not_found_is_left_out(read):
    text = start('strategy = "frozen"\nbackbone = "patches"')
    assert len(read(text).starts) == 1
    assert read(text, backbones=("mobilenet",)).starts == ()


@pytest.mark.parametrize(
    ("backbones", "expected"),
    [(("builtin", "builtin+patches", "patches"), True), (("mobilenet", "builtin"), False)],
)
def test_a_start_can_be_protected_where_no_weights_were_found(read, backbones, expected):
    text = start('strategy = "frozen"\nprotected = "without_weights"')
    assert [found.protected for found in read(text, backbones=backbones).starts] == [expected]


INVALID_STARTS = [
    ("", "strategy is None"),
    ("strategy = 3", "strategy as text"),
    ('strategy = "scrach"', "did you mean 'scratch'?"),
    ('strategy = "scratch"\nprotected = 1', "protected: it is 1"),
    ('strategy = "scratch"\nprotected = "never"', "true, false or 'without_weights'"),
    ('strategy = "scratch"\nwidht = 8', "did you mean 'width'?"),
    ('strategy = "scratch"\nbackbone = "best"', "scratch reads no such parameter"),
    ('strategy = "scratch"\nlearning_rate = 0.1', "the space does not list it"),
    ('strategy = "scratch"\nwidth = "8"', "width: '8' is not a whole number"),
    ('strategy = "scratch"\nwidth = 3', "a whole number from 4 to 128"),
    ('strategy = "scratch"\noptimizer = "adamm"', "did you mean 'adam'?"),
    ('strategy = "scratch"\noptimizer = "adam"\nmomentum = 0.9', "leave it without effect"),
]


@pytest.mark.parametrize(("text", "message"), INVALID_STARTS, ids=[t for t, _ in INVALID_STARTS])
def test_starts_that_are_refused(read, text, message):
    with pytest.raises(SpaceError) as caught:
        read(start(text))
    assert message in str(caught.value)
    assert "drawn.toml, [[start]] 1" in str(caught.value)


def test_a_choice_that_the_space_does_not_offer_is_no_start(read):
    text = start('strategy = "scratch"\noptimizer = "sgd"').replace('"adam", "sgd"', '"adam"')
    with pytest.raises(SpaceError, match="'sgd' is not in the space"):
        read(text)


def test_two_defaults_are_refused(read):
    text = start('strategy = "scratch"\ndefault = true\n[[start]]\nlabel = "Other"\n')
    with pytest.raises(SpaceError, match="two starts are the default"):
        read(text + 'strategy = "baseline"\ndefault = true')


def test_restrict_keeps_what_the_strategies_need(read):
    space = read(start('strategy = "frozen"') + '\n[[start]]\nlabel = "B"\nstrategy = "scratch"')
    narrow = restrict(space, ("scratch", "baseline"))
    assert narrow.strategies == ("baseline", "scratch"), "in the order of the space"
    assert "frozen.backbone" not in by_key(narrow)
    assert by_key(narrow)["optimizer"].conditions == (only("scratch"),)
    assert [s.label for s in narrow.starts] == ["B"]
    assert restrict(space, ()) == space
    assert restrict(space, space.strategies) == space
    assert replace(narrow, starts=(), dimensions=()) == replace(space, starts=(), dimensions=())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("scrach",), "did you mean 'scratch'?"),
        (("scratch", "fine_tune"), "need a backbone"),
    ],
)
def test_restrict_to_an_unknown_strategy_is_refused(read, names, message):
    with pytest.raises(SpaceError) as caught:
        restrict(read(""), names)
    assert message in str(caught.value)


def test_a_missing_file_is_refused_with_the_nearest_name(table, tmp_path):
    with pytest.raises(SpaceError) as caught:
        read_space("defalt", table, backbones=(), train_size=10)
    assert "did you mean 'default'?" in str(caught.value)
    with pytest.raises(SpaceError, match="there is no search space"):
        read_space(str(tmp_path / "none.toml"), table, backbones=(), train_size=10)


def test_spaces_that_ship_are_listed_quickest_first():
    summaries = list_spaces()
    assert [s.name for s in summaries] == ["quick", "default", "scratch_only", "thorough"]
    for summary in summaries:
        assert summary.path.stem == summary.name
        assert summary.command == f"autosmall search DATASET --space {summary.name}"
        assert summary.purpose
