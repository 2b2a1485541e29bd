"""Operations on suppressions.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from msgspec import UNSET, UnsetType

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import Answer
from drumbeat.client.generated.words import Channel


class SuppressionsOperations:
    """Operations on suppressions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        *,
        channel: Channel,
        address: str,
        reason: str,
        country: str | UnsetType | None = UNSET,
        source: str | UnsetType = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Put an address on the do-not-contact list.

        Put an address on the do-not-contact list.

        `country` (ISO 3166-1) is that of a phone number that names none.

        `POST /suppressions`
        """
        return self._connection.command(
            "POST",
            path("/suppressions"),
            query={"dry_run": dry_run or None},
            body={"channel": channel, "address": address, "reason": reason, "country": country, "source": source},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def lift(
        self,
        *,
        channel: Channel,
        address: str,
        reason: str,
        country: str | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Take an address off the list.

        Take it off the list; nobody is revived by this.

        `POST /suppressions/lift`
        """
        return self._connection.command(
            "POST",
            path("/suppressions/lift"),
            query={"dry_run": dry_run or None},
            body={"channel": channel, "address": address, "reason": reason, "country": country},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )
