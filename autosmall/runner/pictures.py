"""Decoded pictures for the fits of one process: lent by the pool, or decoded on first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autosmall.data.images import load_pictures
from autosmall.schema.mixed_pictures import Pictures
from autosmall.schema.pictures import PictureSpec


class DecodedPictures:
    """A :class:`~autosmall.strategies.base.PictureSource` over a list of files.

    Each spec is decoded once, when it is first asked for, and kept. Arrays that somebody else
    holds can be lent for a while with :meth:`lend`; they go before one's own and are not kept.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(paths)
        self._own: dict[PictureSpec, Pictures] = {}
        self._lent: Mapping[PictureSpec, Pictures] = {}

    def lend(self, pictures: Mapping[PictureSpec, Pictures]) -> None:
        """Use ``pictures`` from now on, in place of what was lent before."""
        self._lent = pictures

    def __call__(self, spec: PictureSpec) -> Pictures:
        """Return the pictures, read-only.

        Raises :class:`~autosmall.data.images.UnreadablePictureError` for a file that is broken.
        """
        if spec in self._lent:
            return self._lent[spec]
        if spec not in self._own:
            self._own[spec] = load_pictures(self._paths, spec)
        return self._own[spec]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._paths)
