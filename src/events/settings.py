"""The settings of a campaign (E-20 … E-25), as events carry them.

Their ranges are judged by `aggregates.campaign.settings_rules`, on the way in: a range that changes later
must not make history unreadable.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from drumbeat.events.fact import Value


class Rotation(StrEnum):
    """How the next number is chosen when there are two or more (E-23)."""

    ROUND_ROBIN = "round_robin"
    LOWEST_SPAM = "lowest_spam"
    LEAST_USED_TODAY = "least_used_today"
    WEIGHTED = "weighted"


class MachineDetection(StrEnum):
    """How an answering machine is told from a human (E-25, AMD)."""

    TEXT = "text"
    ML = "ml"


class CallbackRetry(StrEnum):
    """Whether a callback is dialled by itself (default of voice_agent) or only shown (default of call)."""

    AUTO = "auto"
    MANUAL = "manual"


class CampaignSettings(Value):
    """Every setting with its default. Durations are whole seconds."""

    agent: str | None = None
    start_at: datetime | None = None
    """Blank means: now, at launch."""
    end_at: datetime | None = None
    """Required for a survey, optional elsewhere."""
    zone: str = "UTC"
    """IANA zone of the campaign; contacts without one of their own are told in it."""
    schedule_id: UUID | None = None
    """Business hours; none means always open."""
    notes: str = ""
    rotation: Rotation = Rotation.ROUND_ROBIN
    spam_threshold: int = 7
    max_calls_per_number_and_day: int = 100
    call_interval_seconds: int = 10
    ring_timeout_seconds: int = 30
    max_call_duration_seconds: int = 3600
    machine_detection: MachineDetection = MachineDetection.ML
    max_retries: int = 2
    retry_interval_seconds: int = 3600
    completion_timeout_seconds: int = 3600
    drain_deadline_seconds: int = 3600
    callback_retry: CallbackRetry = CallbackRetry.AUTO
    unique_address: bool = False
    target: int | None = None
    min_sessions_for_report: int = 3
