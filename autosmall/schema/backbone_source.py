"""Where a backbone comes from, resolved once by the driver and sent to the workers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

PATCHES = "patches"
"""Name of the backbone learned from the training part's own pictures (whitened k-means)."""
BUILTIN = "builtin"
"""Name of the backbone that ships inside the package."""
BUILTIN_AND_PATCHES = "builtin+patches"
"""Name of the two together."""
WITHOUT_WEIGHTS = frozenset({BUILTIN, BUILTIN_AND_PATCHES, PATCHES})
"""Backbones that need no weights but what the program ships with."""
SERVED_BY_WEIGHTS = ("frozen", "fine_tune")
"""Strategies that use a backbone, and do better with one that was trained on ImageNet."""
EXAMPLE_BACKBONE = "mobilenet_0.75"
"""A small one to fetch where none was found."""
HUB_PREFIX = "hub:"
"""What the names of KerasHub's presets begin with."""


@dataclass(frozen=True)
class BackboneSource:
    """A backbone that this search may use.

    Attributes:
        name: What configurations call it (``mobilenet_0.75``).
        kind: ``applications`` (keras.applications with weights), ``file`` (a ``.keras`` file),
            ``keras-hub`` (a preset's folder), ``builtin``, ``builtin+patches`` or ``patches``.
        weights_path: The file that holds its weights; empty for ``patches``.
        found_in: Where the program found it, in words.
        scaling: What a ``file`` is given instead of pixels 0 to 255: ``tf``, ``caffe``,
            ``torch`` as for keras.applications, or ``none``.
        last_layer: Name of the layer of a ``file`` whose output is the last feature map; empty
            for the program to find it.
        block_starts: Names of the layers with which the blocks of a ``file`` begin, from top to
            bottom; empty for the program to find them.
        remark: What the user should know about the file, or empty.
        trusted_sha256: Digest of a ``file`` whose own code the user lets run; empty for a file
            of Keras's own layers.
    """

    name: str
    kind: str
    weights_path: str = ""
    found_in: str = ""
    scaling: str = "none"
    last_layer: str = ""
    block_starts: tuple[str, ...] = ()
    remark: str = ""
    trusted_sha256: str = ""

    @property
    def recipe(self) -> str:
        """What, beside the weights, decides the features: a key for caches."""
        told = (self.scaling, self.last_layer, ",".join(self.block_starts))
        return self.name if told == ("none", "", "") else "|".join((self.name, *told))


def told_without_weights(found: Collection[str], strategies: Collection[str]) -> tuple[str, ...]:
    """Return what is used where no pretrained weights are among ``found``, and what to do.

    Nothing where there are, or where none of ``strategies`` would use them.

    >>> told_without_weights(["vgg16", "builtin"], ["frozen"])
    ()
    """
    served = [name for name in SERVED_BY_WEIGHTS if name in strategies]
    if not served or set(found) - WITHOUT_WEIGHTS:
        return ()
    used = "the built-in backbone" if BUILTIN in found else "patches of the pictures"
    return (
        f"no pretrained weights were found, so {' and '.join(served)} can use {used}; weights "
        f"trained on ImageNet usually do better: autosmall backbones fetch {EXAMPLE_BACKBONE}, "
        "or --weights-dir DIR",
    )
