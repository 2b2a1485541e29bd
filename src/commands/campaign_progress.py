"""What the clock, policies and imports command a campaign: each is harmless when it comes too late."""

from typing import ClassVar
from uuid import UUID

from drumbeat.aggregates.campaign import imports, launching, reports, running, senders
from drumbeat.aggregates.campaign.senders import SpamReport
from drumbeat.aggregates.campaign.state import Campaign
from drumbeat.commands.command import Command
from drumbeat.commands.deciding import Handler, OfCampaign, on_campaign
from drumbeat.events import Fact


class StartCampaign(OfCampaign):
    """The scheduled start has come."""

    NAME: ClassVar[str] = "start_campaign"


class ActivateCampaign(OfCampaign):
    """A survey's first invitations are out."""

    NAME: ClassVar[str] = "activate_campaign"


class CloseWindow(OfCampaign):
    """The end has come."""

    NAME: ClassVar[str] = "close_window"


class MarkAudienceProcessed(OfCampaign):
    """Every contact is finished or replied."""

    NAME: ClassVar[str] = "mark_audience_processed"


class FinishFinalizing(OfCampaign):
    """Nothing is in flight any more (`drained`), or the drain deadline has passed."""

    NAME: ClassVar[str] = "finish_finalizing"
    drained: bool
    completed_sessions: int = 0


class RequestReport(OfCampaign):
    """Ask again for the report of a completed survey."""

    NAME: ClassVar[str] = "request_report"
    completed_sessions: int


class RecordReportGenerated(OfCampaign):
    """Scoring is done."""

    NAME: ClassVar[str] = "record_report_generated"


class RecordReportFailed(OfCampaign):
    """Scoring broke."""

    NAME: ClassVar[str] = "record_report_failed"
    reason: str


class JudgeSpamScore(OfCampaign):
    """A spam score was reported on a sender; `report_version` is the report's version in the sender's stream."""

    NAME: ClassVar[str] = "judge_spam_score"
    sender_id: UUID
    score: int
    report_version: int


class StartImport(OfCampaign):
    """A history begins to be recorded."""

    NAME: ClassVar[str] = "start_import"
    file_hash: str
    mapping_hash: str
    rows: int | None = None


class FinishImport(OfCampaign):
    """Every row was accepted or refused, and every contact finished."""

    NAME: ClassVar[str] = "finish_import"
    accepted: int
    refused: int


def _judge(state: Campaign | None, *, sender_id: UUID, score: int, report_version: int) -> tuple[Fact, ...]:
    report = SpamReport(version=report_version, score=score)
    return senders.judge_spam_score(state, sender_id=sender_id, spam_report=report)


HANDLERS: dict[type[Command], Handler] = {
    StartCampaign: on_campaign(launching.start_campaign),
    ActivateCampaign: on_campaign(launching.activate_campaign),
    CloseWindow: on_campaign(running.close_window),
    MarkAudienceProcessed: on_campaign(running.mark_audience_processed),
    FinishFinalizing: on_campaign(running.finish_finalizing),
    RequestReport: on_campaign(reports.request_report),
    RecordReportGenerated: on_campaign(reports.record_report_generated),
    RecordReportFailed: on_campaign(reports.record_report_failed),
    JudgeSpamScore: on_campaign(_judge),
    StartImport: on_campaign(imports.start_import),
    FinishImport: on_campaign(imports.finish_import),
}
