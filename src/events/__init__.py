"""The facts, their envelope and their bytes. Importing this package fills the catalogue of event types."""

from drumbeat.events import (
    calls,
    campaign,
    contact,
    evaluations,
    goals,
    person,
    schedule,
    sender,
    suppression,
    workspace,
)
from drumbeat.events.errors import EventError, MalformedEvent, UnknownEventType
from drumbeat.events.event import Cause, Event, Principal
from drumbeat.events.fact import FACTS, Fact, Value

__all__ = [
    "Cause", "Event", "EventError", "FACTS", "Fact", "MalformedEvent", "Principal", "UnknownEventType", "Value",
    "calls", "campaign", "contact", "evaluations", "goals", "person", "schedule", "sender", "suppression",
    "workspace",
]  # fmt: skip
