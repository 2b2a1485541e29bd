"""Operations on schedules.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from msgspec import UNSET, UnsetType

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import Answer, Hours
from drumbeat.client.values import Id


class SchedulesOperations:
    """Operations on schedules."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def define(
        self,
        *,
        name: str,
        hours: Hours,
        schedule_id: Id | UnsetType | None = UNSET,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Set business hours.

        Set business hours. Without `schedule_id` they get a new one; `Done.stream_id` tells it.

        `POST /schedules`
        """
        return self._connection.command(
            "POST",
            path("/schedules"),
            query={"dry_run": dry_run or None},
            body={"name": name, "hours": hours, "schedule_id": schedule_id},
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def change(
        self,
        schedule_id: Id,
        *,
        hours: Hours,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Set other hours.

        Set other hours, for every campaign that uses them.

        `PUT /schedules/{schedule_id}`
        """
        return self._connection.command(
            "PUT",
            path("/schedules/{schedule_id}", schedule_id=schedule_id),
            query={"dry_run": dry_run or None},
            body={"hours": hours},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )
