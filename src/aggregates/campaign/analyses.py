"""What a campaign asks of each conversation (E-50, E-51)."""

from uuid import UUID

from drumbeat.aggregates.campaign.guards import permitted
from drumbeat.aggregates.campaign.state import Analysis, Campaign, text_of
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import optional_text, out_of_range, required_text
from drumbeat.events import Fact
from drumbeat.events.goals import (
    AnalysisText,
    CampaignAnalysisActivated,
    CampaignAnalysisArchived,
    CampaignAnalysisDeactivated,
    CampaignAnalysisDefined,
    CampaignAnalysisEdited,
    CampaignAnalysisRestored,
)
from drumbeat.events.values import Question

CHOICES = frozenset({Question.SINGLE_CHOICE, Question.MULTIPLE_CHOICE})


def define_analysis(state: Campaign | None, *, analysis_id: UUID, text: AnalysisText) -> tuple[Fact, ...]:
    """A new analysis, active. Nothing to do when `analysis_id` is known. Raises `out_of_range`."""
    core = permitted(state, "define_analysis").core
    if analysis_id in core.analyses:
        return ()
    checked = _checked(text)
    return (
        CampaignAnalysisDefined(
            analysis_id=analysis_id,
            name=checked.name,
            description=checked.description,
            question=checked.question,
            options=checked.options,
            scale=checked.scale,
        ),
    )


def edit_analysis(state: Campaign | None, *, analysis_id: UUID, text: AnalysisText) -> tuple[Fact, ...]:
    """Another text, question, options or scale. Raises `unknown_analysis`, `out_of_range`."""
    before = text_of(_known(permitted(state, "edit_analysis"), analysis_id))
    after = _checked(text)
    if before == after:
        return ()
    return (CampaignAnalysisEdited(analysis_id=analysis_id, before=before, after=after),)


def activate_analysis(state: Campaign | None, *, analysis_id: UUID) -> tuple[Fact, ...]:
    """Asked again. Nothing to do when it is active. Raises `unknown_analysis`, also for an archived one."""
    analysis = _known(permitted(state, "activate_analysis"), analysis_id)
    if analysis.archived:
        raise _unknown(analysis_id, f"analysis {analysis_id} is archived")
    return () if analysis.active else (CampaignAnalysisActivated(analysis_id=analysis_id),)


def deactivate_analysis(state: Campaign | None, *, analysis_id: UUID) -> tuple[Fact, ...]:
    """Not asked for the time being. Nothing to do when it is not active. Raises `unknown_analysis`."""
    analysis = _known(permitted(state, "deactivate_analysis"), analysis_id)
    return (CampaignAnalysisDeactivated(analysis_id=analysis_id),) if analysis.active else ()


def archive_analysis(state: Campaign | None, *, analysis_id: UUID) -> tuple[Fact, ...]:
    """Out of sight; its answers stay. Nothing to do when it is archived. Raises `unknown_analysis`."""
    analysis = _known(permitted(state, "archive_analysis"), analysis_id)
    return () if analysis.archived else (CampaignAnalysisArchived(analysis_id=analysis_id),)


def restore_analysis(state: Campaign | None, *, analysis_id: UUID) -> tuple[Fact, ...]:
    """Back, inactive until activated. Nothing to do when it is not archived. Raises `unknown_analysis`."""
    analysis = _known(permitted(state, "restore_analysis"), analysis_id)
    return (CampaignAnalysisRestored(analysis_id=analysis_id),) if analysis.archived else ()


def _checked(text: AnalysisText) -> AnalysisText:
    options = tuple(required_text("options", option) for option in text.options)
    if text.question in CHOICES:
        if not 2 <= len(set(options)) == len(options) <= 100:
            raise out_of_range("options", list(text.options), "2 to 100 different options for a choice")
    elif options:
        raise out_of_range("options", list(text.options), f"none for {text.question}")
    if text.question is Question.RATING:
        if text.scale is None or not 2 <= text.scale <= 100:
            raise out_of_range("scale", text.scale, "2 to 100 for a rating")
    elif text.scale is not None:
        raise out_of_range("scale", text.scale, f"none for {text.question}")
    return AnalysisText(
        name=required_text("name", text.name),
        description=optional_text("description", text.description),
        question=text.question,
        options=options,
        scale=text.scale,
    )


def _known(campaign: Campaign, analysis_id: UUID) -> Analysis:
    analysis = campaign.core.analyses.get(analysis_id)
    if analysis is None:
        raise _unknown(analysis_id, f"this campaign has no analysis {analysis_id}")
    return analysis


def _unknown(analysis_id: UUID, problem: str) -> Refused:
    return Refused(RefusalCode.UNKNOWN_ANALYSIS, problem, field="analysis_id", value=str(analysis_id))
