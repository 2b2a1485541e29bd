"""A campaign's goals as reads need them (E-40, E-41)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from drumbeat.readapi.database import Row


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal as it is defined now; archived ones no longer count towards a contact's score."""

    id: UUID
    name: str
    description: str
    role: str
    archived: bool


def goals_of(campaign: Row) -> tuple[Goal, ...]:
    """All goals of a campaign, in the order of their definition."""
    return tuple(_goal(one) for one in campaign["goals"])


def _goal(one: dict[str, Any]) -> Goal:
    return Goal(UUID(one["id"]), one["name"], one["description"], one["role"], one["archived"])


def active_ids(goals: Sequence[Goal]) -> list[str]:
    """The ids of the goals that count."""
    return [str(goal.id) for goal in goals if not goal.archived]


def primary(goals: Sequence[Goal]) -> Goal | None:
    """The primary goal, if the campaign has one."""
    return next((goal for goal in goals if goal.role == "primary" and not goal.archived), None)
