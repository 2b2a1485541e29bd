"""What a campaign wants to achieve (E-40, E-41): one primary goal, any number of secondary ones."""

from uuid import UUID

from drumbeat.aggregates.campaign.guards import permitted
from drumbeat.aggregates.campaign.state import Campaign, Core, Goal
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import optional_text, required_text
from drumbeat.events import Fact
from drumbeat.events.goals import (
    CampaignGoalArchived,
    CampaignGoalDefined,
    CampaignGoalEdited,
    CampaignGoalRestored,
    CampaignPrimaryGoalChanged,
    GoalText,
)
from drumbeat.events.values import GoalRole


def define_goal(
    state: Campaign | None, *, goal_id: UUID, name: str, description: str = "", role: GoalRole
) -> tuple[Fact, ...]:
    """A new goal. Nothing to do when `goal_id` is known. Raises `second_primary_goal`, `out_of_range`."""
    core = permitted(state, "define_goal").core
    if goal_id in core.goals:
        return ()
    if role is GoalRole.PRIMARY and primary_goal(core) is not None:
        raise Refused(
            RefusalCode.SECOND_PRIMARY_GOAL,
            "the campaign has a primary goal: change the primary goal instead",
            field="role",
            value=str(role),
            allowed=str(GoalRole.SECONDARY),
        )
    text = _text(name, description)
    return (CampaignGoalDefined(goal_id=goal_id, name=text.name, description=text.description, role=role),)


def edit_goal(state: Campaign | None, *, goal_id: UUID, name: str, description: str = "") -> tuple[Fact, ...]:
    """Another text. Raises `unknown_goal`, `out_of_range`."""
    goal = _known(permitted(state, "edit_goal").core, goal_id)
    before, after = GoalText(name=goal.name, description=goal.description), _text(name, description)
    return () if before == after else (CampaignGoalEdited(goal_id=goal_id, before=before, after=after),)


def archive_goal(state: Campaign | None, *, goal_id: UUID, successor: UUID | None = None) -> tuple[Fact, ...]:
    """It no longer counts; the primary goal hands its role to `successor` first.

    Nothing to do when it is archived. Raises `unknown_goal`, `primary_goal_needs_successor`.
    """
    core = permitted(state, "archive_goal").core
    goal = _known(core, goal_id)
    if goal.archived:
        return ()
    if goal.role is not GoalRole.PRIMARY:
        return (CampaignGoalArchived(goal_id=goal_id),)
    if successor is None or successor == goal_id:
        raise Refused(
            RefusalCode.PRIMARY_GOAL_NEEDS_SUCCESSOR,
            "the primary goal can only be archived with a successor",
            field="successor",
        )
    _counting(core, successor)
    return (CampaignPrimaryGoalChanged(from_=goal_id, to=successor), CampaignGoalArchived(goal_id=goal_id))


def restore_goal(state: Campaign | None, *, goal_id: UUID) -> tuple[Fact, ...]:
    """It counts again, as a secondary goal. Nothing to do when it is not archived. Raises `unknown_goal`."""
    goal = _known(permitted(state, "restore_goal").core, goal_id)
    return (CampaignGoalRestored(goal_id=goal_id),) if goal.archived else ()


def change_primary_goal(state: Campaign | None, *, goal_id: UUID) -> tuple[Fact, ...]:
    """Another goal is the primary one, the old one secondary. Raises `unknown_goal`, `no_primary_goal`."""
    core = permitted(state, "change_primary_goal").core
    goal = _counting(core, goal_id)
    if goal.role is GoalRole.PRIMARY:
        return ()
    before = primary_goal(core)
    if before is None:
        raise Refused(
            RefusalCode.NO_PRIMARY_GOAL, "the campaign has no primary goal that could be changed: define one"
        )
    return (CampaignPrimaryGoalChanged(from_=before, to=goal_id),)


def primary_goal(core: Core) -> UUID | None:
    """The primary goal's id."""
    return next((gid for gid, goal in core.goals.items() if goal.role is GoalRole.PRIMARY), None)


def _text(name: str, description: str) -> GoalText:
    return GoalText(name=required_text("name", name), description=optional_text("description", description))


def _known(core: Core, goal_id: UUID) -> Goal:
    goal = core.goals.get(goal_id)
    if goal is None:
        raise _unknown(goal_id, f"this campaign has no goal {goal_id}")
    return goal


def _counting(core: Core, goal_id: UUID) -> Goal:
    goal = _known(core, goal_id)
    if goal.archived:
        raise _unknown(goal_id, f"goal {goal_id} is archived")
    return goal


def _unknown(goal_id: UUID, problem: str) -> Refused:
    return Refused(RefusalCode.UNKNOWN_GOAL, problem, field="goal_id", value=str(goal_id))
