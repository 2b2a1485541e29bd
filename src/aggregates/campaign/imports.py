"""Recording a history: launch conditions, limits and timers do not apply, and it is never worked on."""

from drumbeat.aggregates.campaign.guards import existing, wrong_state
from drumbeat.aggregates.campaign.state import Campaign, Draft, ImportState, Running
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import out_of_range
from drumbeat.events import Fact
from drumbeat.events.campaign import (
    CampaignActivated,
    CampaignAudienceProcessed,
    CampaignCompleted,
    CampaignImportFinished,
    CampaignImportStarted,
    CampaignLaunched,
)
from drumbeat.events.values import CampaignSource, CompletionReason


def start_import(
    state: Campaign | None, *, file_hash: str, mapping_hash: str, rows: int | None = None
) -> tuple[Fact, ...]:
    """History is being recorded; the campaign counts as running, without the conditions of a launch.

    Nothing to do when the import was started before: it goes on, or is done. Raises `not_for_an_import` for a
    campaign that is none, `wrong_state`.
    """
    campaign = _imported(state)
    if campaign.core.import_state is not ImportState.NONE:
        return ()
    if not isinstance(campaign, Draft):
        raise wrong_state(campaign, "start_import")
    if rows is not None and rows < 0:
        raise out_of_range("rows", rows, "0 or more")
    started = CampaignImportStarted(file_hash=file_hash, mapping_hash=mapping_hash, rows=rows)
    return (started, CampaignLaunched(), CampaignActivated())


def finish_import(state: Campaign | None, *, accepted: int, refused: int) -> tuple[Fact, ...]:
    """Every row was accepted or refused, and every contact finished: the campaign is completed.

    Nothing to do when it was finished before. Raises `not_for_an_import`, `wrong_state` before it was started
    or after it was cancelled.
    """
    campaign = _imported(state)
    if campaign.core.import_state is ImportState.FINISHED:
        return ()
    if campaign.core.import_state is ImportState.NONE or not isinstance(campaign, Running):
        raise wrong_state(campaign, "finish_import")
    return (
        CampaignImportFinished(accepted=accepted, refused=refused),
        CampaignAudienceProcessed(),
        CampaignCompleted(completion_reason=CompletionReason.ALL_PROCESSED),
    )


def _imported(state: Campaign | None) -> Campaign:
    campaign = existing(state)
    if campaign.core.source is not CampaignSource.IMPORT:
        raise Refused(
            RefusalCode.NOT_FOR_AN_IMPORT, "this campaign is worked on; histories have campaigns of their own"
        )
    return campaign
