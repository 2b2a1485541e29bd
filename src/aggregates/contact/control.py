"""What people and policies decide about one contact: pausing, another try, opting out, the end."""

from datetime import datetime

from drumbeat.aggregates.contact import guards
from drumbeat.aggregates.contact.enrolment import cancelling
from drumbeat.aggregates.contact.next_step import (
    attempts_allowed,
    finishing_when_due,
)
from drumbeat.aggregates.contact.state import (
    AwaitingNextStep,
    Contact,
    Finished,
    NotEnrolled,
    Queued,
    Removed,
    RetryScheduled,
)
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import LONGEST_NAME, optional_text
from drumbeat.events import Fact
from drumbeat.events.calls import ContactRetryScheduled
from drumbeat.events.contact import (
    ContactFinished,
    ContactOptedOut,
    ContactPaused,
    ContactReminderRequested,
    ContactReopened,
    ContactResumed,
)
from drumbeat.events.values import CampaignKind, CampaignSource, CampaignStatus, Channel, FinishOutcome


def pause_contact(contact: Contact | None, *, terms: Terms, reason: str = "") -> tuple[Fact, ...]:
    """Pause by hand. A call in flight goes on; the pause moves no retry and no timer."""
    known = guards.not_removed(contact)
    guards.not_deleted(terms)
    guards.not_an_import(terms)
    if terms.status not in guards.UNDER_WAY:
        raise Refused(
            RefusalCode.CAMPAIGN_OVER,
            f"the campaign is {terms.status}",
            field="status",
            value=str(terms.status),
            allowed=", ".join(sorted(guards.UNDER_WAY)),
        )
    if isinstance(known.stage, Finished):
        raise Refused(RefusalCode.WRONG_STATE, "the contact is finished")
    return () if known.paused else (ContactPaused(reason=optional_text("reason", reason, longest=LONGEST_NAME)),)


def resume_contact(contact: Contact | None, *, terms: Terms) -> tuple[Fact, ...]:
    """End a pause by hand."""
    known = guards.not_removed(contact)
    guards.not_deleted(terms)
    return (ContactResumed(),) if known.paused else ()


def opt_out(contact: Contact | None, *, channel: Channel) -> tuple[Fact, ...]:
    """The person does not want to be contacted. What a finished or removed contact came to stays as it is."""
    known = guards.enrolled(contact)
    if known.opted_out:
        return ()
    opted_out = ContactOptedOut(channel=channel)
    if known.over:
        return (opted_out,)
    return *cancelling(known, "opted_out"), opted_out, ContactFinished(outcome=FinishOutcome.OPTED_OUT)


def retry_contact(contact: Contact | None, *, terms: Terms, suppressed: bool, now: datetime) -> tuple[Fact, ...]:
    """A person wants another try: one attempt beyond the limit, due now."""
    known = guards.not_removed(contact)
    guards.not_an_import(terms)
    guards.a_calling_campaign(terms)
    if terms.status not in {CampaignStatus.RUNNING, CampaignStatus.PAUSED}:
        raise Refused(RefusalCode.CAMPAIGN_NOT_RUNNING, f"the campaign is {terms.status}")
    if known.opted_out:
        raise Refused(RefusalCode.OPTED_OUT, "the contact does not want to be contacted")
    if suppressed or known.stage == Finished(FinishOutcome.SUPPRESSED):
        raise Refused(RefusalCode.SUPPRESSED, "the contact's number is or was on a do-not-contact list")
    if known.in_flight:
        raise Refused(RefusalCode.CALL_IN_FLIGHT, f"attempt {len(known.attempts)} has not ended")
    if not isinstance(known.stage, Finished | RetryScheduled):
        raise Refused(RefusalCode.WRONG_STATE, "only a finished contact, or one with a retry ahead, is retried")
    left = attempts_allowed(terms) + known.extra_attempts - len(known.attempts)
    extra = max(1, 1 - left)  # a limit that was lowered since must not swallow the try
    scheduled = ContactRetryScheduled(retry_at=now, attempts_left=left + extra)
    return ContactReopened(extra_attempts=extra), scheduled


def finish_due(contact: Contact | None, *, now: datetime) -> tuple[Fact, ...]:
    """The completion timeout passed: the outcome is final. Nothing when it is too early or no longer so."""
    if contact is None or not isinstance(contact.stage, AwaitingNextStep):
        return ()
    return finishing_when_due(contact, contact.stage.completion_due_at, now)


def finish_suppressed(contact: Contact | None, *, terms: Terms) -> tuple[Fact, ...]:
    """An address of the contact was put on a do-not-contact list. A call in flight still counts."""
    live = _live(contact)
    if live is None or terms.status in guards.OVER or terms.source is CampaignSource.IMPORT:
        return ()
    return *cancelling(live, "suppressed"), ContactFinished(outcome=FinishOutcome.SUPPRESSED)


def finish_campaign_over(contact: Contact | None, *, terms: Terms) -> tuple[Fact, ...]:
    """An enrolment crossed the end of its campaign. Nothing when the campaign is not over after all."""
    live = _live(contact)
    if live is None or terms.status in guards.UNDER_WAY or not isinstance(live.stage, Queued):
        return ()
    return (ContactFinished(outcome=FinishOutcome.CAMPAIGN_OVER),)


def request_reminder(contact: Contact | None, *, terms: Terms) -> tuple[Fact, ...]:
    """Remind a survey participant who has not responded; nothing for the others."""
    if terms.kind is not CampaignKind.SURVEY:
        raise Refused(RefusalCode.NOT_FOR_THIS_KIND, f"a {terms.kind} campaign sends no reminders")
    live = _live(contact)
    if live is None or live.paused or terms.status is not CampaignStatus.RUNNING:
        return ()
    return (ContactReminderRequested(),)


def _live(contact: Contact | None) -> Contact | None:
    # What a policy acts on; that there is nothing to act on (any more) is no refusal.
    if contact is None or isinstance(contact.stage, NotEnrolled | Finished | Removed):
        return None
    return contact
