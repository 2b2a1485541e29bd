"""What every decision on a campaign asks first."""

from drumbeat.aggregates.campaign.state import Campaign, Deleted
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events.lifecycle import ALLOWED_FROM, NOT_FOR_AN_IMPORT, ONLY_FOR, is_for
from drumbeat.events.values import CampaignSource


def existing(state: Campaign | None) -> Campaign:
    """The campaign. Raises `unknown_stream`, `deleted`."""
    if state is None:
        raise Refused(RefusalCode.UNKNOWN_STREAM, "there is no such campaign", field="campaign_id")
    if isinstance(state, Deleted):
        raise Refused(RefusalCode.DELETED, "the campaign was deleted", field="campaign_id")
    return state


def permitted(state: Campaign | None, command: str) -> Campaign:
    """The campaign, when the table of `events.lifecycle` allows the command from its state.

    Raises `unknown_stream`, `deleted`, `not_for_this_kind`, `not_for_an_import`, `wrong_state`.
    """
    campaign = existing(state)
    if not is_for(command, campaign.core.kind):
        kinds = ", ".join(sorted(ONLY_FOR[command]))
        raise Refused(
            RefusalCode.NOT_FOR_THIS_KIND,
            f"{command} is for other campaigns ({kinds}), this is a {campaign.core.kind} campaign",
            field="kind",
            value=str(campaign.core.kind),
            allowed=kinds,
        )
    if campaign.core.source is CampaignSource.IMPORT and command in NOT_FOR_AN_IMPORT:
        raise Refused(RefusalCode.NOT_FOR_AN_IMPORT, f"an imported history takes no {command}")
    if campaign.STATUS not in ALLOWED_FROM[command]:
        raise wrong_state(campaign, command)
    return campaign


def wrong_state(campaign: Campaign, command: str) -> Refused:
    """The refusal that names the state and those that would do."""
    states = ", ".join(sorted(ALLOWED_FROM.get(command, frozenset())))
    return Refused(
        RefusalCode.WRONG_STATE,
        f"{command} is not possible while the campaign is {campaign.STATUS}",
        field="status",
        value=str(campaign.STATUS),
        allowed=states or None,
    )
