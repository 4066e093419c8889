"""A bank of views on disk: drawn once by several processes, read as one memory-mapped array."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autosmall.data.views.composer import ViewComposer, ViewMixture
from autosmall.data.views.sources import SourcePicture, fingerprint
from autosmall.files import write_text

Pixels = NDArray[np.uint8]

SHARD_VIEWS = 2_000


def build_bank(
    folder: Path,
    sources: tuple[SourcePicture, ...],
    count: int,
    side_px: int,
    mixture: ViewMixture,
    seed: int,
    *,
    processes: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, count: None,
) -> Pixels:
    """Return ``count`` views, ``uint8 (count, side_px, side_px, 3)``, read from ``folder``.

    Views that stand there already, from an earlier call with equal arguments, are not drawn
    again; a bank of other views there is replaced. The views do not depend on ``processes``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = json.dumps(
        [fingerprint(sources), count, side_px, asdict(mixture), seed, SHARD_VIEWS], sort_keys=True
    )
    path, key_path = folder / "views.npy", folder / "views.json"
    known = json.loads(key_path.read_text()) if key_path.exists() else {}
    done = int(known["shards"]) if known.get("key") == key and path.exists() else 0
    shards = range(done, -(-count // SHARD_VIEWS))
    if not shards:
        return np.load(path, mmap_mode="r")
    if done == 0:
        np.lib.format.open_memmap(path, "w+", np.uint8, (count, side_px, side_px, 3)).flush()
    with ProcessPoolExecutor(
        processes,
        initializer=_start,
        initargs=(ViewComposer(sources, side_px, mixture, seed), path),
    ) as pool:
        for shard, _ in zip(shards, pool.map(_draw_shard, shards), strict=True):
            write_text(key_path, json.dumps({"key": key, "shards": shard + 1}))
            on_progress(min(count, (shard + 1) * SHARD_VIEWS), count)
    return np.load(path, mmap_mode="r")


_composer: ViewComposer
_path: Path


def _start(composer: ViewComposer, path: Path) -> None:
    global _composer, _path
    _composer, _path = composer, path


def _draw_shard(shard: int) -> None:
    views = np.load(_path, mmap_mode="r+")
    stop = min(len(views), (shard + 1) * SHARD_VIEWS)
    for number in range(shard * SHARD_VIEWS, stop):
        views[number] = _composer.view(number)
    views.flush()
