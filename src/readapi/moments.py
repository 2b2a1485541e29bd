"""Which moment a read asks for with `as_of`: up to which position events are in its answer, and the instant."""

from datetime import UTC, datetime, timedelta

from drumbeat.readapi.as_of import AsOf, NotAToken, parse_asked
from drumbeat.readapi.database import Seen
from drumbeat.readapi.ledger import LedgerReads
from drumbeat.readapi.problems import AsOfBeforeFirstEvent, AsOfInTheFuture, MalformedAsOf

_NOT_YET = "that instant has not come yet"
_ALLOWED = "POSITION@INSTANT, POSITION, or an instant of RFC 3339 like 2026-03-02T09:00:00Z"
_CLOCKS_DIFFER_BY = timedelta(seconds=5)
"""A token may come from another process, whose clock is ahead of this one's."""


def moment(asked: str, ledger: LedgerReads, now: datetime) -> Seen:
    """The moment that was asked for, the same whenever it is asked.

    Raises `MalformedAsOf`, `AsOfInTheFuture`, `AsOfBeforeFirstEvent`, `DatabaseAway`.
    """
    try:
        named = parse_asked(asked)
    except NotAToken:
        raise MalformedAsOf(
            "as_of is the as_of of an earlier answer, a position, or an instant that says its offset",
            field="as_of",
            value=asked,
            allowed=_ALLOWED,
        ) from None
    if isinstance(named, datetime):
        position = ledger.position_at(named)
        if position is None:
            raise _in_the_future(asked, _NOT_YET, _until(now))
        return _seen(AsOf(position, named), ledger, asked)
    if isinstance(named, AsOf) and named.instant > now + _CLOCKS_DIFFER_BY:
        raise _in_the_future(asked, _NOT_YET, _until(now))
    position = named.position if isinstance(named, AsOf) else named
    head = ledger.head()
    if position > head:
        raise _in_the_future(asked, f"the log ends at position {head}", f"a position up to {head}")
    return _seen(named, ledger, asked)


def _seen(named: AsOf | int, ledger: LedgerReads, asked: str) -> Seen:
    position = named if isinstance(named, int) else named.position
    recorded_at = ledger.recorded_at(position)
    if recorded_at is None:
        raise AsOfBeforeFirstEvent(
            "no event had been recorded by then",
            field="as_of",
            value=asked,
            allowed="a moment from the first event on",
        )
    # A position alone was reached when its event was recorded.
    return Seen(AsOf(position, recorded_at) if isinstance(named, int) else named, recorded_at)


def _until(now: datetime) -> str:
    return f"an instant up to now, {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _in_the_future(asked: str, why: str, allowed: str) -> AsOfInTheFuture:
    return AsOfInTheFuture(why, field="as_of", value=asked, allowed=allowed)
