"""Making campaigns: draft, duplicate, rename, settings, sequence."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid5

from drumbeat.aggregates.campaign.guards import existing, permitted
from drumbeat.aggregates.campaign.senders import SpamReport, assigned, exclusions
from drumbeat.aggregates.campaign.settings_rules import default_settings, read_settings
from drumbeat.aggregates.campaign.state import Campaign, Deleted, Draft, Scheduled, settings_of, steps_of, text_of
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import LONGEST_NAME, out_of_range, required_text
from drumbeat.events import Fact
from drumbeat.events.campaign import (
    CampaignDrafted,
    CampaignRenamed,
    CampaignScheduled,
    CampaignSequenceDefined,
    CampaignSettingsChanged,
)
from drumbeat.events.goals import CampaignAnalysisDefined, CampaignGoalDefined
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import CampaignKind, CampaignSource, Step, Vocabulary


def draft_campaign(
    state: Campaign | None,
    *,
    kind: CampaignKind,
    name: str,
    vocabulary: Vocabulary | None = None,
    settings: Mapping[str, object] | None = None,
    source: CampaignSource = CampaignSource.API,
) -> tuple[Fact, ...]:
    """A new campaign; its vocabulary is its kind's unless another is given.

    The same import again finds its campaign and adds nothing. Raises `out_of_range`, `invalid_settings`;
    `wrong_state` when the stream holds a campaign, `deleted` when it held one.
    """
    if isinstance(state, Deleted):
        raise Refused(RefusalCode.DELETED, "the campaign was deleted", field="campaign_id")
    if state is not None:
        if source is CampaignSource.IMPORT and state.core.source is CampaignSource.IMPORT:
            return ()
        raise Refused(RefusalCode.WRONG_STATE, "there is a campaign with this id already", field="campaign_id")
    return (
        CampaignDrafted(
            kind=kind,
            name=required_text("name", name),
            vocabulary=vocabulary or Vocabulary(kind),
            settings=read_settings(default_settings(kind), settings or {}),
            source=source,
        ),
    )


def duplicate_campaign(
    original: Campaign | None,
    *,
    original_id: UUID,
    copy_id: UUID,
    name: str | None = None,
    spam_reports: Mapping[UUID, SpamReport | None],
    now: datetime,
) -> tuple[Fact, ...]:
    """The facts of a new campaign like `original`: settings, goals, analyses, senders and sequence, no contacts.

    Its start is blank, and so is an end that has passed. Goals and analyses get ids of their own. `spam_reports`
    has the newest report on every sender that is still in use; others are not taken over. Raises
    `unknown_stream`, `deleted`, `out_of_range`.
    """
    core = permitted(original, "duplicate_campaign").core
    settings = settings_of(core)
    over = settings.end_at is not None and settings.end_at <= now
    copied = settings.model_copy(update={"start_at": None} | ({"end_at": None} if over else {}))
    drafted = CampaignDrafted(
        kind=core.kind,
        name=required_text("name", f"Copy of {core.name}"[:LONGEST_NAME] if name is None else name),
        vocabulary=core.vocabulary,
        settings=copied,
        source=CampaignSource.API,
        copied_from=original_id,
    )
    goals = (
        CampaignGoalDefined(
            goal_id=uuid5(copy_id, str(goal_id)), name=goal.name, description=goal.description, role=goal.role
        )
        for goal_id, goal in core.goals.items()
        if not goal.archived
    )
    analyses = (
        CampaignAnalysisDefined(analysis_id=uuid5(copy_id, str(analysis_id)), **text_of(analysis).model_dump())
        for analysis_id, analysis in core.analyses.items()
        if analysis.active
    )
    senders = (
        fact
        for sender_id, sender in core.senders.items()
        if sender_id in spam_reports
        for fact in assigned(sender_id, sender.weight, spam_reports[sender_id], settings.spam_threshold)
    )
    sequence = (CampaignSequenceDefined(steps=steps_of(core)),) if core.steps else ()
    return (drafted, *goals, *analyses, *senders, *sequence)


def rename_campaign(state: Campaign | None, *, name: str) -> tuple[Fact, ...]:
    """Another name. Raises `wrong_state`, `out_of_range`."""
    campaign = permitted(state, "rename_campaign")
    after = required_text("name", name)
    return () if after == campaign.core.name else (CampaignRenamed(before=campaign.core.name, after=after),)


def change_settings(
    state: Campaign | None,
    *,
    changes: Mapping[str, object],
    spam_reports: Mapping[UUID, SpamReport] | None = None,
    now: datetime,
) -> tuple[Fact, ...]:
    """Other settings from now on; a changed spam threshold is judged at once by the last known reports.

    The start can be moved until it has come: then the campaign is scheduled anew. Raises `wrong_state`,
    `out_of_range`, `invalid_settings`, `structure_locked` for the start of a launched campaign, `window_closed`
    for the end of one whose end has passed (extend it).
    """
    campaign = permitted(state, "change_settings")
    before = settings_of(campaign.core)
    after = read_settings(before, changes)
    if after == before:
        return ()
    _require_changeable(campaign, before, after, now)
    changed = CampaignSettingsChanged(
        settings_version=campaign.core.settings_version + 1, before=before, after=after
    )
    moved: tuple[Fact, ...] = ()
    if isinstance(campaign, Scheduled) and after.start_at is not None and after.start_at != before.start_at:
        moved = (CampaignScheduled(start_at=after.start_at),)
    judged: tuple[Fact, ...] = ()
    if after.spam_threshold != before.spam_threshold:
        judged = exclusions(campaign.core, spam_reports or {}, threshold=after.spam_threshold)
    return (changed, *moved, *judged)


def _require_changeable(
    campaign: Campaign, before: CampaignSettings, after: CampaignSettings, now: datetime
) -> None:
    if isinstance(campaign, Draft):
        return
    if after.start_at != before.start_at:
        if not isinstance(campaign, Scheduled):
            raise Refused(
                RefusalCode.STRUCTURE_LOCKED,
                "the campaign has been launched: its start is history",
                field="start_at",
            )
        if after.start_at is None or after.start_at <= now:
            raise out_of_range("start_at", after.start_at, "later than now (launch it to start now)")
    if after.end_at != before.end_at:
        _require_movable_end(campaign, before.end_at, after.end_at, now)


def _require_movable_end(
    campaign: Campaign, before: datetime | None, after: datetime | None, now: datetime
) -> None:
    if campaign.core.window_closed is not None or (before is not None and before <= now):
        raise Refused(RefusalCode.WINDOW_CLOSED, "the end has passed: extend the campaign", field="end_at")
    if after is None and campaign.core.kind is CampaignKind.SURVEY:
        raise out_of_range("end_at", after, "an instant: a survey needs an end")
    if after is not None and after <= now:
        raise out_of_range("end_at", after, "later than now (complete it to end now)")


def define_sequence(state: Campaign | None, *, steps: tuple[Step, ...]) -> tuple[Fact, ...]:
    """The steps of a sequence, as long as it is a draft (B-35).

    Raises `not_for_this_kind`, `structure_locked` after launch, `out_of_range`.
    """
    campaign = existing(state)
    if not isinstance(campaign, Draft) and campaign.core.kind is CampaignKind.SEQUENCE:
        raise Refused(RefusalCode.STRUCTURE_LOCKED, "the sequence is locked since the launch", field="steps")
    campaign = permitted(campaign, "define_sequence")
    if not 1 <= len(steps) <= 100:
        raise out_of_range("steps", len(steps), "1 to 100 steps")
    for step in steps:
        required_text("name", step.name)
        if not 0 <= step.delay_seconds <= 365 * 86_400:
            raise out_of_range("delay_seconds", step.delay_seconds, "0 s to 365 d")
    if len({step.step_id for step in steps}) != len(steps):
        raise out_of_range("step_id", "given twice", "an id of its own for every step")
    return () if steps_of(campaign.core) == steps else (CampaignSequenceDefined(steps=steps),)
