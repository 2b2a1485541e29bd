"""Builders for the facts of contacts: they fill the boring fields."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from drumbeat.aggregates.contact.local_time import occurred_at
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.events.calls import ContactCallEnded, ContactCallPlaced, ContactRetryScheduled
from drumbeat.events.contact import ContactEnrolled
from drumbeat.events.goals import AnalysisText
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import (
    CallOutcome,
    CampaignKind,
    CampaignSource,
    CampaignStatus,
    ContactPrivate,
    GoalRole,
    Question,
    SenderStanding,
)
from support.given import CAMPAIGN_ID, NOW, uid

SENDER = uid("sender")
GOAL = uid("goal")
SIDE_GOAL = uid("side goal")
TALK = uid("talk")
SECOND_TALK = uid("second talk")
HOUR = timedelta(hours=1)

QUESTIONS: dict[Question, UUID] = {question: uid(question) for question in Question}


def terms(
    status: CampaignStatus = CampaignStatus.RUNNING,
    *,
    kind: CampaignKind = CampaignKind.VOICE_AGENT,
    source: CampaignSource = CampaignSource.API,
    importing: bool = False,
    **settings: Any,
) -> Terms:
    """A running voice-agent campaign with one number, two goals and an analysis of each question."""
    analyses = {
        analysis_id: AnalysisText(
            name=question,
            question=question,
            options=("red", "green", "blue") if "choice" in question else (),
            scale=5 if question is Question.RATING else None,
        )
        for question, analysis_id in QUESTIONS.items()
    }
    return Terms(
        campaign_id=CAMPAIGN_ID,
        kind=kind,
        source=source,
        status=status,
        settings=CampaignSettings(**settings),
        settings_version=1,
        importing=importing,
        goals={GOAL: GoalRole.PRIMARY, SIDE_GOAL: GoalRole.SECONDARY},
        analyses=analyses,
        senders={SENDER: SenderStanding.ACTIVE},
    )


RUNNING = terms()
IMPORT = terms(CampaignStatus.DRAFT, source=CampaignSource.IMPORT, importing=True)


def enrolled(**changes: Any) -> ContactEnrolled:
    """Somebody became a contact."""
    fields: dict[str, Any] = {
        "reference": "r-1",
        "source": CampaignSource.API,
        "private": ContactPrivate(name="Ada"),
    }
    return ContactEnrolled(**(fields | changes))


def placed(attempt: int = 1, *, at: datetime = NOW, **changes: Any) -> ContactCallPlaced:
    """A call under the settings of `RUNNING`."""
    fields: dict[str, Any] = {
        "attempt": attempt,
        "sender_id": None,
        "occurred": occurred_at(at, contact_zone=None, campaign_zone="UTC"),
        "settings_version": 1,
        "lost_at": at + timedelta(seconds=3630),
    }
    return ContactCallPlaced(**(fields | changes))


def ended(outcome: CallOutcome, attempt: int = 1, **changes: Any) -> ContactCallEnded:
    """The end of a call under the settings of `RUNNING`."""
    fields: dict[str, Any] = {"attempt": attempt, "outcome": outcome, "attempts_allowed": 3}
    return ContactCallEnded(**(fields | changes))


def retry(at: datetime = NOW + HOUR, left: int = 2) -> ContactRetryScheduled:
    """A retry an hour later."""
    return ContactRetryScheduled(retry_at=at, attempts_left=left)


def no_answers(count: int, *, limit: int = 3) -> tuple[Any, ...]:
    """A contact that did not pick up this often, all at one time, under a limit of attempts."""
    facts: list[Any] = [enrolled()]
    for attempt in range(1, count + 1):
        last = attempt >= limit
        due = NOW + HOUR if last else None
        facts += [placed(attempt), ended(CallOutcome.NO_ANSWER, attempt, completion_due_at=due)]
        facts += [] if last else [retry(left=limit - attempt)]
    return tuple(facts)
