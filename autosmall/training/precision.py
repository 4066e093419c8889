"""Mixed precision: the layers of a network compute in bfloat16 while it is trained on a GPU.

bfloat16 has the range of float32 and 8 significant bits instead of 24 (Kalamkar et al., "A study of
BFLOAT16 for deep learning training", arXiv 1905.12322). float16 has not that range, so it needs
losses that are scaled up and down again (Micikevicius et al., "Mixed precision training", ICLR
2018); a GPU that has float16 alone trains in float32 here.

Weights, the layers that a network ends with, losses and metrics stay in float32. So do predictions:
what is scored is the float32 network that is saved.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from autosmall.training.gpu import find_gpu

FLOAT32 = "float32"
BFLOAT16 = "bfloat16"


def training_precision() -> str:
    """Return in what training computes here: ``bfloat16`` on a GPU that has it, or ``float32``."""
    gpu = find_gpu()
    return BFLOAT16 if gpu is not None and gpu.has_bfloat16 else FLOAT32


@contextmanager
def in_training_precision(network: keras.Model) -> Iterator[None]:
    """Let the layers of ``network`` compute in :func:`training_precision` meanwhile.

    Layers have it from Keras's dtype policy of their own; the global one is left alone. A function
    keeps the precision that it was traced in, so trace training here and prediction elsewhere.
    Layers with another policy than ``float32`` keep theirs.
    """
    lowered = _inner_layers(network) if training_precision() == BFLOAT16 else []
    for layer in lowered:
        layer.dtype_policy = "mixed_bfloat16"
    try:
        yield
    finally:
        for layer in lowered:
            layer.dtype_policy = FLOAT32


def _inner_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """Return the float32 layers, at any depth, but for those whose outputs the network returns."""
    last = {id(layer) for end in _last_layers(network) for layer in end._flatten_layers()}
    return [
        layer
        for layer in network._flatten_layers(include_self=False)
        if not isinstance(layer, keras.Model)
        and id(layer) not in last
        and layer.dtype_policy.name == FLOAT32
    ]


def _last_layers(network: keras.Model) -> list[keras.layers.Layer]:
    ends = [tensor._keras_history.operation for tensor in keras.tree.flatten(network.output)]
    return [end for end in ends if isinstance(end, keras.layers.Layer)]
