"""Every setting of a campaign, what it may be and its default (E-20 … E-25), in one table.

`read_settings` judges what comes in by it; the documentation prints it. Events only carry what passed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from drumbeat.aggregates.campaign.durations import duration_seconds, spoken_duration
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import out_of_range
from drumbeat.events.hours import is_zone
from drumbeat.events.settings import CallbackRetry, CampaignSettings, MachineDetection, Rotation
from drumbeat.events.values import CampaignKind

MINUTE, HOUR, DAY = 60, 3_600, 86_400


class _Misfit(Exception):
    """A value that its rule does not accept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table. `read` turns a given value into the kept one or raises `_Misfit`."""

    field: str
    requirement: str
    meaning: str
    allowed: str
    read: Callable[[object], object]


def _whole_number(low: int, high: int) -> Callable[[object], object]:
    def read(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _Misfit
        return value

    return read


def _number(field: str, requirement: str, meaning: str, low: int, high: int, *, unit: str = "") -> Rule:
    return Rule(field, requirement, meaning, f"{low:,} to {high:,}{unit}", _whole_number(low, high))


def _number_or_none(field: str, requirement: str, meaning: str, low: int, high: int) -> Rule:
    read = _or_none(_whole_number(low, high))
    return Rule(field, requirement, meaning, f"{low:,} to {high:,}, or none", read)


def _span(field: str, requirement: str, meaning: str, low: int, high: int) -> Rule:
    allowed = f"{spoken_duration(low)} to {spoken_duration(high)}"
    return Rule(field, requirement, meaning, allowed, _whole_number(low, high))


def _one_of_spans(field: str, requirement: str, meaning: str, choices: tuple[int, ...]) -> Rule:
    def read(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int) or value not in choices:
            raise _Misfit
        return value

    return Rule(field, requirement, meaning, ", ".join(spoken_duration(choice) for choice in choices), read)


def _choice(field: str, requirement: str, meaning: str, choices: type[StrEnum]) -> Rule:
    def read(value: object) -> object:
        if not isinstance(value, str) or value not in set(choices):
            raise _Misfit
        return choices(value)

    return Rule(field, requirement, meaning, ", ".join(choices), read)


def _text(field: str, requirement: str, meaning: str, longest: int, *, optional: bool = False) -> Rule:
    def read(value: object) -> object:
        if not isinstance(value, str) or len(value) > longest:
            raise _Misfit
        return value

    allowed = f"at most {longest:,} characters"
    return Rule(
        field, requirement, meaning, allowed + ", or none" * optional, _or_none(read) if optional else read
    )


def _or_none(read: Callable[[object], object]) -> Callable[[object], object]:
    return lambda value: None if value is None else read(value)


def _instant(value: object) -> object:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _Misfit from None
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise _Misfit
    return value.astimezone(UTC)


def _zone(value: object) -> object:
    if not isinstance(value, str) or not is_zone(value):
        raise _Misfit
    return value


def _uuid(value: object) -> object:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise _Misfit from None


def _yes_or_no(value: object) -> object:
    if not isinstance(value, bool):
        raise _Misfit
    return value


_INSTANT = "an instant with its zone offset (2026-03-02T09:00:00Z), or none"
_INTERVALS = (5, 10, 20, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE)
_LONGEST_NAME_SHOWN = 100
_RINGING = (10, 15, 20, 25, 30, 45, 60)

RULES: Mapping[str, Rule] = {
    rule.field: rule
    for rule in (
        _text("agent", "E-20", "the voice agent that talks", 200, optional=True),
        Rule("start_at", "E-20", "when it starts; none: at launch", _INSTANT, _or_none(_instant)),
        Rule("end_at", "A-41", "when its window closes; a survey needs one", _INSTANT, _or_none(_instant)),
        Rule("zone", "E-14", "the campaign's time zone", "an IANA zone name, such as Europe/Lisbon", _zone),
        Rule(
            "schedule_id",
            "E-21",
            "its business hours; none: always open",
            "a schedule's id, or none",
            _or_none(_uuid),
        ),
        _text("notes", "E-20", "for the people who run it", 10_000),
        _choice("rotation", "E-23", "how the next number is chosen when there are two or more", Rotation),
        _number("spam_threshold", "E-23", "a number whose spam score reaches this is excluded", 1, 9),
        _number(
            "max_calls_per_number_and_day", "E-24", "by campaign and number, day in the campaign's zone", 1, 1_000
        ),
        _one_of_spans("call_interval_seconds", "E-24", "least time between two calls", _INTERVALS),
        _one_of_spans("ring_timeout_seconds", "E-24", "how long it rings", _RINGING),
        _span("max_call_duration_seconds", "E-24", "after it a call without an end is lost", MINUTE, DAY),
        _choice("machine_detection", "E-25", "how a machine is told from a human", MachineDetection),
        _number("max_retries", "E-25", "attempts after the first", 0, 10),
        _span("retry_interval_seconds", "E-25", "from a call's end to its retry", MINUTE, 30 * DAY),
        _span(
            "completion_timeout_seconds", "E-25", "wait for a call back before an outcome is final", 0, 30 * DAY
        ),
        _span("drain_deadline_seconds", "A-41", "how long finalizing waits for what is in flight", 0, 30 * DAY),
        _choice("callback_retry", "C-05", "whether a callback is dialled by itself", CallbackRetry),
        Rule("unique_address", "E-32", "refuse a second contact with an address", "true or false", _yes_or_no),
        _number_or_none("target", "A-30", "completed contacts wanted", 1, 10_000_000),
        _number("min_sessions_for_report", "A-15", "completed sessions that scoring needs", 1, 1_000_000),
    )
}
"""Field → its rule, in the order in which people see them."""

_SPOKEN = {field.removesuffix("_seconds"): field for field in RULES if field.endswith("_seconds")}


def default_settings(kind: CampaignKind) -> CampaignSettings:
    """The settings of a new campaign; a call campaign only shows its callbacks."""
    if kind is CampaignKind.CALL:
        return CampaignSettings(callback_retry=CallbackRetry.MANUAL)
    return CampaignSettings()


def read_settings(before: CampaignSettings, given: Mapping[str, object]) -> CampaignSettings:
    """The settings with the given ones replaced.

    A duration is given in seconds under its own name, or as text with a unit under its name without `_seconds`
    (`retry_interval: "90 minutes"`). Raises `Refused`: `out_of_range` with field, value and what is allowed;
    `invalid_settings` for a name that is no setting or is given twice.
    """
    changes: dict[str, object] = {}
    for name, value in given.items():
        rule = RULES.get(_SPOKEN.get(name, name))
        if rule is None:
            raise Refused(
                RefusalCode.INVALID_SETTINGS,
                f"there is no setting {name[:_LONGEST_NAME_SHOWN]!r}",
                field=name[:_LONGEST_NAME_SHOWN],
                allowed=", ".join(RULES),
            )
        if rule.field in changes:
            raise Refused(RefusalCode.INVALID_SETTINGS, f"{rule.field} is given twice", field=name)
        changes[rule.field] = _read(rule, name, value)
    after = before.model_copy(update=changes)
    if (after.start_at, after.end_at) != (before.start_at, before.end_at):
        require_order_of_start_and_end(after)
    return after


def _read(rule: Rule, name: str, value: object) -> Any:
    if name in _SPOKEN:
        measured: object = duration_seconds(value) if isinstance(value, str) else None
    else:
        measured = value
    try:
        return rule.read(measured)
    except _Misfit:
        raise out_of_range(name, value, rule.allowed) from None


def require_order_of_start_and_end(settings: CampaignSettings) -> None:
    """Raises `out_of_range` when the end does not lie after the start."""
    start, end = settings.start_at, settings.end_at
    if start is not None and end is not None and end <= start:
        raise out_of_range("end_at", end, f"after the start, {start.isoformat()}")


def described_settings() -> Iterable[tuple[str, str, str, str]]:
    """Field, meaning, what is allowed and default of every setting, as the documentation prints them."""
    defaults = CampaignSettings()
    for rule in RULES.values():
        default = getattr(defaults, rule.field)
        spoken = spoken_duration(default) if rule.field.endswith("_seconds") else default
        shown = str(spoken).lower() if isinstance(spoken, bool) else str(spoken)
        yield rule.field, rule.meaning, rule.allowed, "none" if spoken in {None, ""} else shown
