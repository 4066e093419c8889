"""The health rules by name, in the words of the report."""

from __future__ import annotations

from dataclasses import dataclass

SAME_INPUTS = "same_inputs"
DIVERGED = "diverged"
OSCILLATING = "oscillating"
DEAD_UNITS = "dead_units"
OVERSIZED = "oversized"
COLLAPSE = "collapse"
NO_LEARNING = "no_learning"
CHANCE_LEVEL = "chance_level"
UNDERFITTING = "underfitting"
UNFINISHED = "unfinished"
OVERFITTING = "overfitting"
FLAT_VALIDATION = "flat_validation"

DEAD_UNIT_SHARE = "dead_unit_share"
"""What a fit's notes call the share of units that are zero for all training pictures."""
WEIGHT_GROWTH = "weight_growth"
"""What they call the growth of the weights (``training.loop.TrainingHistory``)."""

PARAMETERS_PER_PICTURE = 100_000
"""Weights to train per training picture that are absurd where they start from random values.

A colour picture of 183 px holds as many numbers: a network of this size has room for the training
pictures themselves. VGG16 and ResNet50 had 108 and 20 weights per picture of ImageNet.
"""


@dataclass(frozen=True)
class Rule:
    """A health rule, in the words of the report.

    Attributes:
        name: What :attr:`autosmall.schema.results.FoldResult.diagnoses` call it.
        seen: What it has seen when it fires.
        remedy: What to change.
        stops: Whether a fit may be stopped for it.
    """

    name: str
    seen: str
    remedy: str
    stops: bool = False


_IN_ORDER = (
    Rule(
        SAME_INPUTS,
        "all training pictures, or all the features made of them, were the same",
        "look at the pictures and at how they are read: there is nothing in them to learn from",
    ),
    Rule(
        DIVERGED,
        "the training loss was not a number, rose to ten times its start or ended above the loss "
        "of guessing, or the weights grew to twice their length while it hardly fell",
        "lower the learning rate (by a factor of 3 to 10)",
        stops=True,
    ),
    Rule(
        OSCILLATING,
        "the training loss was thrown far above the loss of guessing or jumped up and down, or it "
        "hardly fell while that on held-out pictures did",
        "lower the learning rate (by a factor of 3 to 10), or take larger batches",
    ),
    Rule(
        DEAD_UNITS,
        "most units of the network gave zero for every training picture",
        "lower the learning rate, or normalise activations (batch, group)",
    ),
    Rule(
        OVERSIZED,
        "there were 100,000 or more weights to train from scratch for each training picture",
        "take a smaller network, pool instead of flattening, or keep a pretrained one frozen",
    ),
    Rule(
        COLLAPSE,
        "every picture was given the same class, in training and held out",
        "weigh or sample the classes equally, lower the weight decay or the learning rate, or "
        "train longer",
    ),
    Rule(
        NO_LEARNING,
        "the training loss stayed within 0.5 % of its start for a third of the epochs, or "
        "predictions for training pictures did not go with their labels",
        "raise the learning rate, lower augmentation and regularisation, or check the labels",
        stops=True,
    ),
    Rule(
        CHANCE_LEVEL,
        "training pictures were learned, yet held-out ones were told apart no better than with "
        "their labels exchanged at random",
        "check that the labels go with the pictures; if they do, there are too few pictures for "
        "this way of training: use pretrained features, or augment more",
    ),
    Rule(
        UNDERFITTING,
        "the training loss had stopped falling while many training pictures were still classed "
        "wrongly, and held-out ones did hardly worse",
        "take a larger network or better features, or lower augmentation and regularisation",
    ),
    Rule(
        UNFINISHED,
        "many training pictures were still classed wrongly, and the training loss was falling "
        "when the epochs ended",
        "train for more epochs, or raise the learning rate (by a factor of 3)",
    ),
    Rule(
        OVERFITTING,
        "less than half of what was learned carried over to held-out pictures, or the loss on "
        "these rose, and the accuracy fell, while training went on",
        "augment more, raise dropout or weight decay, train for fewer epochs, or take a smaller "
        "or pretrained model",
    ),
    Rule(
        FLAT_VALIDATION,
        "the loss on held-out pictures did not move from epoch to epoch",
        "see what else was diagnosed; if nothing was, raise the learning rate",
    ),
)

RULES: dict[str, Rule] = {rule.name: rule for rule in _IN_ORDER}
"""Name to rule. Diagnoses of a fit are stored in this order: what causes others comes first."""
