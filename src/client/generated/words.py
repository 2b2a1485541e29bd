"""Words that commands and reads take.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from typing import Literal

ActivityFormat = Literal["csv", "jsonl"]
"""How an export is written."""
AnswerStatus = Literal["human", "machine", "no_answer", "rejection", "failed", "not_recorded"]
"""What became of the ringing (E-13). `not_recorded` stands beside the five that sum to 100 %."""
AnsweredBy = Literal["human", "machine"]
"""Who picked up a call that is in flight."""
CallOutcome = Literal[
    "completed",
    "user_hung_up",
    "meeting_booked",
    "call_transferred",
    "callback",
    "answered_no_conversation",
    "left_message",
    "no_message",
    "no_answer",
    "busy",
    "issue_dialing",
    "failed",
    "not_recorded",
]
"""How a placed call ended (what each means: `outcomes.MEANING`)."""
CampaignKind = Literal["survey", "sequence", "call", "message", "voice_agent"]
"""What a campaign does to reach its contacts."""
CampaignSort = Literal["name", "status", "date"]
"""What the list of campaigns is ordered by; `date` is when a campaign was made."""
CampaignSource = Literal["api", "import", "demonstration"]
"""Where a campaign came from. An `import` is history: it is never dialled, resumed or reopened."""
CampaignStatus = Literal[
    "draft",
    "scheduled",
    "launching",
    "running",
    "paused",
    "finalizing",
    "completed",
    "cancelled",
    "archived",
    "deleted",
]
"""The canonical states of a campaign."""
ChangedStream = Literal["campaign", "contact"]
"""What kind of stream was changed."""
Channel = Literal["phone", "email", "linkedin"]
"""How a person is reached."""
ContactStatus = Literal["not_started", "in_progress", "paused", "error", "replied", "finished"]
"""The canonical status of a contact; a substatus says more."""
Direction = Literal["placed", "received"]
"""A placed call is an attempt; a received one is a conversation and no attempt."""
GoalResult = Literal["achieved", "partially_achieved", "not_achieved", "unknown"]
"""What an evaluation found; in the order best to least (E-41)."""
GoalRole = Literal["primary", "secondary"]
"""One goal of a campaign is primary (E-40)."""
OfZone = Literal["contact", "campaign", "unknown"]
"""Whose local time a call is told in."""
Order = Literal["asc", "desc"]
"""The direction of a list."""
PauseReason = Literal["manual", "issue", "review", "compliance"]
"""Why a campaign was paused."""
Priority = Literal["high", "normal", "low"]
"""In which order contacts are worked off."""
Question = Literal["yes_no", "single_choice", "multiple_choice", "open", "rating", "data_point"]
"""What an analysis asks of a conversation (E-50)."""
State = Literal["in_flight", "recorded", "not_recorded", "received"]
"""What is known of a call: placed and not ended, ended with a recorded outcome or without, or
received.
"""
StepChannel = Literal["phone", "email", "linkedin", "task"]
"""Where a step of a sequence happens: a channel, or a task for a person."""
Vocabulary = Literal["survey", "sequence", "call", "message", "voice_agent"]
"""Whose words a campaign's labels are in."""
WorkspaceStream = Literal["workspace", "sender", "schedule", "suppression"]
"""What kind of stream, that belongs to no campaign, was changed."""
