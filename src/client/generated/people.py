"""Operations on people.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from typing import Any

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import Answer


class PeopleOperations:
    """Operations on people."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def erase(
        self, reference: str, *, reason: str, dry_run: bool = False, idempotency_key: str | None = None
    ) -> Answer:
        """Forget a person.

        Forget a person: their key is destroyed, and with it everything that was sealed under it.

        They are removed from campaigns that are not over; do-not-contact lists keep their addresses as
        keyed hashes. `Done.results` says of how many `contacts` and that some were `removed`. Again,
        nothing happens. Raises `unknown_stream` when nobody was ever known under the reference.

        `DELETE /people/{reference}`
        """
        return self._connection.command(
            "DELETE",
            path("/people/{reference}", reference=reference),
            query={"dry_run": dry_run or None},
            body={"reason": reason},
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def show(self, reference: str) -> dict[str, Any]:
        """Everything that is known of a person.

        Contacts in every campaign with profile, calls, answers, everything that happened, and whether
        addresses are suppressed. Read from the log, so that it is as new as the newest command.

        `GET /people/{reference}`
        """
        return self._connection.read(
            "GET", path("/people/{reference}", reference=reference), answers=dict[str, Any]
        )
