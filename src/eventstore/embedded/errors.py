"""What can go wrong with the embedded server. Each says in one sentence what a person can do about it.

EmbeddedServerError
├── ServerProgramsMissing   the package that carries the PostgreSQL programs is not installed for this platform
├── StateFolderUnusable     the state folder is read-only, full, or belongs to somebody else
├── StateOfAnotherVersion   the state folder was made by another major version of PostgreSQL
└── ServerDidNotStart       PostgreSQL ended or did not answer; its last words are in the message
"""

from pathlib import Path


class EmbeddedServerError(Exception):
    """The base of this package's errors."""


class ServerProgramsMissing(EmbeddedServerError):
    """No PostgreSQL programs for this platform."""


class StateFolderUnusable(EmbeddedServerError):
    """The state folder cannot be written."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(f"the state folder {folder} cannot be used: {reason}")
        self.folder = folder
        self.reason = reason


class StateOfAnotherVersion(EmbeddedServerError):
    """The state folder belongs to another major version of PostgreSQL; nothing in it was touched."""

    def __init__(self, folder: Path, found: str, wanted: str) -> None:
        super().__init__(
            f"the state folder {folder} was made by PostgreSQL {found}; this version of Drumbeat runs PostgreSQL "
            f"{wanted} and leaves it alone. Use the Drumbeat that made it, or another folder"
        )
        self.folder = folder
        self.found = found
        self.wanted = wanted


class ServerDidNotStart(EmbeddedServerError):
    """PostgreSQL ended while starting, or did not answer in time."""
