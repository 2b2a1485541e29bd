"""What is replayed: one recorded fact after another, in the order of a stream."""

from datetime import datetime
from typing import TypeAlias

from drumbeat.events import Fact

Happened: TypeAlias = tuple[int, datetime, Fact]
"""A fact of a contact, after its place in the log and the time at which it was recorded (UTC)."""
