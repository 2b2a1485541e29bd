"""The library's subscription: events of the log as they become safe to read, waiting for more at its end."""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from drumbeat.eventstore.reader import LogReader

if TYPE_CHECKING:
    from drumbeat.eventstore.recorder import LogRecorder

_BATCH = 500
_LONGEST_WAIT_SECONDS = 0.1
_WAIT_FOR_AN_APPEND_SECONDS = 0.002


class LogSubscription(Subscription[ApplicationRecorder]):
    """Iterates over notifications until stopped. For one thread; `stop` for any."""

    def __init__(self, recorder: "LogRecorder", reader: LogReader, gt: int | None, topics: Sequence[str]) -> None:
        """Owns the reader, and closes it when the subscription is left."""
        super().__init__(recorder, gt, topics)
        self._log = recorder
        self._reader = reader
        self._ready: deque[Notification] = deque()

    def __next__(self) -> Notification:
        while not self._has_been_stopped:
            if self._ready:
                notification = self._ready.popleft()
                self._last_notification_id = notification.id
                return notification
            after, up_to = self._last_notification_id or 0, self._reader.high_water()
            self._ready.extend(self._log.select_between(after, up_to, _BATCH, self._topics))
            if not self._ready:
                held_up = self._reader.is_held_up
                self._reader.wait_for_notice(_WAIT_FOR_AN_APPEND_SECONDS if held_up else _LONGEST_WAIT_SECONDS)
        raise StopIteration

    def __exit__(self, *args: object, **kwargs: object) -> None:
        super().__exit__(*args, **kwargs)
        self._reader.close()
