"""From which states a campaign's commands are allowed: the one table of decisions and of `available_actions`."""

from dataclasses import dataclass

from drumbeat.events.values import CampaignKind, CampaignSource, CampaignStatus

_S = CampaignStatus

_OPEN = frozenset({_S.DRAFT, _S.SCHEDULED, _S.LAUNCHING, _S.RUNNING, _S.PAUSED})
_LIVE = _OPEN - {_S.DRAFT}
_NOT_DELETED = frozenset(CampaignStatus) - {_S.DELETED}

ALLOWED_FROM: dict[str, frozenset[CampaignStatus]] = {
    "launch_campaign": frozenset({_S.DRAFT, _S.SCHEDULED}),
    "pause_campaign": frozenset({_S.SCHEDULED, _S.LAUNCHING, _S.RUNNING}),
    "resume_campaign": frozenset({_S.PAUSED}),
    "complete_campaign": frozenset({_S.RUNNING, _S.PAUSED}),
    "extend_campaign": frozenset({_S.RUNNING, _S.PAUSED}),
    "send_reminders": frozenset({_S.RUNNING}),
    "enrol_contacts": _OPEN,
    "retry_contact": frozenset({_S.RUNNING, _S.PAUSED}),
    "rename_campaign": _OPEN,
    "change_settings": _OPEN,
    "define_goal": _OPEN,
    "edit_goal": _OPEN,
    "archive_goal": _OPEN,
    "restore_goal": _OPEN,
    "change_primary_goal": _OPEN,
    "define_analysis": _OPEN,
    "edit_analysis": _OPEN,
    "activate_analysis": _OPEN,
    "deactivate_analysis": _OPEN,
    "archive_analysis": _OPEN,
    "restore_analysis": _OPEN,
    "assign_sender": _OPEN,
    "unassign_sender": _OPEN,
    "disable_sender": _OPEN,
    "enable_sender": _OPEN,
    "reinstate_sender": _OPEN,
    "define_sequence": frozenset({_S.DRAFT}),
    "cancel_campaign": _LIVE,
    "reopen_campaign": frozenset({_S.COMPLETED}),
    "request_report": frozenset({_S.COMPLETED}),
    "duplicate_campaign": _NOT_DELETED,
    "archive_campaign": _NOT_DELETED - {_S.LAUNCHING, _S.FINALIZING, _S.ARCHIVED},
    "delete_campaign": frozenset({_S.DRAFT, _S.COMPLETED, _S.CANCELLED, _S.ARCHIVED}),
}
"""Command name → the states from which it is allowed. What else refuses it stands in the command's decision."""

NOT_FOR_AN_IMPORT = frozenset(
    {
        "launch_campaign",
        "pause_campaign",
        "resume_campaign",
        "complete_campaign",
        "extend_campaign",
        "send_reminders",
        "reopen_campaign",
        "retry_contact",
    }
)
"""What makes no sense for a recorded history: it is never dialled, resumed or reopened."""

ONLY_FOR: dict[str, frozenset[CampaignKind]] = {
    "send_reminders": frozenset({CampaignKind.SURVEY}),
    "retry_contact": frozenset({CampaignKind.VOICE_AGENT, CampaignKind.CALL}),
    "define_sequence": frozenset({CampaignKind.SEQUENCE}),
    "request_report": frozenset({CampaignKind.SURVEY}),
}
"""Commands that some kinds of campaigns have and others have not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFacts:
    """What `available_actions` needs beside status and kind.

    `window_closed`: the end has passed, by the clock or by the event. `report` is a `ReportStatus` value.
    """

    source: CampaignSource = CampaignSource.API
    has_end: bool = False
    window_closed: bool = False
    report: str = "none"


def is_allowed(command: str, status: CampaignStatus) -> bool:
    """Whether the table allows a command from a state."""
    return status in ALLOWED_FROM[command]


def is_for(command: str, kind: CampaignKind) -> bool:
    """Whether a kind of campaign has a command at all."""
    return command not in ONLY_FOR or kind in ONLY_FOR[command]


def available_actions(
    status: CampaignStatus, kind: CampaignKind, facts: ActionFacts | None = None
) -> tuple[str, ...]:
    """The names of the commands that can be tried now, in the table's order (A-40 … A-45).

    A command that needs more than state and kind, such as an audience for launching, is listed and may still be
    refused.
    """
    known = facts or ActionFacts()
    return tuple(
        command
        for command, states in ALLOWED_FROM.items()
        if status in states
        and is_for(command, kind)
        and not (known.source is CampaignSource.IMPORT and command in NOT_FOR_AN_IMPORT)
        and not (command == "resume_campaign" and known.window_closed)
        and not (command == "extend_campaign" and not known.has_end)
        and not (command == "reopen_campaign" and known.report in {"requested", "generated"})
        and not (command == "request_report" and known.report in {"requested", "generated"})
    )
