"""Every error that reaches a user, as one tree.

::

    AutoSmallError                exit status 1: one message, no traceback
    ├── SettingsError             an option or keyword has an impossible value
    ├── DatasetError              the pictures or labels cannot be used
    ├── SpaceError                a search-space file is wrong
    ├── BackboneError             a backbone or its weights cannot be used
    ├── RunFolderError            the run folder is another run's, locked or unwritable
    ├── ModelFileError            a saved model cannot be read, or is not what it says
    ├── ExportError               a model cannot be exported to the wanted format
    └── SearchStoppedError        exit status 3: stopped early, results kept
"""

from __future__ import annotations


class AutoSmallError(Exception):
    """An error that the user can mend.

    Args:
        received: What the program was given, in words ("the folder 'x' holds no pictures").
        expected: What it needs ("at least two folders with two pictures each").
        remedy: What to do ("check the path, or run: autosmall audit x").
    """

    exit_status = 1

    def __init__(self, received: str, expected: str, remedy: str) -> None:
        super().__init__(received, expected, remedy)
        self.received = received
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the three parts as one message of three lines."""
        return f"{self.received}\nexpected: {self.expected}\nto do: {self.remedy}"


class SettingsError(AutoSmallError):
    """An option or keyword has an impossible value."""


class DatasetError(AutoSmallError):
    """The pictures or labels cannot be used."""


class SpaceError(AutoSmallError):
    """A search-space file is wrong."""


class BackboneError(AutoSmallError):
    """A backbone or its weights cannot be used."""


class RunFolderError(AutoSmallError):
    """The run folder belongs to another run, is locked, or cannot be written."""


class ModelFileError(AutoSmallError):
    """A saved model cannot be read, or is not what it says."""


class ExportError(AutoSmallError):
    """A model cannot be exported to the wanted format."""


class SearchStoppedError(AutoSmallError):
    """The search stopped early; what it had finished is kept."""

    exit_status = 3
