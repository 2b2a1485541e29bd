"""Operations on senders.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from msgspec import UNSET, UnsetType

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import Answer, Senders
from drumbeat.client.generated.words import Channel
from drumbeat.client.values import AtLeast, Id


class SendersOperations:
    """Operations on senders."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, campaign_id: Id, *, at_least: AtLeast | None = None, as_of: str | None = None) -> Senders:
        """The numbers of a campaign with their calls and spam scores.

        All of them: a campaign has few.

        `GET /campaigns/{campaign_id}/senders`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}/senders", campaign_id=campaign_id),
            query={"at_least": at_least, "as_of": as_of},
            answers=Senders,
        )

    def register(
        self,
        *,
        channel: Channel,
        friendly_name: str,
        address: str,
        sender_id: Id | UnsetType | None = UNSET,
        daily_limit: int | UnsetType | None = UNSET,
        schedule_id: Id | UnsetType | None = UNSET,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Make a number or mailbox known.

        Make a number or mailbox known. Without `sender_id` it gets a new id; `Done.stream_id` tells it.

        `POST /senders`
        """
        return self._connection.command(
            "POST",
            path("/senders"),
            query={"dry_run": dry_run or None},
            body={
                "channel": channel,
                "friendly_name": friendly_name,
                "address": address,
                "sender_id": sender_id,
                "daily_limit": daily_limit,
                "schedule_id": schedule_id,
            },
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def rename(
        self,
        sender_id: Id,
        *,
        friendly_name: str,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Give it another friendly name.

        Give it another friendly name.

        `POST /senders/{sender_id}/rename`
        """
        return self._connection.command(
            "POST",
            path("/senders/{sender_id}/rename", sender_id=sender_id),
            query={"dry_run": dry_run or None},
            body={"friendly_name": friendly_name},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def report_spam_score(
        self,
        sender_id: Id,
        *,
        score: int,
        source: str,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Report a spam score.

        Say how likely its calls are flagged, 0 to 10.

        `POST /senders/{sender_id}/spam-reports`
        """
        return self._connection.command(
            "POST",
            path("/senders/{sender_id}/spam-reports", sender_id=sender_id),
            query={"dry_run": dry_run or None},
            body={"score": score, "source": source},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def disconnect(
        self,
        sender_id: Id,
        *,
        cause: str,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Report that it works no more.

        Say that it cannot be used at present.

        `POST /senders/{sender_id}/disconnect`
        """
        return self._connection.command(
            "POST",
            path("/senders/{sender_id}/disconnect", sender_id=sender_id),
            query={"dry_run": dry_run or None},
            body={"cause": cause},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def reconnect(
        self,
        sender_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Report that it works again.

        Say that it can be used again.

        `POST /senders/{sender_id}/reconnect`
        """
        return self._connection.command(
            "POST",
            path("/senders/{sender_id}/reconnect", sender_id=sender_id),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def retire(
        self,
        sender_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Use it no more.

        Use it no more.

        `POST /senders/{sender_id}/retire`
        """
        return self._connection.command(
            "POST",
            path("/senders/{sender_id}/retire", sender_id=sender_id),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def assign(
        self,
        campaign_id: Id,
        sender_id: Id,
        *,
        weight: int | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Let a campaign use it, with a weight.

        Let it work for a campaign, or change its weight there (1 to 100).

        `PUT /campaigns/{campaign_id}/senders/{sender_id}`
        """
        return self._connection.command(
            "PUT",
            path("/campaigns/{campaign_id}/senders/{sender_id}", campaign_id=campaign_id, sender_id=sender_id),
            query={"dry_run": dry_run or None},
            body={"weight": weight},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def unassign(
        self,
        campaign_id: Id,
        sender_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Let a campaign use it no more.

        Let it no longer work for a campaign.

        `DELETE /campaigns/{campaign_id}/senders/{sender_id}`
        """
        return self._connection.command(
            "DELETE",
            path("/campaigns/{campaign_id}/senders/{sender_id}", campaign_id=campaign_id, sender_id=sender_id),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def disable(
        self,
        campaign_id: Id,
        sender_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Use it not for now.

        Take it out of a campaign's rotation.

        `POST /campaigns/{campaign_id}/senders/{sender_id}/disable`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/senders/{sender_id}/disable",
                campaign_id=campaign_id,
                sender_id=sender_id,
            ),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def enable(
        self,
        campaign_id: Id,
        sender_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Use it again.

        Put it back into a campaign's rotation.

        `POST /campaigns/{campaign_id}/senders/{sender_id}/enable`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/senders/{sender_id}/enable", campaign_id=campaign_id, sender_id=sender_id
            ),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def reinstate(
        self,
        campaign_id: Id,
        sender_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Use it again after its spam score excluded it.

        Use a sender again that its spam score excluded from a campaign.

        `POST /campaigns/{campaign_id}/senders/{sender_id}/reinstate`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/senders/{sender_id}/reinstate",
                campaign_id=campaign_id,
                sender_id=sender_id,
            ),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )
