"""Progress of long work on standard error: a bar on a terminal, now and then a plain line elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 5.0

Show = Callable[[float, str], None]
"""Hears the share that is done, 0 to 1, and what to say beside it."""


@contextmanager
def progress(title: str) -> Iterator[Show]:
    """Show how far some work is, until the end of the `with`."""
    if sys.stderr.isatty():
        with _bar(title) as show:
            yield show
    else:
        yield _lines(title)


@contextmanager
def _bar(title: str) -> Iterator[Show]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0, words="")
        yield lambda share, words: bar.update(task, completed=share, words=words)


def _lines(title: str) -> Show:
    said_at = time.monotonic()

    def show(share: float, words: str) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= _SECONDS_BETWEEN_LINES:
            said_at = time.monotonic()
            print(f"{title}: {share:.0%} {words}".rstrip(), file=sys.stderr, flush=True)  # noqa: T201  for people

    return show
