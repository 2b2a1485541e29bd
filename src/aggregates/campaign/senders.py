"""Which numbers, mailboxes and accounts work for a campaign (E-22, E-23)."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from drumbeat.aggregates.campaign.guards import permitted
from drumbeat.aggregates.campaign.state import AssignedSender, Campaign, Core
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import out_of_range
from drumbeat.events import Fact
from drumbeat.events.campaign import (
    CampaignSenderAssigned,
    CampaignSenderDisabled,
    CampaignSenderEnabled,
    CampaignSenderExcluded,
    CampaignSenderReinstated,
    CampaignSenderUnassigned,
    CampaignSenderWeightChanged,
)
from drumbeat.events.lifecycle import is_allowed
from drumbeat.events.values import SenderStanding


@dataclass(frozen=True, slots=True)
class SpamReport:
    """A sender's spam report: its version in the sender's stream, and the score from 0 to 10."""

    version: int
    score: int


def assign_sender(
    state: Campaign | None, *, sender_id: UUID, weight: int | None = None, spam_report: SpamReport | None = None
) -> tuple[Fact, ...]:
    """It works for this campaign, with this share of the calls under weighted rotation (1 to 100, default 1).

    Assigned again: another weight, where one is given. One whose score has reached the threshold is excluded at
    once. Raises `wrong_state`, `out_of_range`.
    """
    campaign = permitted(state, "assign_sender")
    if weight is not None and not 1 <= weight <= 100:
        raise out_of_range("weight", weight, "1 to 100")
    sender = campaign.core.senders.get(sender_id)
    if sender is None:
        settled = spam_report is not None and spam_report.version <= campaign.core.reinstated.get(sender_id, 0)
        report = None if settled else spam_report
        return assigned(sender_id, weight or 1, report, campaign.core.settings.spam_threshold)
    if weight is None or weight == sender.weight:
        return ()
    return (CampaignSenderWeightChanged(sender_id=sender_id, before=sender.weight, after=weight),)


def assigned(sender_id: UUID, weight: int, report: SpamReport | None, threshold: int) -> tuple[Fact, ...]:
    """What assigning a sender writes: excluded at once when its score has reached the threshold."""
    fact = CampaignSenderAssigned(sender_id=sender_id, weight=weight)
    if report is None or report.score < threshold:
        return (fact,)
    return (fact, CampaignSenderExcluded(sender_id=sender_id, score=report.score, threshold=threshold))


def unassign_sender(state: Campaign | None, *, sender_id: UUID) -> tuple[Fact, ...]:
    """It no longer works for this campaign. Raises `wrong_state`; nothing to do when it did not."""
    campaign = permitted(state, "unassign_sender")
    return (CampaignSenderUnassigned(sender_id=sender_id),) if sender_id in campaign.core.senders else ()


def disable_sender(state: Campaign | None, *, sender_id: UUID) -> tuple[Fact, ...]:
    """Out of rotation. Raises `unknown_sender`, `sender_not_usable` for an excluded one."""
    match _assigned(permitted(state, "disable_sender"), sender_id).standing:
        case SenderStanding.ACTIVE:
            return (CampaignSenderDisabled(sender_id=sender_id),)
        case SenderStanding.DISABLED:
            return ()
        case SenderStanding.EXCLUDED:
            raise _is_excluded(sender_id)


def enable_sender(state: Campaign | None, *, sender_id: UUID) -> tuple[Fact, ...]:
    """Back in rotation. Raises `unknown_sender`, `sender_not_usable` for an excluded one (reinstate it)."""
    match _assigned(permitted(state, "enable_sender"), sender_id).standing:
        case SenderStanding.ACTIVE:
            return ()
        case SenderStanding.DISABLED:
            return (CampaignSenderEnabled(sender_id=sender_id),)
        case SenderStanding.EXCLUDED:
            raise _is_excluded(sender_id)


def reinstate_sender(
    state: Campaign | None, *, sender_id: UUID, spam_report: SpamReport | None = None
) -> tuple[Fact, ...]:
    """A person judges an excluded sender usable; only a report newer than `spam_report` excludes it again.

    Raises `unknown_sender`; nothing to do for one that is not excluded.
    """
    sender = _assigned(permitted(state, "reinstate_sender"), sender_id)
    if sender.standing is not SenderStanding.EXCLUDED:
        return ()
    return (
        CampaignSenderReinstated(sender_id=sender_id, report_version=spam_report.version if spam_report else 0),
    )


def judge_spam_score(
    state: Campaign | None, *, sender_id: UUID, spam_report: SpamReport | None
) -> tuple[Fact, ...]:
    """Excluded when the score reaches the threshold. Nothing to do when the campaign is over or lacks it."""
    if state is None or not is_allowed("reinstate_sender", state.STATUS) or sender_id not in state.core.senders:
        return ()
    return _judged(state.core, sender_id, spam_report, state.core.settings.spam_threshold)


def exclusions(core: Core, spam_reports: Mapping[UUID, SpamReport], *, threshold: int) -> tuple[Fact, ...]:
    """Who is excluded under a threshold, by the newest report on each sender."""
    return tuple(
        fact
        for sender_id in core.senders
        for fact in _judged(core, sender_id, spam_reports.get(sender_id), threshold)
    )


def _judged(core: Core, sender_id: UUID, report: SpamReport | None, threshold: int) -> tuple[Fact, ...]:
    if report is None or report.score < threshold or report.version <= core.reinstated.get(sender_id, 0):
        return ()
    if core.senders[sender_id].standing is SenderStanding.EXCLUDED:
        return ()
    return (CampaignSenderExcluded(sender_id=sender_id, score=report.score, threshold=threshold),)


def _assigned(campaign: Campaign, sender_id: UUID) -> AssignedSender:
    sender = campaign.core.senders.get(sender_id)
    if sender is None:
        raise Refused(
            RefusalCode.UNKNOWN_SENDER,
            f"sender {sender_id} is not assigned to this campaign",
            field="sender_id",
            value=str(sender_id),
        )
    return sender


def _is_excluded(sender_id: UUID) -> Refused:
    return Refused(
        RefusalCode.SENDER_NOT_USABLE,
        f"sender {sender_id} is excluded by its spam score: reinstate or unassign it",
        field="sender_id",
        value=str(sender_id),
    )
