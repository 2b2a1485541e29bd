"""The words people see for a state: one lifecycle, five vocabularies. Pure and total.

The read side stores and filters by what `label` and `contact_label` answer; nothing else makes labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from drumbeat.events.values import CampaignStatus, CompletionReason, ContactStatus, Vocabulary

_S = CampaignStatus
_V = Vocabulary
_C = ContactStatus

OTHER = "Other"
"""The label of a contact for whom a vocabulary has no word of its own."""


class Overlay(StrEnum):
    """What is shown beside a label; never a state of its own."""

    AT_RISK = "at_risk"
    AWAITING_ACTION = "awaiting_action"
    OUTSIDE_HOURS = "outside_hours"
    REPORT_FAILED = "report_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFacts:
    """What a label needs beside the state.

    `completion_reason` is known from finalizing on. `executed_anything`: a call was placed, a message sent.
    `at_risk` … `report_failed` are the conditions of the overlays, as whoever knows the numbers found them.
    """

    completion_reason: CompletionReason | None = None
    executed_anything: bool = False
    at_risk: bool = False
    awaiting_action: bool = False
    outside_hours: bool = False
    report_failed: bool = False


NO_FACTS = LabelFacts()

# The columns of the table, in the order of `Vocabulary`. `manual` rows hold where a person closed the window.
_COLUMNS = (_V.SURVEY, _V.SEQUENCE, _V.CALL, _V.MESSAGE, _V.VOICE_AGENT)
_TABLE: dict[tuple[CampaignStatus, bool], tuple[str, str, str, str, str]] = {
    (_S.DRAFT, False): ("DRAFT", "Draft", "Not Started", "Paused", "Paused"),
    (_S.SCHEDULED, False): ("SCHEDULED", "Active", "Not Started", "Active", "Active"),
    (_S.LAUNCHING, False): ("LAUNCHING", "Active", "Started", "Active", "Active"),
    (_S.RUNNING, False): ("ACTIVE", "Active", "Started", "Active", "Active"),
    (_S.PAUSED, False): ("PAUSED", "Paused", "Paused", "Paused", "Paused"),
    (_S.FINALIZING, False): ("COMPLETING", "Active", "Started", "Active", "Active"),
    (_S.FINALIZING, True): ("COMPLETING", "Active", "Ended", "Active", "Completed"),
    (_S.COMPLETED, False): ("COMPLETED", "Finished", "Complete", "Finished", "Completed"),
    (_S.COMPLETED, True): ("COMPLETED", "Finished", "Ended", "Finished", "Completed"),
    (_S.CANCELLED, False): ("CANCELLED", "Cancelled", "Ended", "Finished", "Cancelled"),
    (_S.ARCHIVED, False): ("ARCHIVED", "Archived", "Archived", "Archived", "Archived"),
    (_S.DELETED, False): ("DELETED", "Deleted", "Deleted", "Deleted", "Deleted"),
}


def label(vocabulary: Vocabulary, status: CampaignStatus, facts: LabelFacts = NO_FACTS) -> str:
    """What people see as a campaign's status (`status_label`)."""
    by_hand = facts.completion_reason is CompletionReason.MANUAL
    row = _TABLE.get((status, by_hand)) or _TABLE[status, False]
    return row[_COLUMNS.index(vocabulary)]


def labels(vocabulary: Vocabulary) -> frozenset[str]:
    """Every label that a vocabulary has for campaigns."""
    column = _COLUMNS.index(vocabulary)
    return frozenset(row[column] for row in _TABLE.values())


def overlays(status: CampaignStatus, facts: LabelFacts) -> tuple[Overlay, ...]:
    """What stands beside the label, in a fixed order. At risk and outside hours belong to a running campaign."""
    running = status is _S.RUNNING
    conditions = {
        Overlay.AT_RISK: running and facts.at_risk,
        Overlay.AWAITING_ACTION: running and facts.awaiting_action,
        Overlay.OUTSIDE_HOURS: running and facts.outside_hours,
        Overlay.REPORT_FAILED: status is _S.COMPLETED and facts.report_failed,
    }
    return tuple(overlay for overlay, holds in conditions.items() if holds)


