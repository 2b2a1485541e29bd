"""What ids in events are called now: goals, analyses and numbers of a campaign."""

from uuid import UUID

from drumbeat.readapi.database import Row, Snapshot
from drumbeat.readapi.statements import load

SQL = load("senders")


def names_of(snapshot: Snapshot, campaign: Row) -> dict[str, str]:
    """Id → name, for every goal, analysis and number of a campaign."""
    campaign_id: UUID = campaign["campaign_id"]
    senders = snapshot.rows(SQL["names"], campaign_id=campaign_id)
    return {one["id"]: one["name"] for one in (*campaign["goals"], *campaign["analyses"])} | {
        str(sender["sender_id"]): sender["friendly_name"] for sender in senders
    }
