"""Builders for campaigns: histories that end in each stage, with the boring fields filled."""

from collections.abc import Mapping
from typing import Any

from drumbeat.aggregates.campaign import CAMPAIGN, Campaign
from drumbeat.events import Fact
from drumbeat.events.campaign import (
    CampaignActivated,
    CampaignArchived,
    CampaignAudienceOpened,
    CampaignAudienceProcessed,
    CampaignCancelled,
    CampaignCompleted,
    CampaignDeleted,
    CampaignDrafted,
    CampaignImportStarted,
    CampaignLaunched,
    CampaignPaused,
    CampaignScheduled,
    CampaignSenderAssigned,
)
from drumbeat.events.goals import CampaignGoalDefined
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    CampaignKind,
    CampaignSource,
    CampaignStatus,
    CompletionReason,
    GoalRole,
    PauseReason,
    Vocabulary,
)
from support.given import NOW, Given, given, in_seconds, uid

SENDER = uid("sender")
GOAL = uid("goal")
DAY = 86_400
START = in_seconds(DAY)
END = in_seconds(10 * DAY)


def settings(**changed: Any) -> CampaignSettings:
    """Defaults, but for what is said."""
    return CampaignSettings(**changed)


def drafted(
    *,
    kind: CampaignKind = CampaignKind.VOICE_AGENT,
    source: CampaignSource = CampaignSource.API,
    name: str = "Spring",
    **changed: Any,
) -> CampaignDrafted:
    """A draft; keyword arguments are settings. A survey gets the end that it needs."""
    needed = {"end_at": END} if kind is CampaignKind.SURVEY else {}
    return CampaignDrafted(
        kind=kind, name=name, vocabulary=Vocabulary(kind), settings=settings(**needed | changed), source=source
    )


def ready(**drafting: Any) -> tuple[Fact, ...]:
    """A draft with all that launching asks for."""
    return (
        drafted(**drafting),
        CampaignGoalDefined(goal_id=GOAL, name="Book a visit", role=GoalRole.PRIMARY),
        CampaignSenderAssigned(sender_id=SENDER),
        CampaignAudienceOpened(),
    )


def _drain() -> dict[str, Any]:
    return {"drain_until": in_seconds(3_600)}


_TO: Mapping[CampaignStatus, tuple[Fact, ...]] = {
    CampaignStatus.DRAFT: (),
    CampaignStatus.SCHEDULED: (CampaignScheduled(start_at=START),),
    CampaignStatus.LAUNCHING: (CampaignLaunched(),),
    CampaignStatus.RUNNING: (CampaignLaunched(), CampaignActivated()),
    CampaignStatus.PAUSED: (
        CampaignLaunched(),
        CampaignActivated(),
        CampaignPaused(pause_reason=PauseReason.MANUAL),
    ),
    CampaignStatus.FINALIZING: (
        CampaignLaunched(),
        CampaignActivated(),
        CampaignAudienceProcessed(**_drain()),
    ),
    CampaignStatus.COMPLETED: (
        CampaignLaunched(),
        CampaignActivated(),
        CampaignAudienceProcessed(**_drain()),
        CampaignCompleted(completion_reason=CompletionReason.ALL_PROCESSED),
    ),
    CampaignStatus.CANCELLED: (
        CampaignLaunched(),
        CampaignActivated(),
        CampaignCancelled(reason="budget"),
    ),
    CampaignStatus.ARCHIVED: (CampaignArchived(),),
    CampaignStatus.DELETED: (CampaignDeleted(),),
}


def facts_to(status: CampaignStatus, **drafting: Any) -> tuple[Fact, ...]:
    """A history that ends in a state."""
    return (*ready(**drafting), *_TO[status])


def campaign_in(status: CampaignStatus, *more: Fact, **drafting: Any) -> Given[Campaign]:
    """A campaign in a state, with more facts after it."""
    return given(CAMPAIGN, *facts_to(status, **drafting), *more, at=NOW)


def running_import(*more: Fact) -> Given[Campaign]:
    """A history that is being recorded."""
    started = CampaignImportStarted(file_hash="f", mapping_hash="m", rows=3)
    return given(
        CAMPAIGN,
        drafted(source=CampaignSource.IMPORT),
        started,
        CampaignLaunched(),
        CampaignActivated(),
        *more,
    )
