"""Long output into a pipe whose reader may have enough of it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from drumbeat.opsapi.exits import Exit


@contextmanager
def while_read() -> Iterator[None]:
    """Ends the command well when whoever reads its output goes away (`… | head`)."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What Python flushes at its end must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.DONE) from None
