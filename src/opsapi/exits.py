"""The exit codes of every command of `drumbeat`; docs/operations.md lists them."""

from enum import IntEnum


class Exit(IntEnum):
    """What a shell or a supervisor can tell from how a command ended."""

    DONE = 0
    REFUSED = 1
    """The answer is no: refused, not found, or not ready. Nothing was changed."""
    WRONG_USE = 2
    """An argument, a setting or a file is wrong; the same again will fail again."""
    UNAVAILABLE = 3
    """The database or Kafka cannot be reached, or no projector answers; try again later."""
    UNFIT = 4
    """The set-up does not fit: schema older or newer, state folder unusable, port taken, topics not as told."""
    IN_PART = 5
    """Done, but some rows were refused; a report names them."""
    BUG = 70
    """A mistake of the program; the log holds the details."""
    INTERRUPTED = 130
    """Ended by Ctrl-C."""


HOPELESS = frozenset({Exit.WRONG_USE, Exit.UNFIT})
"""Codes after which starting the same process again cannot help."""
