"""Lengths of time and instants as people type them: 30s, 15m, 12h, 90d; 2026-01-31T09:00:00Z."""

import re
from datetime import UTC, datetime, timedelta

import typer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """A length of time. Raises `typer.BadParameter`."""
    found = re.fullmatch(r"(\d{1,7})([smhd])", text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no length of time like 30s, 15m, 12h or 90d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def instant(text: str) -> datetime:
    """An instant; without a zone it is UTC. Raises `typer.BadParameter`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no instant like 2026-01-31T09:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
