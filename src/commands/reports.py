"""Commands on a survey's report (A-15)."""

from typing import ClassVar

from drumbeat.aggregates.campaign import reports
from drumbeat.commands.command import Command
from drumbeat.commands.deciding import Handler, OfCampaign, on_campaign


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


HANDLERS: dict[type[Command], Handler] = {
    RequestReport: on_campaign(reports.request_report),
    RecordReportGenerated: on_campaign(reports.record_report_generated),
    RecordReportFailed: on_campaign(reports.record_report_failed),
}
