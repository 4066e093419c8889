"""The token without which nobody may talk to our Ray, readable by its owner only.

Ray listens on all interfaces, so the token is what protects it. Ray reads it from
``RAY_AUTH_TOKEN``, else from the file that ``RAY_AUTH_TOKEN_PATH`` names, else from
``~/.ray/auth_token``, which it would itself write with the permissions of the umask.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from pathlib import Path


def prepare_token(home: Path, *, local: bool) -> None:
    """Switch token authentication on and see to its token; call it before Ray starts.

    A cluster that somebody else runs (not ``local``) decides for itself whether it wants tokens.
    A token that the environment names is the user's own affair. Otherwise the file in ``home``
    is closed to others where it is open, and made where our own cluster needs it; a home that
    cannot be written gets a token for this process and its children alone.
    """
    if local:
        os.environ["RAY_AUTH_MODE"] = "token"
    else:
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    if "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ:
        return
    path = home / ".ray" / "auth_token"
    try:
        if local and not path.exists():
            _write(path, secrets.token_hex(32))
        if path.exists():
            _close_to_others(path)
    except OSError:
        if local:
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _write(path: Path, token: str) -> None:
    """Write the file whole, with mode 0600; one that appears meanwhile is kept."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(token)
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink()


def _close_to_others(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        path.chmod(0o600)
