"""How a picture becomes an array: the part of a configuration that decoding depends on."""

from __future__ import annotations

from dataclasses import dataclass

from autosmall.schema.config import Config


@dataclass(frozen=True, order=True)
class PictureSpec:
    """Side in pixels, how the picture is made square, and its colours.

    Arrays made to a spec are ``uint8`` of shape ``(n, image_size_px, image_size_px, channels)``
    with 3 channels for ``rgb`` and 1 for ``grayscale``.
    """

    image_size_px: int
    resize_policy: str = "stretch"
    color_mode: str = "rgb"

    @property
    def channels(self) -> int:
        """3 for ``rgb``, 1 for ``grayscale``."""
        return 3 if self.color_mode == "rgb" else 1

    @classmethod
    def from_config(cls, config: Config) -> PictureSpec:
        """Return the spec that a configuration with the input parameters asks for."""
        return cls(
            config.integer("image_size_px"),
            config.text("resize_policy"),
            config.text("color_mode"),
        )
