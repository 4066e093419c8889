"""The script that draws live charts: Vega and what embeds it, from the installed vl-convert."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import lru_cache

_LOCK = threading.Lock()

_MAKE = """
import sys, vl_convert
sys.stdout.reconfigure(encoding="utf-8")
sys.stdout.write(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
"""


def begin_bundle() -> None:
    """Let :func:`vega_bundle` begin beside what the caller does next."""
    threading.Thread(target=vega_bundle, daemon=True).start()


def vega_bundle() -> str:
    """Return the script that defines ``vegaEmbed``; it takes seconds, once.

    It is wrapped, so that of its many names only those that it gives to ``window`` are seen, and
    nothing in it ends the element that holds it.
    """
    with _LOCK:
        return _made()


@lru_cache(maxsize=1)
def _made() -> str:
    """Return the bundle from a process of its own: vl-convert holds Python's lock all the while."""
    done = subprocess.run(
        [sys.executable, "-c", _MAKE], capture_output=True, encoding="utf-8", check=True
    )
    return "(() => {" + done.stdout.replace("</script", "<\\/script") + "\n})();"
