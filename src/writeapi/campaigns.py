"""A campaign's life, settings, goals, analyses and senders."""

from drumbeat.aggregates.refusals import RefusalCode as No
from drumbeat.commands import campaign, goals
from drumbeat.writeapi.commanding import command_router, commands

router = command_router("campaigns")

_ONE = "/campaigns/{campaign_id}"
_LIVING = (No.DELETED, No.WRONG_STATE)

commands(
    router, "POST", "/campaigns", campaign.DraftCampaign,
    summary="Make a campaign", made=True, refusals=(*_LIVING, No.INVALID_SETTINGS),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/duplicate", campaign.DuplicateCampaign,
    summary="Make a campaign like this one, without its contacts", made=True, refusals=_LIVING,
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/rename", campaign.RenameCampaign,
    summary="Give it another name", refusals=_LIVING,
)  # fmt: skip
commands(
    router, "PATCH", f"{_ONE}/settings", campaign.ChangeSettings,
    summary="Change settings", refusals=(*_LIVING, No.INVALID_SETTINGS, No.WINDOW_CLOSED, No.STRUCTURE_LOCKED),
)  # fmt: skip
commands(
    router, "PUT", f"{_ONE}/sequence", campaign.DefineSequence,
    summary="Set the steps of a sequence", refusals=(*_LIVING, No.NOT_FOR_THIS_KIND, No.STRUCTURE_LOCKED),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/launch", campaign.LaunchCampaign,
    summary="Launch now or at a start",
    refusals=(
        *_LIVING, No.NO_AUDIENCE, No.NO_SENDER, No.NO_PRIMARY_GOAL, No.INVALID_SETTINGS, No.NOT_FOR_AN_IMPORT,
    ),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/pause", campaign.PauseCampaign,
    summary="Pause", refusals=(*_LIVING, No.NOT_FOR_AN_IMPORT),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/resume", campaign.ResumeCampaign,
    summary="Go on", refusals=(*_LIVING, No.NOT_FOR_AN_IMPORT, No.WINDOW_CLOSED),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/complete", campaign.CompleteCampaign,
    summary="End it now", refusals=(*_LIVING, No.NOT_FOR_AN_IMPORT),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/extend", campaign.ExtendCampaign,
    summary="Move the end out", refusals=(*_LIVING, No.NOT_FOR_AN_IMPORT, No.NO_END, No.END_NOT_LATER),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/send-reminders", campaign.SendReminders,
    summary="Remind who has not responded", refusals=(*_LIVING, No.NOT_FOR_THIS_KIND, No.NOT_FOR_AN_IMPORT),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/cancel", campaign.CancelCampaign,
    summary="End it before its time", refusals=_LIVING,
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/reopen", campaign.ReopenCampaign,
    summary="Make a completed campaign a paused one",
    refusals=(*_LIVING, No.NOT_FOR_AN_IMPORT, No.END_NOT_LATER, No.END_PASSED, No.REPORT_EXISTS),
)  # fmt: skip
commands(
    router, "POST", f"{_ONE}/archive", campaign.ArchiveCampaign,
    summary="Archive", refusals=_LIVING,
)  # fmt: skip
commands(
    router, "DELETE", _ONE, campaign.DeleteCampaign,
    summary="Delete; its history stays", refusals=_LIVING,
)  # fmt: skip

_GOALS, _GOAL = f"{_ONE}/goals", f"{_ONE}/goals/{{goal_id}}"
commands(
    router, "POST", _GOALS, goals.DefineGoal,
    summary="Define a goal", refusals=(*_LIVING, No.SECOND_PRIMARY_GOAL),
)  # fmt: skip
commands(
    router, "PATCH", _GOAL, goals.EditGoal,
    summary="Edit a goal", refusals=(*_LIVING, No.UNKNOWN_GOAL),
)  # fmt: skip
commands(
    router, "POST", f"{_GOAL}/archive", goals.ArchiveGoal,
    summary="Archive a goal", refusals=(*_LIVING, No.UNKNOWN_GOAL, No.PRIMARY_GOAL_NEEDS_SUCCESSOR),
)  # fmt: skip
commands(
    router, "POST", f"{_GOAL}/restore", goals.RestoreGoal,
    summary="Restore a goal", refusals=(*_LIVING, No.UNKNOWN_GOAL),
)  # fmt: skip
commands(
    router, "POST", f"{_GOAL}/make-primary", goals.ChangePrimaryGoal,
    summary="Make it the primary goal", refusals=(*_LIVING, No.NO_PRIMARY_GOAL, No.UNKNOWN_GOAL),
)  # fmt: skip

_ANALYSES, _ANALYSIS = f"{_ONE}/analyses", f"{_ONE}/analyses/{{analysis_id}}"
_OF_ANALYSIS = (*_LIVING, No.UNKNOWN_ANALYSIS)
commands(
    router, "POST", _ANALYSES, goals.DefineAnalysis,
    summary="Define an analysis", refusals=_LIVING,
)  # fmt: skip
commands(
    router, "PATCH", _ANALYSIS, goals.EditAnalysis,
    summary="Edit an analysis", refusals=(*_LIVING, No.UNKNOWN_ANALYSIS),
)  # fmt: skip
for verb, command in (
    ("activate", goals.ActivateAnalysis),
    ("deactivate", goals.DeactivateAnalysis),
    ("archive", goals.ArchiveAnalysis),
    ("restore", goals.RestoreAnalysis),
):
    commands(
        router,
        "POST",
        f"{_ANALYSIS}/{verb}",
        command,
        summary=f"{verb.title()} an analysis",
        refusals=_OF_ANALYSIS,
    )
