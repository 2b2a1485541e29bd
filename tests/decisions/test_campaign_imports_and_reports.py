"""Recording a history, and the report of a survey (A-15)."""

import pytest

from drumbeat.aggregates.campaign import CAMPAIGN, Campaign, terms_of
from drumbeat.aggregates.campaign.ending import archive_campaign, cancel_campaign, reopen_campaign
from drumbeat.aggregates.campaign.imports import finish_import, start_import
from drumbeat.aggregates.campaign.launching import open_audience
from drumbeat.aggregates.campaign.reports import (
    record_report_failed,
    record_report_generated,
    request_report,
)
from drumbeat.events import Fact
from drumbeat.events.campaign import (
    CampaignActivated,
    CampaignArchived,
    CampaignAudienceOpened,
    CampaignAudienceProcessed,
    CampaignCancelled,
    CampaignCompleted,
    CampaignImportFinished,
    CampaignImportStarted,
    CampaignLaunched,
    CampaignReopened,
    CampaignReportFailed,
    CampaignReportGenerated,
    CampaignReportNotGenerated,
    CampaignReportRequested,
)
from drumbeat.events.values import CampaignKind, CampaignSource, CampaignStatus, CompletionReason
from support.campaigns import campaign_in, drafted, running_import
from support.given import CAMPAIGN_ID, NOW, Given, given

FINISHED = (
    CampaignImportFinished(accepted=3, refused=1),
    CampaignAudienceProcessed(),
    CampaignCompleted(completion_reason=CompletionReason.ALL_PROCESSED),
)


def test_an_import_runs_without_the_conditions_of_a_launch() -> None:
    history = given(CAMPAIGN, drafted(source=CampaignSource.IMPORT))
    started = history.when(start_import, file_hash="f", mapping_hash="m", rows=3).then(
        CampaignImportStarted(file_hash="f", mapping_hash="m", rows=3), CampaignLaunched(), CampaignActivated()
    )
    assert started.state is not None
    terms = terms_of(started.state, CAMPAIGN_ID)
    assert (terms.importing, terms.status, terms.source) == (True, CampaignStatus.RUNNING, CampaignSource.IMPORT)
    started.when(start_import, file_hash="f", mapping_hash="m", rows=3).then_nothing()
    started.when(open_audience).then(CampaignAudienceOpened())


def test_an_import_is_completed_at_its_end_once() -> None:
    finished = running_import().when(finish_import, accepted=3, refused=1).then(*FINISHED)
    finished.when(finish_import, accepted=3, refused=1).then_nothing()
    finished.when(start_import, file_hash="f", mapping_hash="m").then_nothing()
    assert finished.state is not None
    assert not terms_of(finished.state, CAMPAIGN_ID).importing


def test_an_import_is_finished_only_after_it_was_started() -> None:
    given(CAMPAIGN, drafted(source=CampaignSource.IMPORT)).when(finish_import, accepted=0, refused=0).then_refused(
        "wrong_state"
    )


def test_a_cancelled_import_is_not_finished() -> None:
    cancelled = (
        running_import().when(cancel_campaign, reason="wrong file").then(CampaignCancelled(reason="wrong file"))
    )
    cancelled.when(finish_import, accepted=0, refused=0).then_refused("wrong_state")


def test_a_negative_number_of_rows_is_refused() -> None:
    given(CAMPAIGN, drafted(source=CampaignSource.IMPORT)).when(
        start_import, file_hash="f", mapping_hash="m", rows=-1
    ).then_refused("out_of_range", field="rows")


def test_an_archived_draft_of_an_import_is_not_started() -> None:
    given(CAMPAIGN, drafted(source=CampaignSource.IMPORT), CampaignArchived()).when(
        start_import, file_hash="f", mapping_hash="m"
    ).then_refused("wrong_state")


def test_a_campaign_that_is_worked_on_takes_no_import() -> None:
    given(CAMPAIGN, drafted()).when(start_import, file_hash="f", mapping_hash="m").then_refused(
        "not_for_an_import"
    )
    given(CAMPAIGN, drafted()).when(finish_import, accepted=0, refused=0).then_refused("not_for_an_import")


def test_a_finished_import_is_archived_but_never_reopened() -> None:
    finished = running_import(*FINISHED)
    finished.when(reopen_campaign, now=NOW).then_refused("not_for_an_import")
    finished.when(archive_campaign).then(CampaignArchived())


# -- reports


def survey(*more: Fact) -> Given[Campaign]:
    return campaign_in(CampaignStatus.COMPLETED, *more, kind=CampaignKind.SURVEY)


def test_a_report_that_was_asked_for_is_generated_and_closes_the_survey_for_good() -> None:
    generated = survey(CampaignReportRequested()).when(record_report_generated).then(CampaignReportGenerated())
    generated.when(record_report_generated).then_nothing()
    generated.when(reopen_campaign, now=NOW).then_refused("report_exists")
    generated.when(request_report, completed_sessions=9).then_refused("report_exists")


def test_a_failed_report_is_asked_for_again() -> None:
    failed = survey(CampaignReportRequested()).when(record_report_failed, reason="model timed out")
    after = failed.then(CampaignReportFailed(reason="model timed out"))
    after.when(record_report_failed, reason="again").then_nothing()
    after.when(request_report, completed_sessions=9).then(CampaignReportRequested())


def test_a_report_still_needs_enough_sessions_when_asked_for_again() -> None:
    missing = CampaignReportNotGenerated(reason="insufficient_sessions", have=1, need=3)
    survey(missing).when(request_report, completed_sessions=2).then(
        CampaignReportNotGenerated(reason="insufficient_sessions", have=2, need=3)
    )


def test_a_survey_without_a_report_is_reopened() -> None:
    missing = CampaignReportNotGenerated(reason="insufficient_sessions", have=1, need=3)
    survey(missing).when(reopen_campaign, now=NOW).then(CampaignReopened())


def test_a_survey_is_not_reopened_while_its_report_is_made() -> None:
    survey(CampaignReportRequested()).when(reopen_campaign, now=NOW).then_refused("report_exists")


def test_a_report_nobody_asked_for_is_not_recorded() -> None:
    survey().when(record_report_generated).then_nothing()
    survey().when(record_report_failed, reason="x").then_nothing()


@pytest.mark.parametrize("kind", [kind for kind in CampaignKind if kind is not CampaignKind.SURVEY])
def test_other_kinds_have_no_report(kind: CampaignKind) -> None:
    campaign_in(CampaignStatus.COMPLETED, kind=kind).when(request_report, completed_sessions=9).then_refused(
        "not_for_this_kind"
    )
