"""A simulation as a table: what really was, then each variant, one line each; and below what is not known."""

from collections.abc import Mapping
from typing import Any

_HEAD = ("", "attempts", "conversations", "goals", "talk time", "to finish", "cost")
_UNKNOWN = "–"
_TOLD = {
    "contacts_open": "contacts whose attempts go on beyond the recorded history, to what is not known",
    "contacts_cut_short": "contacts with recorded attempts that are not made here",
    "contacts_left_out": "contacts who did something after an attempt that is not made here, which is left out",
    "contacts_early": "contacts with an attempt recorded before it would have been due, which has no date here",
}


def table_of(answer: Mapping[str, Any]) -> list[str]:
    """The lines, for people, from what the API answers."""
    named = [("as it was", answer["real"]), *((one["name"], one["measures"]) for one in answer["variants"])]
    rows = [_HEAD, *(_row(name, measures) for name, measures in named)]
    keep = len(_HEAD) if answer["real"]["cost"] is not None else len(_HEAD) - 1
    widths = [max(len(row[column]) for row in rows) for column in range(keep)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(_cell(row, widths, n) for n in range(1, keep))]) for row in rows
    ]
    notes = [note for name, measures in named for note in _notes(name, measures)]
    return [*lines, "", *notes, f"{answer['events']:,} events replayed, as of {answer['as_of']}"]


def _cell(row: tuple[str, ...], widths: list[int], column: int) -> str:
    return row[column].rjust(widths[column])


def _row(name: str, measures: Mapping[str, Any]) -> tuple[str, ...]:
    cost = measures["cost"]
    return (
        name,
        f"{measures['attempts']:,}",
        f"{measures['conversations']:,}",
        f"{measures['goals_achieved']:,}",
        spoken(measures["talk_time_seconds"]["value"]),
        spoken(measures["seconds_to_finish"]["value"]),
        _UNKNOWN if cost is None or cost["value"] is None else f"{cost['value']:,.2f}",
    )


def spoken(seconds: int | None) -> str:
    """Hours, minutes and seconds, like `2,955:04:03`."""
    if seconds is None:
        return _UNKNOWN
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02}:{rest:02}"


def _notes(name: str, measures: Mapping[str, Any]) -> list[str]:
    found = [f"{_TOLD[why]}: {count:,}" for why, count in measures["unknown"].items() if count]
    if measures["attempts_not_recorded"]:
        found.append(f"attempts without a recorded outcome: {measures['attempts_not_recorded']:,}")
    for what, measure in (
        ("the talk time", measures["talk_time_seconds"]),
        ("the time to finish", measures["seconds_to_finish"]),
        ("the cost", measures["cost"]),
    ):
        if measure is not None and measure["contacts_unknown"]:
            found.append(f"contacts without a date or duration that {what} needs: {measure['contacts_unknown']:,}")
    return [f"{name}: {note}" for note in found]
