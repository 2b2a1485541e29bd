"""A consumer of one's own: what was agreed on the phone, in a table of the user's.

    python own_consumer.py postgresql://billing@localhost/billing localhost:9092

Stop it with Ctrl-C, kill it, start several: each call stands in the table once (docs/consuming.md).
"""

import signal
import sys
from threading import Event
from typing import Any

import psycopg

import drumbeat
from drumbeat.events.calls import ContactCallEnded, ContactCallOutcomeCorrected

TABLE = """
CREATE TABLE IF NOT EXISTS billed_calls (
    contact_id uuid NOT NULL,
    attempt    integer NOT NULL,
    campaign   uuid,
    outcome    text NOT NULL,
    seconds    integer NOT NULL,
    ended_at   timestamptz NOT NULL,
    changes    integer NOT NULL DEFAULT 0,
    position   bigint NOT NULL,
    PRIMARY KEY (contact_id, attempt)
)
"""


def bill(cursor: psycopg.Cursor[Any], event: drumbeat.ConsumedEvent[ContactCallEnded]) -> None:
    """A call ended. An INSERT that knows no conflict: the same event never comes twice."""
    call = event.data
    cursor.execute(
        "INSERT INTO billed_calls (contact_id, attempt, campaign, outcome, seconds, ended_at, position)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [
            event.stream_id,
            call.attempt,
            event.campaign_id,
            call.outcome.value,
            call.duration_seconds or 0,
            event.time,
            event.position,
        ],
    )


def correct(cursor: psycopg.Cursor[Any], event: drumbeat.ConsumedEvent[ContactCallOutcomeCorrected]) -> None:
    """Somebody corrected an outcome. The call it corrects came before it: they are of one stream."""
    cursor.execute(
        "UPDATE billed_calls SET outcome = %s, changes = changes + 1, position = %s"
        " WHERE contact_id = %s AND attempt = %s",
        [event.data.to.value, event.position, event.stream_id, event.data.attempt],
    )


def main(database_url: str, bootstrap: str, topic_prefix: str = "drumbeat.", log_url: str | None = None) -> None:
    """Keep the table up to date until Ctrl-C or SIGTERM."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with psycopg.connect(database_url) as connection:
        connection.execute(TABLE)
    drumbeat.consume(
        name="billing",
        handlers={ContactCallEnded: bill, ContactCallOutcomeCorrected: correct},
        database_url=database_url,
        bootstrap=drumbeat.Cluster(bootstrap=bootstrap, topic_prefix=topic_prefix),
        log_url=log_url,
        stop=stop,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
