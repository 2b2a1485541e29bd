"""`drumbeat`, that ends by kill -9 at a chosen point of its work. A process of its own:

    DYING_AT=POINT DYING_ONCE=FILE python -m support.dying drumbeat's own arguments

The file is made when somebody dies, so that this happens one time, to whoever comes there first. To have several
slices of a small log, and something to catch up with, a rebuild that begins here has eight, over half the log.
"""

import os
import re
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import Composable

from drumbeat import cli
from drumbeat.projections.rebuild import going_live
from drumbeat.projections.rebuild.rebuild import Rebuild


@dataclass(frozen=True, slots=True)
class Point:
    """At the `nth` statement that has such words, as it is sent or when it is done."""

    words: str
    nth: int = 1
    done: bool = False


SLICE_DONE = r"UPDATE readmodel\.slices SET events = .* done_at"
REACHED = r"UPDATE readmodel\.builds SET stage"
MAKE = r"^(CREATE (UNIQUE )?INDEX|ALTER TABLE gen_\d+\.\w+ ADD CONSTRAINT)"
COMPARED = r"^COPY \(SELECT key, line"

POINTS = {
    "before its tables are there": Point(r"INSERT INTO readmodel\.slices"),
    "a worker in a slice": Point(SLICE_DONE),
    "the coordinator while a worker folds": Point(SLICE_DONE),
    "between slices and indexes": Point(REACHED),
    "before the first key": Point(MAKE),
    "in the middle of the indexes": Point(MAKE, nth=9, done=True),
    "with all indexes made": Point(REACHED, nth=2),
    "while statistics are taken": Point(r"^ANALYZE ", nth=3),
    "catching up": Point(r"UPDATE readmodel\.checkpoints", done=True),
    "comparing": Point(COMPARED, nth=4),
    "with the comparison noted": Point(r"UPDATE readmodel\.builds SET compared", done=True),
    "inside the switch": Point(r"CREATE OR REPLACE VIEW", nth=3, done=True),
    "inside a drop": Point(r"^DROP TABLE", nth=2, done=True),
    "asked to cancel": Point(r"UPDATE readmodel\.builds SET cancelled_at", done=True),
}
"""By name, as tests know them. The one that is no statement: `after the switch`."""

_seen = count(1)


def _die(once: Path) -> None:
    with suppress(FileExistsError):
        once.touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def _worker_dies(once: Path, *, is_worker: bool) -> None:
    # Who coordinates folds too: it waits, so that there is a slice for the worker to die in.
    if is_worker:
        _die(once)
    _wait(once.exists)


def _coordinator_dies(once: Path, *, is_worker: bool) -> None:
    # Each has a slice in hand then; the worker's is done only when nobody is above it any more.
    in_hand = once.with_suffix(".in-hand")
    if is_worker:
        above = os.getppid()
        in_hand.touch()
        _wait(lambda: os.getppid() != above)
    elif not once.exists():
        _wait(in_hand.exists)
        _die(once)


def _words(statement: Any) -> str:
    if isinstance(statement, Composable):
        return statement.as_string()
    return statement.decode() if isinstance(statement, bytes) else str(statement)


def _arm(point: Point, act: Callable[[], None]) -> None:
    def around(method: Callable[..., Any]) -> Callable[..., Any]:
        def run(cursor: Any, statement: Any, *arguments: Any, **named: Any) -> Any:
            # A comment says what each of our statements is for; it is no part of them here.
            words = re.sub(r"^(--.*\n)+", "", _words(statement)).strip()
            meant = re.search(point.words, words, re.DOTALL) is not None
            if meant and not point.done and next(_seen) >= point.nth:
                act()
            answer = method(cursor, statement, *arguments, **named)
            if meant and point.done and next(_seen) >= point.nth:
                act()
            return answer

        return run

    for name in ("execute", "copy"):
        setattr(psycopg.Cursor, name, around(getattr(psycopg.Cursor, name)))


def _arm_after_the_switch(once: Path) -> None:
    switch = going_live.switch

    def run(*arguments: Any, **named: Any) -> Any:
        switch(*arguments, **named)
        _die(once)

    going_live.switch = run


def _prepare(name: str, once: Path, *, is_worker: bool) -> None:
    high_water = Rebuild._high_water
    setattr(Rebuild, "_high_water", lambda self: high_water(self) // 2)  # noqa: B010  mypy minds the plain form
    setattr(Rebuild, "_slices", lambda _self, _mark: 8)  # noqa: B010
    acts = {"a worker in a slice": _worker_dies, "the coordinator while a worker folds": _coordinator_dies}
    if name == "after the switch":
        _arm_after_the_switch(once)
    elif name in acts:
        _arm(POINTS[name], partial(acts[name], once, is_worker=is_worker))
    else:
        _arm(POINTS[name], partial(_die, once))


# Workers are spawned: they run this file too, under another name.
if __name__ in {"__main__", "__mp_main__"}:
    _prepare(os.environ["DYING_AT"], Path(os.environ["DYING_ONCE"]), is_worker=__name__ == "__mp_main__")
if __name__ == "__main__":
    cli.main()
