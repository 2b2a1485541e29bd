"""What the user of `drumbeat.consume` meets: the events, the handlers, and what can be wrong.

ConsumerStopped           this consumer cannot go on by itself
├── HandlersUnfit         a handler fails in a way that no single event is to blame for
└── TooManyParked         more events are parked than the limit allows
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from drumbeat.events.light import LightEvent

if TYPE_CHECKING:
    import psycopg

F_co = TypeVar("F_co", covariant=True)


class ConsumedEvent(LightEvent[F_co], Generic[F_co], frozen=True, gc=False):
    """An event with its place in the log; `data` has the fields of its event class.

    Positions rise within a stream, and are the same wherever and whenever the event is read.
    """

    position: int = 0


Handler: TypeAlias = "Callable[[psycopg.Cursor[Any], ConsumedEvent[Any]], None]"
"""Writes what one event means, over the cursor it is given, and leaves the transaction open."""

Handlers: TypeAlias = Mapping[type[Any], Handler]
"""By event class of `drumbeat.events`."""


class Later(Exception):
    """Raise it in a handler: this event cannot be dealt with now. It is handed over again, after a pause."""


class ConsumerStopped(Exception):
    """The base of what a consumer cannot go on from by itself."""


class HandlersUnfit(ConsumerStopped):
    """A handler ended the transaction, or its SQL does not fit the database: every event would meet the same."""


class TooManyParked(ConsumerStopped):
    """More events are parked than the limit allows: something is wrong with more than a few streams."""
