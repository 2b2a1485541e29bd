"""The goals and analyses on a campaign's row (E-40 … E-51): lists in the order of definition, as JSON text."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from uuid import UUID

import msgspec

from drumbeat.events.fact import Fact
from drumbeat.events.goals import (
    CampaignAnalysisActivated,
    CampaignAnalysisArchived,
    CampaignAnalysisDeactivated,
    CampaignAnalysisDefined,
    CampaignAnalysisEdited,
    CampaignAnalysisRestored,
    CampaignGoalArchived,
    CampaignGoalDefined,
    CampaignGoalEdited,
    CampaignGoalRestored,
    CampaignPrimaryGoalChanged,
)
from drumbeat.events.light import LightEvent
from drumbeat.events.values import GoalRole
from drumbeat.projections.engine.rows import as_json


class GoalHolder(Protocol):
    """A row with both lists."""

    goals: str
    analyses: str


Detail = Callable[[Any, LightEvent[Any]], None]


def _goal_defined(row: GoalHolder, event: LightEvent[CampaignGoalDefined]) -> None:
    row.goals = _with(row.goals, "goal_id", event.data, archived=False)


def _analysis_defined(row: GoalHolder, event: LightEvent[CampaignAnalysisDefined]) -> None:
    row.analyses = _with(row.analyses, "analysis_id", event.data, active=True, archived=False)


def _with(items: str, id_field: str, defined: Any, **more: Any) -> str:
    item = msgspec.to_builtins(defined)
    return as_json([*json.loads(items), {"id": item.pop(id_field), **item, **more}])


def _goal(changes: Callable[[Any], dict[str, Any]]) -> Detail:
    def detail(row: GoalHolder, event: LightEvent[Any]) -> None:
        row.goals = _changed(row.goals, event.data.goal_id, changes(event.data))

    return detail


def _analysis(changes: Callable[[Any], dict[str, Any]]) -> Detail:
    def detail(row: GoalHolder, event: LightEvent[Any]) -> None:
        row.analyses = _changed(row.analyses, event.data.analysis_id, changes(event.data))

    return detail


def _changed(items: str, item_id: UUID, changes: dict[str, Any]) -> str:
    wanted = str(item_id)
    return as_json([{**item, **changes} if item["id"] == wanted else item for item in json.loads(items)])


def _primary_goal_changed(row: GoalHolder, event: LightEvent[CampaignPrimaryGoalChanged]) -> None:
    demoted = _changed(row.goals, event.data.from_, {"role": GoalRole.SECONDARY})
    row.goals = _changed(demoted, event.data.to, {"role": GoalRole.PRIMARY})


GOAL_DETAILS: Mapping[type[Fact], Detail] = {
    CampaignGoalDefined: _goal_defined,
    CampaignGoalEdited: _goal(lambda data: msgspec.to_builtins(data.after)),
    CampaignGoalArchived: _goal(lambda _data: {"archived": True, "role": GoalRole.SECONDARY}),
    CampaignGoalRestored: _goal(lambda _data: {"archived": False}),
    CampaignPrimaryGoalChanged: _primary_goal_changed,
    CampaignAnalysisDefined: _analysis_defined,
    CampaignAnalysisEdited: _analysis(lambda data: msgspec.to_builtins(data.after)),
    CampaignAnalysisActivated: _analysis(lambda _data: {"active": True}),
    CampaignAnalysisDeactivated: _analysis(lambda _data: {"active": False}),
    CampaignAnalysisArchived: _analysis(lambda _data: {"active": False, "archived": True}),
    CampaignAnalysisRestored: _analysis(lambda _data: {"archived": False}),
}
"""Event class → what it changes in the lists, in place."""
