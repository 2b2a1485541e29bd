"""Which command each timer asks for: a plain table. Whether it is still apt is the decision's to say."""

from collections.abc import Callable

from drumbeat.commands.calls import LoseCall
from drumbeat.commands.campaign import CloseWindow, FinishFinalizing, MarkAudienceProcessed, StartCampaign
from drumbeat.commands.command import Command
from drumbeat.commands.contacts import FinishCampaignOver, FinishDue, FinishSuppressed
from drumbeat.commands.senders import JudgeSpamScore
from drumbeat.projections.timers import Timer, TimerKind

REACTIONS: dict[TimerKind, Callable[[Timer], Command]] = {
    TimerKind.START_CAMPAIGN: lambda timer: StartCampaign(campaign_id=timer.campaign_id),
    TimerKind.CLOSE_WINDOW: lambda timer: CloseWindow(campaign_id=timer.campaign_id),
    TimerKind.END_DRAIN: lambda timer: FinishFinalizing(campaign_id=timer.campaign_id, drained=False),
    TimerKind.FINISH_AUDIENCE: lambda timer: MarkAudienceProcessed(campaign_id=timer.campaign_id),
    TimerKind.FINISH_FINALIZING: lambda timer: FinishFinalizing(campaign_id=timer.campaign_id, drained=True),
    TimerKind.LOST_CALL: lambda timer: LoseCall(
        campaign_id=timer.campaign_id, contact_id=timer.stream_id, attempt=timer.attempt or 0
    ),
    TimerKind.COMPLETION_DUE: lambda timer: FinishDue(campaign_id=timer.campaign_id, contact_id=timer.stream_id),
    TimerKind.JUDGE_SPAM_SCORE: lambda timer: JudgeSpamScore(
        campaign_id=timer.campaign_id, sender_id=timer.stream_id
    ),
    TimerKind.SUPPRESSED_CONTACT: lambda timer: FinishSuppressed(
        campaign_id=timer.campaign_id, contact_id=timer.stream_id
    ),
    TimerKind.CAMPAIGN_OVER: lambda timer: FinishCampaignOver(
        campaign_id=timer.campaign_id, contact_id=timer.stream_id
    ),
}
"""Every kind of timer → the command that answers it."""
