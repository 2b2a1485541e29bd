"""Timers: what is due by the clock, and what has become so and wants a command.

The policies' one view of the read side. Everything here is level-triggered: a timer is there as long as what it
asks for has not been seen to happen, and goes when the projection applies the event that did it. Policies act and
forget; whoever has just handled a timer remembers (kind, stream, cause position) until the projection has caught
up. The projector alone writes these tables.

What needs two streams (a suppressed address and its contacts, an end and a late enrolment) follows from the rows
of both, so it is found whichever event is applied first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from drumbeat.projections.engine.shapes import (
    Derived,
    Entity,
    Measures,
    Projection,
    by_stream,
    by_workspace_stream,
)
from drumbeat.projections.senders import by_campaign_sender
from drumbeat.projections.timers_campaigns import (
    CAMPAIGN_FOLDS,
    SENDER_FOLDS,
    SPAM_FOLDS,
    CampaignWatch,
    SpamScore,
    WatchedSender,
)
from drumbeat.projections.timers_contacts import (
    CONTACT_FOLDS,
    CONTACT_KEYS,
    SUPPRESSION_FOLDS,
    ContactAddress,
    ContactWatch,
    SuppressedAddress,
    addresses_of,
    progress_of,
)
from drumbeat.queries import load_queries

_SQL = Path(__file__).with_suffix(".sql")
_QUERIES = load_queries(_SQL)


class TimerKind(StrEnum):
    """What a timer asks for. Its stream is a campaign unless the line says otherwise."""

    START_CAMPAIGN = "start_campaign"
    """A scheduled start has come."""
    CLOSE_WINDOW = "close_window"
    """The end has come while launching, running or paused, and the window is open."""
    END_DRAIN = "end_drain"
    """The deadline of finalizing has passed."""
    FINISH_AUDIENCE = "finish_audience"
    """No contact is open any more."""
    FINISH_FINALIZING = "finish_finalizing"
    """Nothing is in flight, no completion timeout runs."""
    LOST_CALL = "lost_call"
    """A contact's call, `attempt`, has been in flight too long."""
    COMPLETION_DUE = "completion_due"
    """A contact's completion timeout has passed."""
    JUDGE_SPAM_SCORE = "judge_spam_score"
    """A sender's spam `score` reaches the threshold of the campaign `campaign_id`."""
    SUPPRESSED_CONTACT = "suppressed_contact"
    """An open contact has an address that must not be contacted, `address_key`."""
    CAMPAIGN_OVER = "campaign_over"
    """A contact was enrolled across the end of its campaign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """Something to be done to a stream. `due_at` None: at once.

    `cause_position` is that of the event that brought it up, or of a later one of the same row: it changes only
    when the stream did. With kind and stream it names the timer.
    """

    kind: str
    workspace_id: str
    stream_id: UUID
    campaign_id: UUID
    cause_position: int
    due_at: datetime | None = None
    attempt: int | None = None
    score: int | None = None
    address_key: UUID | None = None


_BY_THE_CLOCK = ("due_campaigns", "lost_calls", "completions_due")
_AT_ONCE = ("audiences_processed", "drained", "spam_reached")
_CROSSINGS = ("suppressed_contacts", "late_enrolments")


def due(connection: psycopg.Connection[Any], now: datetime, limit: int) -> list[Timer]:
    """What is to be done now, at most `limit` of each sort, the longest due first.

    Within a transaction the timers' rows stay locked (SKIP LOCKED), so two clocks never hold the same one. The
    projector waits for such a row when it changes it: keep the transaction short, or read outside of one.
    """
    arguments = {"now": now, "limit": limit}
    return [timer for name in (*_BY_THE_CLOCK, *_AT_ONCE) for timer in _ask(connection, name, arguments)]


def crossings(connection: psycopg.Connection[Any], since: int, limit: int) -> list[Timer]:
    """Contacts whose suppression, or whose campaign's end, crossed another event; at most `limit` of each sort.

    Only pairs of which one event lies above `since` are looked at, so that a look costs what is new: give 0 at
    first, then the position at which the timers stood before the last look that found less than `limit`.
    """
    arguments = {"since": since, "limit": limit}
    return [timer for name in _CROSSINGS for timer in _ask(connection, name, arguments)]


def applied_position(connection: psycopg.Connection[Any]) -> int:
    """The position up to which the timers have been applied."""
    row = connection.execute(_QUERIES["applied_position"]).fetchone()
    return row[0] if row else 0


def _ask(connection: psycopg.Connection[Any], name: str, arguments: dict[str, Any]) -> Sequence[Timer]:
    with connection.cursor(row_factory=class_row(Timer)) as cursor:
        return cursor.execute(_QUERIES[name], arguments).fetchall()


CAMPAIGN_WATCH = Entity(
    table="campaign_watch",
    row=CampaignWatch,
    key_columns=2,
    key_of=by_workspace_stream,
    folds=CAMPAIGN_FOLDS,
    keys={},
)
CONTACT_WATCH = Entity(
    table="contact_watch",
    row=ContactWatch,
    key_columns=3,
    key_of=by_stream,
    folds=CONTACT_FOLDS,
    keys=CONTACT_KEYS,
)
SUPPRESSED_ADDRESSES = Entity(
    table="suppressed_addresses",
    row=SuppressedAddress,
    key_columns=2,
    key_of=by_workspace_stream,
    folds=SUPPRESSION_FOLDS,
    keys={},
)
WATCHED_SENDERS = Entity(
    table="watched_senders",
    row=WatchedSender,
    key_columns=3,
    key_of=by_campaign_sender,
    folds=SENDER_FOLDS,
    keys={},
)
SPAM_SCORES = Entity(
    table="spam_scores", row=SpamScore, key_columns=2, key_of=by_workspace_stream, folds=SPAM_FOLDS, keys={}
)

PROJECTION = Projection(
    name="timers",
    version=1,
    sql=_SQL,
    entities=(CAMPAIGN_WATCH, CONTACT_WATCH, SUPPRESSED_ADDRESSES, WATCHED_SENDERS, SPAM_SCORES),
    measures=(Measures(table="progress", of=CONTACT_WATCH, scope=2, columns=("what",), measure=progress_of),),
    derived=(
        Derived(table="contact_addresses", of=CONTACT_WATCH, row=ContactAddress, key_columns=4, rows=addresses_of),
    ),
)
