"""Every read model there is: Drumbeat's own, registered here by name, and those of installed packages."""

from functools import lru_cache
from importlib import import_module
from typing import Final

from drumbeat.projections import timers
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.own.found import Found, find

REGISTERED: Final = (
    "campaigns",
    "contacts",
    "attempts",
    "dashboard",
    "heatmap",
    "senders",
    "schedules",
    "activity",
    "history",
)
"""The modules here whose `PROJECTION` answers readers. In the order in which their views are made: a view may join
another's table."""

FOR_READERS: Final[tuple[Projection, ...]] = tuple(
    import_module(f"drumbeat.projections.{name}").PROJECTION for name in REGISTERED
)
"""Drumbeat's read models that answer readers' questions. Policies have one more, of their timers."""

PROJECTIONS: Final = (*FOR_READERS, timers.PROJECTION)
"""Every read model of Drumbeat's own."""


@lru_cache(maxsize=1)
def installed() -> Found:
    """What installed packages bring beside these, looked for once a process."""
    return find(PROJECTIONS)
