"""The script that draws live charts: Vega and what embeds it, from the installed vl-convert.

To make it takes two seconds of a processor, so it is kept in the user's cache folder, where every
version of vl-convert has a file of its own.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import platformdirs

from autosmall.errors import RunFolderError
from autosmall.files import write_text
from autosmall.helper import Helper

_LOCK = threading.Lock()


def begin_bundle() -> None:
    """Let :func:`vega_bundle` begin beside what the caller does next."""
    threading.Thread(target=vega_bundle, daemon=True).start()


def vega_bundle() -> str:
    """Return the script that defines ``vegaEmbed``; it takes seconds where it is not kept yet.

    It is wrapped, so that of its many names only those that it gives to ``window`` are seen, and
    nothing in it ends the element that holds it.
    """
    with _LOCK:
        return _bundle()


def cached_bundle_path() -> Path:
    """Return where the script is kept, present or not."""
    name = f"vega_embed_{version('vl-convert-python')}.js"
    return platformdirs.user_cache_path("autosmall") / name


@lru_cache(maxsize=1)
def _bundle() -> str:
    kept = cached_bundle_path()
    try:
        return kept.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        made = _made()
    # A home that cannot be written costs two seconds each time, and nothing else.
    with suppress(RunFolderError):
        write_text(kept, made)
    return made


def _made() -> str:
    """Return the bundle from a process of its own: vl-convert holds Python's lock all the while."""
    with Helper() as helper:
        made = helper.call("vl_convert:javascript_bundle", "window.vegaEmbed = vegaEmbed;")
        return "(() => {" + str(made.result()).replace("</script", "<\\/script") + "\n})();"
