"""What a contact's decisions need to know of its campaign: read from the campaign's stream, not locked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from drumbeat.events.goals import AnalysisText
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import CampaignKind, CampaignSource, CampaignStatus, GoalRole, SenderStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The campaign as a contact sees it at the moment of a decision.

    `goals` holds the goals that are not archived, `analyses` what each active one asks, `senders` every sender
    that is assigned. `importing` is true between import_started and import_finished.
    """

    campaign_id: UUID
    kind: CampaignKind
    source: CampaignSource
    status: CampaignStatus
    settings: CampaignSettings
    settings_version: int
    importing: bool = False
    goals: Mapping[UUID, GoalRole] = field(default_factory=dict)
    analyses: Mapping[UUID, AnalysisText] = field(default_factory=dict)
    senders: Mapping[UUID, SenderStanding] = field(default_factory=dict)
