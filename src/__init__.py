"""Drumbeat: the event-sourced backend of outreach campaigns. See README.md for the map of the folders.

What programs of others use stands here by name, and is imported when it is asked for (docs/consuming.md).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drumbeat.transport.consuming import (
        Cluster,
        ConsumedEvent,
        ConsumerStopped,
        HandlersUnfit,
        Later,
        TooManyParked,
        consume,
    )

__all__ = ["Cluster", "ConsumedEvent", "ConsumerStopped", "HandlersUnfit", "Later", "TooManyParked", "consume"]


if not TYPE_CHECKING:  # a name that is not lent is a mistake that type checkers see too

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from drumbeat.transport import consuming

        return getattr(consuming, name)
