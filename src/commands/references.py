"""What a campaign's commands look up in other streams: loaded, never locked (docs/crossings.md lists each)."""

from collections.abc import Iterable
from uuid import UUID

from drumbeat.aggregates.campaign.senders import SpamReport
from drumbeat.aggregates.campaign.state import Campaign
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.schedule import SCHEDULE
from drumbeat.aggregates.sender import SENDER, Retired, Sender
from drumbeat.commands.loop import Run
from drumbeat.events import Fact
from drumbeat.events.campaign import CampaignDrafted, CampaignSettingsChanged
from drumbeat.events.values import CampaignKind, Channel

_CALLING = frozenset({CampaignKind.VOICE_AGENT, CampaignKind.CALL})


def require_schedule(run: Run, facts: Iterable[Fact]) -> None:
    """Raises `unknown_stream` when facts about to be written name a schedule that is not there."""
    for fact in facts:
        match fact:
            case CampaignDrafted(settings=settings):
                before, after = None, settings.schedule_id
            case CampaignSettingsChanged():
                before, after = fact.before.schedule_id, fact.after.schedule_id
            case _:
                continue
        if after is not None and after != before and run.load(SCHEDULE, after).state is None:
            raise Refused(
                RefusalCode.UNKNOWN_STREAM, f"there is no schedule {after}", field="schedule_id", value=str(after)
            )


def spam_report_of(sender: Sender | None) -> SpamReport | None:
    """A sender's newest spam report."""
    if sender is None or sender.spam_score is None:
        return None
    return SpamReport(version=sender.report_version, score=sender.spam_score)


def spam_reports_on(run: Run, campaign: Campaign | None) -> dict[UUID, SpamReport]:
    """The newest spam report on each of a campaign's senders that has one."""
    if campaign is None:
        return {}
    loaded = run.load_many(SENDER, list(campaign.core.senders))
    reports = ((sender_id, spam_report_of(sender.state)) for sender_id, sender in loaded.items())
    return {sender_id: report for sender_id, report in reports if report is not None}


def senders_in_use(run: Run, campaign: Campaign) -> dict[UUID, SpamReport | None]:
    """A campaign's senders that are not retired, with the newest report on each."""
    loaded = run.load_many(SENDER, list(campaign.core.senders))
    return {
        sender_id: spam_report_of(sender.state)
        for sender_id, sender in loaded.items()
        if sender.state is not None and not isinstance(sender.state, Retired)
    }


def usable_sender(run: Run, sender_id: UUID, kind: CampaignKind) -> Sender:
    """A sender that a campaign of this kind may be given. Raises `unknown_sender`, `sender_not_usable`."""
    sender = run.load(SENDER, sender_id).state
    if sender is None:
        raise Refused(
            RefusalCode.UNKNOWN_SENDER, f"there is no sender {sender_id}", field="sender_id", value=str(sender_id)
        )
    if isinstance(sender, Retired):
        raise _not_usable(sender_id, "it is retired")
    if kind in _CALLING and sender.channel is not Channel.PHONE:
        raise _not_usable(sender_id, f"a {kind} campaign needs phone numbers, this is {sender.channel}")
    return sender


def _not_usable(sender_id: UUID, why: str) -> Refused:
    return Refused(
        RefusalCode.SENDER_NOT_USABLE,
        f"sender {sender_id} cannot be assigned: {why}",
        field="sender_id",
        value=str(sender_id),
    )
