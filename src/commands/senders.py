"""Commands on senders, and on which of them a campaign uses (E-22, E-23)."""

from typing import ClassVar
from uuid import UUID

from drumbeat.aggregates import sender as decisions
from drumbeat.aggregates.campaign import CAMPAIGN, senders
from drumbeat.aggregates.campaign.guards import permitted
from drumbeat.aggregates.campaign.state import Campaign
from drumbeat.aggregates.schedule import SCHEDULE
from drumbeat.aggregates.sender import SENDER
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Decision, Handler, OfCampaign, on_campaign, on_stream
from drumbeat.commands.limits import Name
from drumbeat.commands.loop import Run, unknown
from drumbeat.commands.references import spam_report_of, usable_sender
from drumbeat.events import Fact
from drumbeat.events.values import Channel


class RegisterSender(Command):
    """Make a number or mailbox known. Without `sender_id` it gets a new id; `Done.stream_id` tells it."""

    NAME: ClassVar[str] = "register_sender"
    sender_id: UUID | None = None
    channel: Channel
    friendly_name: Name
    address: str
    daily_limit: int | None = None
    schedule_id: UUID | None = None


class OfSender(Command):
    """The base of commands on one sender; `expected_version` as for campaigns."""

    sender_id: UUID
    expected_version: int | None = None


class RenameSender(OfSender):
    """Give it another friendly name."""

    NAME: ClassVar[str] = "rename_sender"
    friendly_name: Name


class ReportSpamScore(OfSender):
    """Say how likely its calls are flagged, 0 to 10."""

    NAME: ClassVar[str] = "report_spam_score"
    score: int
    source: str


class DisconnectSender(OfSender):
    """Say that it cannot be used at present."""

    NAME: ClassVar[str] = "disconnect_sender"
    cause: str


class ReconnectSender(OfSender):
    """Say that it can be used again."""

    NAME: ClassVar[str] = "reconnect_sender"


class RetireSender(OfSender):
    """Use it no more."""

    NAME: ClassVar[str] = "retire_sender"


class AssignSender(OfCampaign):
    """Let it work for a campaign, or change its weight there (1 to 100)."""

    NAME: ClassVar[str] = "assign_sender"
    sender_id: UUID
    weight: int | None = None


class UnassignSender(OfCampaign):
    """Let it no longer work for a campaign."""

    NAME: ClassVar[str] = "unassign_sender"
    sender_id: UUID


class DisableSender(OfCampaign):
    """Take it out of a campaign's rotation."""

    NAME: ClassVar[str] = "disable_sender"
    sender_id: UUID


class EnableSender(OfCampaign):
    """Put it back into a campaign's rotation."""

    NAME: ClassVar[str] = "enable_sender"
    sender_id: UUID


class JudgeSpamScore(OfCampaign):
    """A spam score was reported on a sender: exclude it where its newest score has reached the threshold."""

    NAME: ClassVar[str] = "judge_spam_score"
    sender_id: UUID


class ReinstateSender(OfCampaign):
    """Use a sender again that its spam score excluded from a campaign."""

    NAME: ClassVar[str] = "reinstate_sender"
    sender_id: UUID


def _register(command: RegisterSender, run: Run) -> Done:
    if command.schedule_id is not None and run.load(SCHEDULE, command.schedule_id).state is None:
        raise unknown("schedule", command.schedule_id)
    return run.one(
        SENDER,
        command.sender_id or run.new_id(),
        lambda state: decisions.register_sender(
            state,
            channel=command.channel,
            friendly_name=command.friendly_name,
            address=command.address,
            daily_limit=command.daily_limit,
            schedule_id=command.schedule_id,
        ),
    )


def _assign(command: AssignSender, run: Run) -> Done:
    def decide(state: Campaign | None) -> tuple[Fact, ...]:
        kind = permitted(state, "assign_sender").core.kind
        sender = usable_sender(run, command.sender_id, kind)
        return senders.assign_sender(
            state, sender_id=command.sender_id, weight=command.weight, spam_report=spam_report_of(sender)
        )

    return run.one(
        CAMPAIGN,
        command.campaign_id,
        decide,
        campaign_id=command.campaign_id,
        expected_version=command.expected_version,
    )


def _by_newest_report(decision: Decision) -> Handler:
    def handle(command: ReinstateSender | JudgeSpamScore, run: Run) -> Done:
        def decide(state: Campaign | None) -> tuple[Fact, ...]:
            report = spam_report_of(run.load(SENDER, command.sender_id).state)
            return decision(state, sender_id=command.sender_id, spam_report=report)

        return run.one(
            CAMPAIGN,
            command.campaign_id,
            decide,
            campaign_id=command.campaign_id,
            expected_version=command.expected_version,
        )

    return handle


HANDLERS: dict[type[Command], Handler] = {
    RegisterSender: _register,
    RenameSender: on_stream(SENDER, "sender_id", decisions.rename_sender),
    ReportSpamScore: on_stream(SENDER, "sender_id", decisions.report_spam_score),
    DisconnectSender: on_stream(SENDER, "sender_id", decisions.disconnect_sender),
    ReconnectSender: on_stream(SENDER, "sender_id", decisions.reconnect_sender),
    RetireSender: on_stream(SENDER, "sender_id", decisions.retire_sender),
    AssignSender: _assign,
    UnassignSender: on_campaign(senders.unassign_sender),
    DisableSender: on_campaign(senders.disable_sender),
    EnableSender: on_campaign(senders.enable_sender),
    ReinstateSender: _by_newest_report(senders.reinstate_sender),
    JudgeSpamScore: _by_newest_report(senders.judge_spam_score),
}
