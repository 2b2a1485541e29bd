"""Contacts of a campaign: enrolled, changed, called, judged."""

from drumbeat.aggregates.refusals import RefusalCode as No
from drumbeat.commands import calls, contacts, enrolment, evaluations
from drumbeat.writeapi.commanding import command_router, commands

router = command_router("contacts")

_ALL = "/campaigns/{campaign_id}/contacts"
_ONE = f"{_ALL}/{{contact_id}}"
_ACTING = (
    No.NOT_FOR_AN_IMPORT, No.NOT_FOR_THIS_KIND, No.CAMPAIGN_NOT_RUNNING, No.REMOVED, No.SUPPRESSED, No.OPTED_OUT,
    No.WRONG_STATE, No.CALL_IN_FLIGHT,
)  # fmt: skip

commands(
    router, "POST", _ALL, enrolment.EnrolContact,
    summary="Enrol one contact", made=True,
    refusals=(No.DELETED, No.NOT_FOR_AN_IMPORT, No.REMOVED, No.SUPPRESSED, No.DUPLICATE_ADDRESS, No.CAMPAIGN_OVER),
)  # fmt: skip
commands(
    router, "POST", f"{_ALL}/batch", enrolment.EnrolContacts,
    summary="Enrol contacts, each judged by itself", refusals=(No.DELETED, No.NOT_FOR_AN_IMPORT),
)  # fmt: skip
commands(
    router, "PUT", f"{_ONE}/profile", contacts.ChangeProfile,
    summary="Replace what is known of the person", refusals=(No.DELETED, No.REMOVED, No.DUPLICATE_ADDRESS),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/remove", contacts.RemoveContact,
    summary="Take the contact out for ever", refusals=(No.DELETED,),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/pause", contacts.PauseContact,
    summary="Pause the contact",
    refusals=(No.WRONG_STATE, No.DELETED, No.NOT_FOR_AN_IMPORT, No.REMOVED, No.CAMPAIGN_OVER),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/resume", contacts.ResumeContact,
    summary="Resume the contact", refusals=(No.DELETED, No.REMOVED),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/opt-out", contacts.OptOutContact,
    summary="Record that the person opts out",
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/retry", contacts.RetryContact,
    summary="Give one more attempt", refusals=_ACTING,
)  # fmt: skip

_CALLS = f"{_ONE}/calls"
commands(
    router, "POST", _CALLS, calls.PlaceCall,
    summary="Dial now",
    refusals=(
        *_ACTING, No.UNKNOWN_SENDER, No.SENDER_NOT_USABLE, No.CONTACT_PAUSED, No.RETRY_NOT_DUE,
        No.NO_ATTEMPTS_LEFT,
    ),
)  # fmt: skip
commands(
    router, "POST", f"{_CALLS}/{{attempt}}/connect", calls.ConnectCall,
    summary="Report that somebody picked up", refusals=(No.NO_CALL_IN_FLIGHT, No.UNKNOWN_ATTEMPT),
)  # fmt: skip
commands(
    router, "POST", f"{_CALLS}/{{attempt}}/end", calls.EndCall,
    summary="Report how a call ended", refusals=(No.ALREADY_ENDED, No.UNKNOWN_ATTEMPT),
)  # fmt: skip
commands(
    router, "POST", f"{_CALLS}/{{attempt}}/correct", calls.CorrectOutcome,
    summary="Correct a recorded outcome",
    refusals=(No.DELETED, No.CALL_IN_FLIGHT, No.UNKNOWN_ATTEMPT, No.OUTCOME_DIFFERS),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/received-calls", calls.ReceiveCall,
    summary="Report a call by the contact", refusals=(No.NOT_FOR_AN_IMPORT,),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/goals/{{goal_id}}/evaluations", evaluations.EvaluateGoal,
    summary="Judge a goal", refusals=(No.UNKNOWN_GOAL, No.REMOVED, No.NO_SUCH_CONVERSATION),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/analyses/{{analysis_id}}/answers", evaluations.AnswerAnalysis,
    summary="Answer an analysis", refusals=(No.UNKNOWN_ANALYSIS, No.REMOVED, No.NO_SUCH_CONVERSATION),
)  # fmt: skip
