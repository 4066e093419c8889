"""What runs inside a Ray actor."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autosmall.data.mapped_pictures import MappedPictures
from autosmall.runner.pictures import DecodedPictures
from autosmall.runner.process import (
    MemoryShare,
    private_memory_bytes,
    redirect_output,
    set_up_process,
)
from autosmall.runner.worker import Worker
from autosmall.schema.mixed_pictures import Pictures
from autosmall.schema.pictures import PictureSpec
from autosmall.schema.results import FoldResult
from autosmall.schema.search_context import FitRequest, SearchContext
from autosmall.strategies.base import Strategy


@dataclass(frozen=True)
class JobDone:
    """A job's results, one per fold, and whether its worker should be replaced now."""

    results: list[FoldResult]
    outgrown: bool


class RayWorker:
    """A long-lived worker: imports once, is told of the search once, then does fold after fold.

    Keras and its backend are imported when the first fit needs them, or while there is nothing
    else to do: the first rows of a search, which do without, need not wait for that.

    Ray calls the methods in the order in which they were called, one at a time.
    """

    def __init__(self, name: str, memory_share_bytes: int | None) -> None:
        set_up_process()
        self._name = name
        self._memory_share = MemoryShare(memory_share_bytes)
        self._is_warm = False

    def warm_up(self) -> None:
        """Import Keras and its backend, unless that was done; no fit's time counts it."""
        if self._is_warm:
            return
        import keras  # noqa: F401

        self._is_warm = True
        # What was just imported lives as long as the process: no need to look at it again.
        gc.collect()
        gc.freeze()

    def begin(self, context: SearchContext, strategies: Mapping[str, Strategy]) -> None:
        """Take in the facts of the search."""
        # A machine that cannot write the run folder keeps Ray's own log files.
        with suppress(OSError):
            if context.log_dir:
                redirect_output(Path(context.log_dir) / f"{self._name}.log")
        self._labelled = DecodedPictures(context.picture_paths)
        self._unlabelled = DecodedPictures(context.unlabelled_paths)
        self._strategies = strategies
        self._worker = Worker(
            context,
            self._labelled,
            self._unlabelled if context.unlabelled_paths else None,
            self._name,
            self._strategies,
        )

    def run(
        self,
        request: FitRequest,
        specs: Sequence[PictureSpec],
        *pictures: Pictures | MappedPictures,
    ) -> JobDone:
        """Return what came of a request.

        Args:
            request: What to fit.
            specs: Specs of the pictures that follow.
            pictures: The labelled pictures in each spec, then the unlabelled ones in as many of
                them as were sent. Ray hands arrays over by reference, in shared memory.
        """
        strategy = self._strategies.get(request.config.strategy)
        if strategy is not None and strategy.needs_keras:
            self.warm_up()
        self._labelled.lend(dict(zip(specs, pictures, strict=False)))
        self._unlabelled.lend(dict(zip(specs, pictures[len(specs) :], strict=False)))
        try:
            results = list(self._worker.run(request))
        finally:
            # A reference kept here would keep Ray from moving the pictures to disk.
            self._labelled.lend({})
            self._unlabelled.lend({})
        return JobDone(results, self._memory_share.is_outgrown(private_memory_bytes()))
