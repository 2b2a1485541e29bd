"""A survey's report: scored from enough completed sessions (A-15)."""

from drumbeat.aggregates.campaign.guards import permitted
from drumbeat.aggregates.campaign.state import Campaign, Completed, Core, ReportStatus
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import required_text
from drumbeat.events import Fact
from drumbeat.events.campaign import (
    CampaignReportFailed,
    CampaignReportGenerated,
    CampaignReportNotGenerated,
    CampaignReportRequested,
)
from drumbeat.events.values import CampaignKind


def report_after_completion(core: Core, completed_sessions: int) -> tuple[Fact, ...]:
    """What completion means for the report of a survey; other kinds have none."""
    if core.kind is not CampaignKind.SURVEY:
        return ()
    need = core.settings.min_sessions_for_report
    if completed_sessions >= need:
        return (CampaignReportRequested(),)
    return (CampaignReportNotGenerated(reason="insufficient_sessions", have=completed_sessions, need=need),)


def request_report(state: Campaign | None, *, completed_sessions: int) -> tuple[Fact, ...]:
    """Ask for a report again, after one failed or could not be made.

    Raises `not_for_this_kind`, `wrong_state`, `report_exists`. With too few sessions still, that is recorded.
    """
    core = permitted(state, "request_report").core
    if core.report in {ReportStatus.GENERATED, ReportStatus.REQUESTED}:
        raise Refused(RefusalCode.REPORT_EXISTS, f"the report is {core.report}", field="report", value=core.report)
    return report_after_completion(core, completed_sessions)


def record_report_generated(state: Campaign | None) -> tuple[Fact, ...]:
    """Scoring is done. Nothing to do unless a report was requested."""
    return (CampaignReportGenerated(),) if _report_is_awaited(state) else ()


def record_report_failed(state: Campaign | None, *, reason: str) -> tuple[Fact, ...]:
    """Scoring broke. Nothing to do unless a report was requested; raises `out_of_range` without a reason."""
    return (CampaignReportFailed(reason=required_text("reason", reason)),) if _report_is_awaited(state) else ()


def _report_is_awaited(state: Campaign | None) -> bool:
    return isinstance(state, Completed) and state.core.report is ReportStatus.REQUESTED
