"""Operations on audit.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import Consistency, Head, Inclusion
from drumbeat.client.values import Id


class AuditOperations:
    """Operations on audit."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def audit_head(self) -> Head:
        """The newest signed head of the tree over the log.

        One tree is over the log of all workspaces. Keep heads elsewhere: only they show what is cut off.

        `GET /audit/head`
        """
        return self._connection.read("GET", path("/audit/head"), answers=Head)

    def event_proof(self, event_id: Id, *, tree_size: int | None = None) -> Inclusion:
        """Proof that an event is in the log, by its id.

        An event comes into the tree within seconds, and under a head when the next one is signed.

        `GET /audit/proofs/events/{event_id}`
        """
        return self._connection.read(
            "GET",
            path("/audit/proofs/events/{event_id}", event_id=event_id),
            query={"tree_size": tree_size},
            answers=Inclusion,
        )

    def position_proof(self, position: int, *, tree_size: int | None = None) -> Inclusion:
        """Proof that an event is in the log, by its position.

        Positions have holes, leaves have none: `leaf_index` counts the events before.

        `GET /audit/proofs/positions/{position}`
        """
        return self._connection.read(
            "GET",
            path("/audit/proofs/positions/{position}", position=position),
            query={"tree_size": tree_size},
            answers=Inclusion,
        )

    def consistency_proof(self, *, from_: int | None = None, to: int | None = None) -> Consistency:
        """Proof that the log of a later head begins with that of an earlier one.

        Sizes are those of signed heads.

        `GET /audit/proofs/consistency`
        """
        return self._connection.read(
            "GET", path("/audit/proofs/consistency"), query={"from": from_, "to": to}, answers=Consistency
        )
