"""BiT-HyperRule: how long and how fast to fine-tune, from the data set's size and its pictures'.

Kolesnikov et al., "Big Transfer (BiT): General visual representation learning", ECCV 2020,
section 3.3: below 20,000 pictures 500 steps of SGD with momentum 0.9, batches of 512 at the rate
0.003, warmed up over the first fifth and divided by 10 at two, three and four fifths; pictures
below 96 x 96 are seen at 128 px, larger ones at 480 px; all weights are trained, from a head of
zeros, without weight decay and, on sets this small, without MixUp.

What is ours is the batch: as large as can be afforded, for steps are what the rule fixes. The rate
follows the batch as between the two pairs that the authors give, 0.003 for 512 and 0.001 for 128.
"""

from __future__ import annotations

import math

from autosmall.schema.config import Value

SMALL_SET_PICTURES = 20_000
SMALL_SET_STEPS, LARGER_SET_STEPS = 500, 10_000
BATCH_SIZE, LEAST_BATCH_SIZE = 512, 8
LEARNING_RATE = 0.003
RATE_EXPONENT = math.log(3) / math.log(4)
"""A quarter of the batch has a third of the rate."""
SMALL_PICTURE_PX = 96
SMALL_PICTURES_AT_PX, LARGER_PICTURES_AT_PX = 128, 480
WARMUP_SHARE = 0.2


def bit_hyperrule(
    train_size: int, picture_size_px: int, affordable_pictures: int
) -> dict[str, Value]:
    """Return the values of ``fine_tune`` that the rule names.

    Args:
        train_size: Pictures to train on.
        picture_size_px: Side of a square as large as the usual picture.
        affordable_pictures: How many pictures may be seen in training, a picture seen twice
            counting twice. Where that is too few for the steps in the smallest batches, more
            are asked for.

    >>> values = bit_hyperrule(1600, 150, 8000)
    >>> values["batch_size"], values["epochs"], round(values["learning_rate"], 5)
    (16, 5, 0.00019)
    """
    steps = SMALL_SET_STEPS if train_size < SMALL_SET_PICTURES else LARGER_SET_STEPS
    most = min(BATCH_SIZE, affordable_pictures // steps, train_size)
    batch_size = max(LEAST_BATCH_SIZE, 2 ** int(math.log2(max(1, most))))
    small = picture_size_px < SMALL_PICTURE_PX
    return {
        "image_size_px": SMALL_PICTURES_AT_PX if small else LARGER_PICTURES_AT_PX,
        "first_head": "zero",
        "layer_decay": 1.0,
        "optimizer": "sgd",
        "momentum": 0.9,
        "weight_decay": 0.0,
        "learning_rate": LEARNING_RATE * (batch_size / BATCH_SIZE) ** RATE_EXPONENT,
        "learning_rate_schedule": "bit",
        "warmup_share": WARMUP_SHARE,
        "batch_size": batch_size,
        "epochs": max(1, round(steps * batch_size / train_size)),
    }
