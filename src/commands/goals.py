"""Commands on a campaign's goals and analyses (E-40 … E-51). Ids left out are made; the facts tell them."""

from typing import Annotated, ClassVar
from uuid import UUID

from drumbeat.aggregates.campaign import CAMPAIGN, analyses, goals
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler, OfCampaign, on_campaign
from drumbeat.commands.limits import A_NAME, A_NOTE, Name, Note, Within
from drumbeat.commands.loop import Run
from drumbeat.events.goals import AnalysisText
from drumbeat.events.values import GoalRole


class DefineGoal(OfCampaign):
    """Add a goal."""

    NAME: ClassVar[str] = "define_goal"
    goal_id: UUID | None = None
    name: Name
    description: Note = ""
    role: GoalRole = GoalRole.SECONDARY


class EditGoal(OfCampaign):
    """Change a goal's text."""

    NAME: ClassVar[str] = "edit_goal"
    goal_id: UUID
    name: Name
    description: Note = ""


class ArchiveGoal(OfCampaign):
    """Let a goal count no longer; the primary one needs a successor."""

    NAME: ClassVar[str] = "archive_goal"
    goal_id: UUID
    successor: UUID | None = None


class RestoreGoal(OfCampaign):
    """Let an archived goal count again, as a secondary one."""

    NAME: ClassVar[str] = "restore_goal"
    goal_id: UUID


class ChangePrimaryGoal(OfCampaign):
    """Make another goal the primary one."""

    NAME: ClassVar[str] = "change_primary_goal"
    goal_id: UUID


class DefineAnalysis(OfCampaign):
    """Add an analysis, active."""

    NAME: ClassVar[str] = "define_analysis"
    analysis_id: UUID | None = None
    text: Annotated[AnalysisText, Within(A_NAME, A_NOTE)]


class EditAnalysis(OfCampaign):
    """Change what an analysis asks."""

    NAME: ClassVar[str] = "edit_analysis"
    analysis_id: UUID
    text: Annotated[AnalysisText, Within(A_NAME, A_NOTE)]


class ActivateAnalysis(OfCampaign):
    """Ask it again."""

    NAME: ClassVar[str] = "activate_analysis"
    analysis_id: UUID


class DeactivateAnalysis(OfCampaign):
    """Do not ask it for the time being."""

    NAME: ClassVar[str] = "deactivate_analysis"
    analysis_id: UUID


class ArchiveAnalysis(OfCampaign):
    """Put it out of sight; its answers stay."""

    NAME: ClassVar[str] = "archive_analysis"
    analysis_id: UUID


class RestoreAnalysis(OfCampaign):
    """Bring an archived analysis back, inactive."""

    NAME: ClassVar[str] = "restore_analysis"
    analysis_id: UUID


def _define_goal(command: DefineGoal, run: Run) -> Done:
    goal_id = command.goal_id or run.new_id()
    return run.one(
        CAMPAIGN,
        command.campaign_id,
        lambda state: goals.define_goal(
            state, goal_id=goal_id, name=command.name, description=command.description, role=command.role
        ),
        campaign_id=command.campaign_id,
        expected_version=command.expected_version,
    )


def _define_analysis(command: DefineAnalysis, run: Run) -> Done:
    analysis_id = command.analysis_id or run.new_id()
    return run.one(
        CAMPAIGN,
        command.campaign_id,
        lambda state: analyses.define_analysis(state, analysis_id=analysis_id, text=command.text),
        campaign_id=command.campaign_id,
        expected_version=command.expected_version,
    )


HANDLERS: dict[type[Command], Handler] = {
    DefineGoal: _define_goal,
    EditGoal: on_campaign(goals.edit_goal),
    ArchiveGoal: on_campaign(goals.archive_goal),
    RestoreGoal: on_campaign(goals.restore_goal),
    ChangePrimaryGoal: on_campaign(goals.change_primary_goal),
    DefineAnalysis: _define_analysis,
    EditAnalysis: on_campaign(analyses.edit_analysis),
    ActivateAnalysis: on_campaign(analyses.activate_analysis),
    DeactivateAnalysis: on_campaign(analyses.deactivate_analysis),
    ArchiveAnalysis: on_campaign(analyses.archive_analysis),
    RestoreAnalysis: on_campaign(analyses.restore_analysis),
}
