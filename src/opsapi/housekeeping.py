"""What has to be done now and then, and by nobody in particular."""

from threading import Event, Thread

import structlog

from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.eventstore.ledger import EventStoreLedger

log = structlog.get_logger(__name__)

_SECONDS_BETWEEN = 600.0


def keep_forgetting(ledger: EventStoreLedger, stop: Event) -> None:
    """Delete expired idempotency keys every ten minutes, in a thread of its own, until `stop` is set.

    Any number of processes may do so; a key that stays a little longer does no harm.
    """

    def run() -> None:
        while not stop.wait(_SECONDS_BETWEEN):
            try:
                forgotten = ledger.forget_expired_keys()
            except LedgerUnavailable as error:
                log.warning("keys_not_forgotten", problem=str(error))
            else:
                log.info("keys_forgotten", keys=forgotten)

    Thread(target=run, name="housekeeping", daemon=True).start()
