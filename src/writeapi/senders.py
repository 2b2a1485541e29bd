"""Senders, which of them a campaign uses, business hours, and addresses that are not to be contacted."""

from drumbeat.aggregates.refusals import RefusalCode as No
from drumbeat.commands import schedules, senders, suppressions
from drumbeat.writeapi.commanding import command_router, commands

router = command_router("senders")

_SENDER = "/senders/{sender_id}"
commands(
    router, "POST", "/senders", senders.RegisterSender,
    summary="Make a number or mailbox known", made=True, refusals=(No.WRONG_STATE,),
)  # fmt: skip
commands(
    router, "POST", f"{_SENDER}/rename", senders.RenameSender,
    summary="Give it another friendly name", refusals=(No.WRONG_STATE,),
)  # fmt: skip
commands(
    router, "POST", f"{_SENDER}/spam-reports", senders.ReportSpamScore,
    summary="Report a spam score",
)  # fmt: skip
commands(
    router, "POST", f"{_SENDER}/disconnect", senders.DisconnectSender,
    summary="Report that it works no more", refusals=(No.WRONG_STATE,),
)  # fmt: skip
commands(
    router, "POST", f"{_SENDER}/reconnect", senders.ReconnectSender,
    summary="Report that it works again", refusals=(No.WRONG_STATE,),
)  # fmt: skip
commands(
    router, "POST", f"{_SENDER}/retire", senders.RetireSender,
    summary="Use it no more",
)  # fmt: skip

_USED = "/campaigns/{campaign_id}/senders/{sender_id}"
_LIVING = (No.DELETED, No.WRONG_STATE)
commands(
    router, "PUT", _USED, senders.AssignSender,
    summary="Let a campaign use it, with a weight", refusals=(*_LIVING, No.UNKNOWN_SENDER, No.SENDER_NOT_USABLE),
)  # fmt: skip
commands(
    router, "DELETE", _USED, senders.UnassignSender,
    summary="Let a campaign use it no more", refusals=_LIVING,
)  # fmt: skip
commands(
    router, "POST", f"{_USED}/disable", senders.DisableSender,
    summary="Use it not for now", refusals=(*_LIVING, No.UNKNOWN_SENDER, No.SENDER_NOT_USABLE),
)  # fmt: skip
commands(
    router, "POST", f"{_USED}/enable", senders.EnableSender,
    summary="Use it again", refusals=(*_LIVING, No.UNKNOWN_SENDER, No.SENDER_NOT_USABLE),
)  # fmt: skip
commands(
    router, "POST", f"{_USED}/reinstate", senders.ReinstateSender,
    summary="Use it again after its spam score excluded it", refusals=(*_LIVING, No.UNKNOWN_SENDER),
)  # fmt: skip

commands(
    router, "POST", "/schedules", schedules.DefineSchedule,
    summary="Set business hours", made=True, refusals=(No.WRONG_STATE,),
)  # fmt: skip
commands(
    router, "PUT", "/schedules/{schedule_id}", schedules.ChangeSchedule,
    summary="Set other hours",
)  # fmt: skip

commands(
    router, "POST", "/suppressions", suppressions.AddSuppression,
    summary="Put an address on the do-not-contact list",
)  # fmt: skip
commands(
    router, "POST", "/suppressions/lift", suppressions.LiftSuppression,
    summary="Take an address off the list",
)  # fmt: skip
