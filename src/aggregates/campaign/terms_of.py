"""A campaign as its contacts' decisions see it."""

from uuid import UUID

from drumbeat.aggregates.campaign.state import Campaign, ImportState, settings_of, text_of
from drumbeat.aggregates.contact.terms import Terms


def terms_of(campaign: Campaign, campaign_id: UUID) -> Terms:
    """The terms under which a contact is worked with now."""
    core = campaign.core
    return Terms(
        campaign_id=campaign_id,
        kind=core.kind,
        source=core.source,
        status=campaign.STATUS,
        settings=settings_of(core),
        settings_version=core.settings_version,
        importing=core.import_state is ImportState.STARTED,
        goals={goal_id: goal.role for goal_id, goal in core.goals.items() if not goal.archived},
        analyses={
            analysis_id: text_of(analysis) for analysis_id, analysis in core.analyses.items() if analysis.active
        },
        senders={sender_id: sender.standing for sender_id, sender in core.senders.items()},
    )
