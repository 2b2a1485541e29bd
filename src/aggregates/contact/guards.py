"""What every verb on a contact checks before it looks closer. Each guard raises `Refused` or returns."""

from uuid import UUID

from drumbeat.aggregates.contact.state import Attempt, Contact, Removed, Report
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events.values import CallOutcome, CampaignKind, CampaignSource, CampaignStatus

UNDER_WAY = frozenset(
    {
        CampaignStatus.DRAFT,
        CampaignStatus.SCHEDULED,
        CampaignStatus.LAUNCHING,
        CampaignStatus.RUNNING,
        CampaignStatus.PAUSED,
    }
)
"""The states before finalizing: contacts may be enrolled and retries arise."""

OVER = frozenset(
    {
        CampaignStatus.COMPLETED,
        CampaignStatus.CANCELLED,
        CampaignStatus.ARCHIVED,
        CampaignStatus.DELETED,
    }
)
"""The states in which a campaign is over for good, or until it is reopened."""

FAILURES = frozenset({CallOutcome.ISSUE_DIALING, CallOutcome.FAILED})
CALLING = frozenset({CampaignKind.VOICE_AGENT, CampaignKind.CALL})


def enrolled(contact: Contact | None) -> Contact:
    """The contact, when somebody was enrolled under this stream."""
    if contact is None or not contact.enrolled:
        raise Refused(RefusalCode.UNKNOWN_STREAM, "there is no such contact in this campaign", field="contact_id")
    return contact


def not_removed(contact: Contact | None) -> Contact:
    """The contact, when it is enrolled and was neither removed nor erased."""
    known = enrolled(contact)
    if isinstance(known.stage, Removed):
        raise Refused(RefusalCode.REMOVED, "the contact was removed from this campaign")
    if known.erased:
        raise Refused(RefusalCode.REMOVED, "the person behind this contact was erased")
    return known


def not_deleted(terms: Terms) -> None:
    """People do nothing more to a deleted campaign; late reports are still recorded."""
    if terms.status is CampaignStatus.DELETED:
        raise Refused(RefusalCode.DELETED, "the campaign was deleted")


def not_an_import(terms: Terms) -> None:
    """An import is history: nobody acts in it."""
    if terms.source is CampaignSource.IMPORT:
        raise Refused(RefusalCode.NOT_FOR_AN_IMPORT, "an import is history: it is not worked on")


def a_calling_campaign(terms: Terms) -> None:
    """Calls belong to the kinds that call."""
    if terms.kind not in CALLING:
        raise Refused(
            RefusalCode.NOT_FOR_THIS_KIND,
            f"a {terms.kind} campaign places no calls",
            field="kind",
            value=terms.kind,
        )


def attempt_of(contact: Contact, number: int) -> Attempt:
    """The attempt under this number; attempts count from 1."""
    if not 1 <= number <= len(contact.attempts):
        raise Refused(
            RefusalCode.UNKNOWN_ATTEMPT,
            f"the contact has no attempt {number}",
            field="attempt",
            value=number,
            allowed=f"1 to {len(contact.attempts)}" if contact.attempts else "none so far",
        )
    return contact.attempts[number - 1]


def a_duration(seconds: int | None) -> None:
    """Durations are whole seconds, none below zero."""
    if seconds is not None and seconds < 0:
        raise Refused(
            RefusalCode.OUT_OF_RANGE,
            "a duration cannot be negative",
            field="duration_seconds",
            value=seconds,
            allowed="0 or more",
        )


def a_reportable_outcome(outcome: CallOutcome, terms: Terms, *, field: str) -> None:
    """`not_recorded` says that a source is silent; a call of ours is not."""
    if outcome is CallOutcome.NOT_RECORDED and terms.source is not CampaignSource.IMPORT:
        raise Refused(
            RefusalCode.OUT_OF_RANGE,
            "not_recorded is for imported history only",
            field=field,
            value=outcome,
            allowed=", ".join(o for o in CallOutcome if o is not CallOutcome.NOT_RECORDED),
        )


def fitting(report: Report) -> None:
    """A callback's time belongs to a callback, permanence to a failure."""
    if report.callback_at is not None and report.outcome is not CallOutcome.CALLBACK:
        raise Refused(
            RefusalCode.OUT_OF_RANGE,
            "only a callback has a time to call back",
            field="callback_at",
            value=report.callback_at.isoformat(),
            allowed=f"with outcome {CallOutcome.CALLBACK}",
        )
    if report.permanent and report.outcome not in FAILURES:
        raise Refused(
            RefusalCode.OUT_OF_RANGE,
            "only a failure can be permanent",
            field="permanent",
            value=True,
            allowed=f"with outcome {' or '.join(sorted(FAILURES))}",
        )


def a_new_conversation(contact: Contact, conversation_id: UUID | None, *, attempt: int | None = None) -> None:
    """A conversation belongs to one call: the same id on another one is a mistake."""
    if conversation_id is None:
        return
    placed = (
        a.report.conversation_id
        for number, a in enumerate(contact.attempts, start=1)
        if a.report is not None and number != attempt
    )
    if conversation_id in placed or any(r.conversation_id == conversation_id for r in contact.received):
        raise Refused(
            RefusalCode.OUT_OF_RANGE,
            "this conversation belongs to another call of the contact",
            field="conversation_id",
            value=conversation_id,
            allowed="an id of its own",
        )
