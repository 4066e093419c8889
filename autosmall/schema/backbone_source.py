"""Where a backbone comes from, resolved once by the driver and sent to the workers."""

from __future__ import annotations

from dataclasses import dataclass

PATCHES = "patches"
"""Name of the backbone learned from the training part's own pictures (whitened k-means)."""


@dataclass(frozen=True)
class BackboneSource:
    """A backbone that this search may use.

    Attributes:
        name: What configurations call it (``mobilenet_0.75``).
        kind: ``applications`` (keras.applications with weights), ``file`` (a ``.keras`` file)
            or ``patches``.
        weights_path: The weights' file; empty for ``patches``.
        found_in: Where the program found it, in words.
    """

    name: str
    kind: str
    weights_path: str = ""
    found_in: str = ""
