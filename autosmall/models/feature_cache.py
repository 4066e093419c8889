"""Facts about single pictures, computed once and shared between worker processes.

A fact (a descriptor, the pooled layers of a backbone) depends on one picture alone, never on
labels or on other pictures, so sharing it between folds leaks nothing. Pictures are worked on
in chunks of fixed composition, and a chunk's address is a digest of what is computed and of the
pixels it is computed from: values do not depend on who computes them, and later runs on the
same pictures find them. Values are kept in the precision they come in.

Processes divide the work by claims, files made with ``O_EXCL`` that name their owner. The claim
of a dead process is taken over, and a claimed chunk that does not come is computed a second
time rather than waited for; both write the same bytes, and files appear by renaming.
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from autosmall.schema.mixed_pictures import MixedPictures, Pictures

CHUNK_PICTURES = 64
MEMORY_LIMIT_BYTES = 768 * 2**20
PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.05

Floats = NDArray[np.floating]
Compute = Callable[[NDArray[np.uint8]], Floats]
"""Facts of a chunk: ``uint8 (c, height, width, channels)`` to ``(c, ...)``, any float."""

_memory: OrderedDict[str, Floats] = OrderedDict()
_digests: dict[int, list[str]] = {}
"""Of the pixels of arrays that are alive, by their identity."""


def picture_facts(
    pictures: Pictures,
    what: str,
    compute: Compute,
    cache_dir: Path | None,
) -> Floats:
    """Return ``(n, ...)``, read-only: ``compute`` for every picture.

    Args:
        pictures: ``uint8 (n, height, width, channels)``, or several of these, each of which
            is worked on by itself.
        what: All that the values depend on besides the pixels.
        compute: Called for chunks that are not known yet; at most :data:`CHUNK_PICTURES` rows.
        cache_dir: Folder shared by the workers, or ``None`` to remember in this process only.
    """
    if isinstance(pictures, MixedPictures):
        return _shape_by_shape(pictures, what, compute, cache_dir)
    chunks = [
        pictures[start : start + CHUNK_PICTURES]
        for start in range(0, len(pictures), CHUNK_PICTURES)
    ]
    addresses = [_address(what, digest) for digest in _pixel_digests(pictures, chunks)]
    whole = hashlib.blake2b("/".join(addresses).encode(), digest_size=16).hexdigest()
    if whole in _memory:
        _memory.move_to_end(whole)
        return _memory[whole]
    if cache_dir is None:
        parts = [compute(chunk) for chunk in chunks]
    else:
        parts = _shared(chunks, addresses, compute, cache_dir / "facts")
    return _remember(whole, np.concatenate(parts))


def _shape_by_shape(
    pictures: MixedPictures, what: str, compute: Compute, cache_dir: Path | None
) -> Floats:
    parts = [
        picture_facts(bucket.pictures, what, compute, cache_dir) for bucket in pictures.buckets
    ]
    values = np.empty((len(pictures), *parts[0].shape[1:]), parts[0].dtype)
    for bucket, part in zip(pictures.buckets, parts, strict=True):
        values[bucket.rows] = part
    values.flags.writeable = False
    return values


def forget() -> None:
    """Empty this process's memory; files stay."""
    _memory.clear()


def _address(what: str, pixel_digest: str) -> str:
    return hashlib.blake2b(f"{what}/{pixel_digest}".encode(), digest_size=16).hexdigest()


def _pixel_digests(pictures: NDArray[np.uint8], chunks: list[NDArray[np.uint8]]) -> list[str]:
    """Return a digest per chunk; those of pictures that nobody may write to are remembered."""
    known = _digests.get(id(pictures))
    if known is not None:
        return known
    digests = [_pixel_digest(chunk) for chunk in chunks]
    if not pictures.flags.writeable:
        _digests[id(pictures)] = digests
        weakref.finalize(pictures, _digests.pop, id(pictures))
    return digests


def _pixel_digest(chunk: NDArray[np.uint8]) -> str:
    digest = hashlib.blake2b(f"{chunk.shape}/".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(chunk).data)
    return digest.hexdigest()


def _remember(whole: str, values: Floats) -> Floats:
    values.flags.writeable = False
    _memory[whole] = values
    while len(_memory) > 1 and sum(kept.nbytes for kept in _memory.values()) > MEMORY_LIMIT_BYTES:
        _memory.popitem(last=False)
    return values


def _shared(
    chunks: list[NDArray[np.uint8]], addresses: list[str], compute: Compute, folder: Path
) -> list[Floats]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / address[:2] / f"{address}.npy" for address in addresses]
    for position in _work_to_do(files):
        _write(files[position], compute(chunks[position]))
        _claim_path(files[position]).unlink(missing_ok=True)
    return [np.load(file, mmap_mode="r", allow_pickle=False) for file in files]


def _work_to_do(files: list[Path]) -> Iterator[int]:
    """Yield positions whose file is missing and which this process should compute.

    Ends when every file is there. First all that nobody has claimed, then what others are at
    when it has not come within :data:`PATIENCE_SECONDS`.
    """
    others = []
    for position, file in enumerate(files):
        if file.exists():
            continue
        if _claim(file):
            yield position
        else:
            others.append(position)
    for position in others:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not files[position].exists():
            if _claim(files[position]) or time.monotonic() > deadline:
                yield position
            else:
                time.sleep(POLL_SECONDS)


def _claim_path(file: Path) -> Path:
    return file.with_suffix(".claim")


def _claim(file: Path) -> bool:
    """Return whether this process now owns the chunk; the claims of dead processes are taken."""
    file.parent.mkdir(exist_ok=True)
    claim = _claim_path(file)
    try:
        descriptor = os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        if not _is_stale(claim):
            return False
        claim.unlink(missing_ok=True)
        return _claim(file)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"{socket.gethostname()} {os.getpid()}")
    return True


def _is_stale(claim: Path) -> bool:
    """Tell whether the claim's owner was a process of this machine that is no more."""
    try:
        host, _, pid = claim.read_text().partition(" ")
    except FileNotFoundError:
        return False
    if host != socket.gethostname() or not pid.isdigit():
        return False
    return int(pid) != os.getpid() and not psutil.pid_exists(int(pid))


def _write(file: Path, values: Floats) -> None:
    partial = file.with_name(f"{file.stem}.{os.getpid()}.{threading.get_ident()}.partial")
    with partial.open("wb") as stream:
        np.save(stream, values, allow_pickle=False)
    partial.replace(file)
