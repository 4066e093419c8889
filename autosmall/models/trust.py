"""Files whose code the user lets run: known by path and content, so that a changed one is not.

A ``.keras`` file may hold Python code: ``Lambda`` layers carry it, layers of other packages name
it. Such a file is opened only where the user has named it to ``--trust``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autosmall.errors import BackboneError, SettingsError
from autosmall.files import file_sha256
from autosmall.schema.backbone_source import BackboneSource

SHOWN_DIGITS = 16


@dataclass(frozen=True)
class Trust:
    """Absolute path to the SHA-256 of what the user trusts under it, 64 hexadecimal digits."""

    digests: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def named(cls, files: Iterable[str | Path]) -> Trust:
        """Return trust in ``files`` as they are now; ``SettingsError`` where there is no file."""
        digests = {}
        for path in (Path(file).expanduser().resolve() for file in files):
            if not path.is_file():
                raise SettingsError(
                    f"trust in {path}, which is no file",
                    "the .keras file whose code may run",
                    "correct --trust",
                )
            digests[str(path)] = file_sha256(path)
        return cls(digests)

    @classmethod
    def from_lines(cls, lines: Iterable[str]) -> Trust:
        """Return what :meth:`lines` was made of."""
        pairs = (line.split("  ", 1) for line in lines)
        return cls({path: sha256 for sha256, path in pairs})

    @classmethod
    def stored(cls, settings: Mapping[str, object]) -> Trust:
        """Return what the settings of a run say under ``trust``."""
        lines = settings.get("trust")
        return cls.from_lines(map(str, lines) if isinstance(lines, tuple | list) else ())

    @classmethod
    def of_sources(cls, sources: Iterable[BackboneSource]) -> Trust:
        """Return trust in those of ``sources`` that are trusted."""
        return cls({s.weights_path: s.trusted_sha256 for s in sources if s.trusted_sha256})

    def lines(self) -> tuple[str, ...]:
        """Return a line per file as ``sha256sum`` writes it: digest, two spaces, path."""
        return tuple(f"{sha256}  {path}" for path, sha256 in self.digests.items())

    def digest(self, path: Path) -> str:
        """Return the SHA-256 of a trusted file, or nothing where ``path`` is not trusted.

        Raises ``BackboneError`` where the file is another one than was trusted.
        """
        trusted = self.digests.get(str(path.expanduser().resolve()), "")
        if trusted:
            check_unchanged(path, trusted)
        return trusted

    def joined(self, later: Trust) -> Trust:
        """Return trust in the files of both.

        Raises ``BackboneError`` where ``later`` trusts other contents of a file than this does.
        """
        for path, sha256 in later.digests.items():
            if self.digests.get(path, sha256) != sha256:
                raise _changed(path, self.digests[path], sha256)
        return Trust({**self.digests, **later.digests})

    def check_used(self, paths: Iterable[str], what: str) -> None:
        """Raise ``SettingsError`` for a trusted file that is none of ``paths``.

        ``what`` these are, in words.
        """
        surplus = sorted(set(self.digests) - set(paths))
        if surplus:
            raise SettingsError(
                f"trust in {surplus[0]}, which is not {what}",
                f"trust in files alone that are {what}",
                "correct --trust, or leave it out",
            )


NO_TRUST = Trust()


def check_unchanged(path: Path, sha256: str) -> None:
    """Raise ``BackboneError`` unless the file at ``path`` has the digest ``sha256``."""
    if path.is_file() and (found := file_sha256(path)) != sha256:
        raise _changed(str(path), sha256, found)


def trust_remedy(path: Path) -> str:
    """Return how to let the code of a refused file run, and what that means."""
    return f"if you know who made it: --trust {path} (the file may then run any code as you)"


def _changed(path: str, trusted: str, found: str) -> BackboneError:
    return BackboneError(
        f"the trusted file {path} has changed: its SHA-256 is {found[:SHOWN_DIGITS]}…",
        f"SHA-256 {trusted[:SHOWN_DIGITS]}…, as when it was trusted",
        "put back the file as it was, or begin anew and name the new one to --trust "
        "(another --output-dir; for a registered backbone: autosmall backbones add)",
    )
