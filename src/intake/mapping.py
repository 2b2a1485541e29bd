"""How a call history in CSV is to be read: the mapping, a short TOML file (docs/imports.md).

It is validated strictly: a key that nobody knows is an error, because a misspelt one would silently leave
something out of history.
"""

import codecs
import hashlib
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from drumbeat.events.values import CallOutcome, CampaignKind, GoalResult, GoalRole

Column = Annotated[str, Field(min_length=1)]
"""The name of a column, as the header has it."""

_DATE_PARTS = ("year", "month", "day", "weekday", "hour", "minute")


class Shape(StrEnum):
    """What a row of the file is."""

    ROW_PER_CALL = "row_per_call"
    ROW_PER_CONTACT = "row_per_contact"


class DurationUnit(StrEnum):
    """How a duration is written: 90, 1.5, or 1:30 (also 0:01:30)."""

    SECONDS = "seconds"
    MINUTES = "minutes"
    CLOCK = "clock"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class FileFormat(_Part):
    """How the file is written."""

    separator: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)
    encoding: str = "utf-8"

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"{value!r} is no encoding that Python knows") from None


class ContactColumns(_Part):
    """Where a contact's own data stands."""

    reference: Column | None = None
    """The person's id in the source. Without it every row is a contact of its own, named by its row number."""
    name: Column | None = None
    phone: Column | None = None
    country: Column | None = None
    """ISO 3166-1, of a phone number that names none."""
    email: Column | None = None
    zone: Column | None = None
    """IANA names; a contact without one is told in the campaign's zone."""
    tags: tuple[Column, ...] = Field(default=(), max_length=50)
    """Columns whose value becomes a tag."""
    profile: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(default=(), max_length=100)
    """Columns kept as they are on the contact's card."""


class CallColumns(_Part):
    """Where a call's data stands; with a row a contact: its last call's."""

    attempts: Column | None = None
    """A row a contact only: how many calls were placed, the last one included. Without it: one."""
    duration: Column | None = None
    duration_unit: DurationUnit = DurationUnit.SECONDS
    timestamp: Column | None = None
    """Date and time in one column; instead of the parts below."""
    timestamp_format: str | None = None
    """As Python's strptime has it. Without it: ISO 8601. A time without an offset is local."""
    year: Column | None = None
    month: Column | None = None
    """1 to 12, or an English name or its first three letters, or a name from `month_names`."""
    day: Column | None = None
    weekday: Column | None = None
    """ISO 1 (Monday) to 7, or an English name or its first three letters, or a name from `weekday_names`."""
    hour: Column | None = None
    minute: Column | None = None
    month_names: dict[str, Annotated[int, Field(ge=1, le=12)]] = Field(default_factory=dict)
    weekday_names: dict[str, Annotated[int, Field(ge=1, le=7)]] = Field(default_factory=dict)
    first_year: int | None = Field(default=None, ge=1900, le=2200)
    """The first row's year, when the file is in date order and has no year: it rises when the month falls."""
    summary: Column | None = None
    transcript_reference: Column | None = None

    @model_validator(mode="after")
    def _date_is_said_once(self) -> Self:
        parts = [name for name in _DATE_PARTS if getattr(self, name) is not None]
        if self.timestamp is not None and parts:
            raise ValueError(f"'timestamp' and '{parts[0]}' both say when: keep one")
        if self.timestamp_format is not None and self.timestamp is None:
            raise ValueError("'timestamp_format' needs 'timestamp'")
        if self.first_year is not None and (self.month is None or self.year is not None):
            raise ValueError("'first_year' needs 'month' and no 'year'")
        return self


class OutcomeByDuration(_Part):
    """The outcome follows from the duration, for sources that say nothing else."""

    above_zero: CallOutcome
    zero: CallOutcome


class Outcome(_Part):
    """What the source says of a call's end. Where it says nothing the outcome is `not_recorded`."""

    column: Column | None = None
    values: dict[str, CallOutcome] = Field(default_factory=dict)
    other: CallOutcome | None = None
    """For any other value. Without it a row with another value is refused."""
    by_duration: OutcomeByDuration | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.column is None) == (self.by_duration is None):
            raise ValueError("either 'column' with 'values', or 'by_duration'")
        if self.column is not None and not self.values:
            raise ValueError("'column' needs 'values'")
        if self.column is None and (self.values or self.other is not None):
            raise ValueError("'values' and 'other' need 'column'")
        return self


class Goal(_Part):
    """A goal of the campaign, and where the source says whether it was achieved."""

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2000)
    role: GoalRole = GoalRole.SECONDARY
    column: Column
    values: dict[str, GoalResult] = Field(min_length=1)
    other: GoalResult | None = None
    """For any other value. Without it a row with another value is refused; an empty one is not evaluated."""


class Mapping(_Part):
    """A whole mapping."""

    name: str = Field(min_length=1, max_length=200)
    """The campaign's name."""
    kind: CampaignKind = CampaignKind.VOICE_AGENT
    shape: Shape
    zone: str = "UTC"
    """IANA zone of the campaign."""
    file: FileFormat = FileFormat()
    contact: ContactColumns = ContactColumns()
    call: CallColumns = CallColumns()
    outcome: Outcome | None = None
    goals: tuple[Goal, ...] = ()

    @field_validator("kind")
    @classmethod
    def _makes_calls(cls, value: CampaignKind) -> CampaignKind:
        if value not in {CampaignKind.VOICE_AGENT, CampaignKind.CALL}:
            raise ValueError("a call history is of kind 'voice_agent' or 'call'")
        return value

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no IANA time zone") from None
        return value

    @model_validator(mode="after")
    def _fits_its_shape(self) -> Self:
        if self.shape is Shape.ROW_PER_CALL:
            if self.contact.reference is None:
                raise ValueError("with a row a call, 'contact.reference' says whose call it is")
            if self.call.attempts is not None:
                raise ValueError("'call.attempts' is for a row a contact: here every row is one attempt")
        by_duration = self.outcome is not None and self.outcome.by_duration is not None
        if by_duration and self.call.duration is None:
            raise ValueError("'outcome.by_duration' needs 'call.duration'")
        names = [goal.name for goal in self.goals]
        if len(set(names)) < len(names):
            raise ValueError("two goals have the same name")
        if sum(goal.role is GoalRole.PRIMARY for goal in self.goals) > 1:
            raise ValueError("two goals are primary")
        return self

    def columns(self) -> dict[str, str]:
        """Every column that is read → the key that names it."""
        named: dict[str, str] = {}
        for part, section in (("contact", self.contact), ("call", self.call)):
            for key, value in section:
                if key in {"duration_unit", "timestamp_format", "month_names", "weekday_names", "first_year"}:
                    continue
                for column in (value,) if isinstance(value, str) else value or ():
                    named.setdefault(column, f"{part}.{key}")
        if self.outcome is not None and self.outcome.column is not None:
            named.setdefault(self.outcome.column, "outcome.column")
        for goal in self.goals:
            named.setdefault(goal.column, f"goal {goal.name!r}")
        return named

    def fingerprint(self) -> str:
        """SHA-256, in hex, of what the mapping says; layout, comments and defaults written out change nothing."""
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()