_CALLS: Mapping[tuple[ContactStatus, str], str] = {
    (_C.NOT_STARTED, "queued"): "Pending",
    (_C.IN_PROGRESS, "dialing"): "Dialing",
    (_C.IN_PROGRESS, "awaiting_next_step"): "Called",
    (_C.IN_PROGRESS, "retry_scheduled"): "Retry",
    (_C.FINISHED, "completed"): "Completed",
    (_C.FINISHED, "attempts_exhausted"): "Failed",
    (_C.FINISHED, "no_conversation"): "No Conversation",
}
# A pause by hand is an overlay: beneath it the contact is what it was.
_BENEATH_PAUSE = {word: name for (status, word), name in _CALLS.items() if status is not _C.FINISHED}

_SURVEY: Mapping[tuple[ContactStatus, str], str] = {
    (_C.IN_PROGRESS, "invited"): "Invited",
    (_C.IN_PROGRESS, "in_session"): "In session",
    (_C.IN_PROGRESS, "abandoned"): "Abandoned",
    (_C.FINISHED, "session_completed"): "Completed",
    (_C.FINISHED, "opted_out"): "Opted out",
}

_SEQUENCE: Mapping[ContactStatus, str] = {
    _C.NOT_STARTED: "Not started",
    _C.IN_PROGRESS: "In progress",
    _C.PAUSED: "Paused",
    _C.ERROR: "Error",
    _C.REPLIED: "Replied",
    _C.FINISHED: "Finished",
}


def contact_label(vocabulary: Vocabulary, status: ContactStatus, substatus: str | None) -> str:
    """What people see as a contact's status; every substatus has an answer, also one not known here.

    Kind call uses voice_agent's words. Of a message's four (pending, partial, sent, failed) the substatus decides
    after a reply, an opt out or an error: `delivered` and `follow_up_due` say that one was delivered before.
    """
    word = substatus or ""
    match vocabulary:
        case Vocabulary.VOICE_AGENT | Vocabulary.CALL:
            return _BENEATH_PAUSE.get(word, OTHER) if status is _C.PAUSED else _CALLS.get((status, word), OTHER)
        case Vocabulary.SEQUENCE:
            return _SEQUENCE[status]
        case Vocabulary.MESSAGE:
            return _message_label(status, word)
        case Vocabulary.SURVEY:
            if status is _C.NOT_STARTED:
                return "Not invited"
            return "Paused" if status is _C.PAUSED else _SURVEY.get((status, word), OTHER)


def _message_label(status: ContactStatus, word: str) -> str:
    delivered = word in {"delivered", "follow_up_due"}
    match status:
        case ContactStatus.NOT_STARTED:
            return "Pending"
        case ContactStatus.FINISHED | ContactStatus.REPLIED:
            return "Sent" if delivered else "Failed"
        case ContactStatus.ERROR if word == "final":
            return "Failed"
        case ContactStatus.IN_PROGRESS | ContactStatus.PAUSED | ContactStatus.ERROR:
            return "Partial" if delivered else "Pending"


def contact_labels(vocabulary: Vocabulary) -> tuple[str, ...]:
    """Every label that a vocabulary has for contacts, in the order they are shown."""
    match vocabulary:
        case Vocabulary.VOICE_AGENT | Vocabulary.CALL:
            return (*_CALLS.values(), OTHER)
        case Vocabulary.SEQUENCE:
            return tuple(_SEQUENCE.values())
        case Vocabulary.MESSAGE:
            return ("Pending", "Partial", "Sent", "Failed")
        case Vocabulary.SURVEY:
            return ("Not invited", *_SURVEY.values(), "Paused", OTHER)
