"""Decoded pictures for the fits of one process: lent by the pool, or decoded on first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from autosmall.data.mapped_pictures import MappedPictures, open_pictures, prepare_pictures
from autosmall.schema.mixed_pictures import Pictures
from autosmall.schema.pictures import PictureSpec


class DecodedPictures:
    """A :class:`~autosmall.strategies.base.PictureSource` over a list of files.

    Each spec is decoded once, when it is first asked for, and kept, a large set in the folder
    ``cache_dir``. Arrays that somebody else holds can be lent for a while with :meth:`lend`; they
    go before one's own and are not kept.
    """

    def __init__(self, paths: Sequence[str], cache_dir: Path | None = None) -> None:
        self._paths = tuple(paths)
        self._cache_dir = cache_dir
        self._own: dict[PictureSpec, Pictures | MappedPictures] = {}
        self._lent: Mapping[PictureSpec, Pictures | MappedPictures] = {}

    def lend(self, pictures: Mapping[PictureSpec, Pictures | MappedPictures]) -> None:
        """Use ``pictures`` from now on, in place of what was lent before."""
        self._lent = pictures

    def __call__(self, spec: PictureSpec) -> Pictures:
        """Return the pictures, read-only.

        Raises as :func:`~autosmall.data.mapped_pictures.prepare_pictures` does.
        """
        if spec in self._lent:
            return open_pictures(self._lent[spec])
        if spec not in self._own:
            self._own[spec] = prepare_pictures(self._paths, spec, self._cache_dir)
        return open_pictures(self._own[spec])

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._paths)
