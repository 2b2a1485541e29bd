"""Operations on projections.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import ProjectionList, Rebuild, RebuildAnswer, RebuildList, Switch
from drumbeat.client.values import Id


class ProjectionsOperations:
    """Operations on projections."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> ProjectionList:
        """Every projection in every generation.

        What is read, what is made beside it, and what was read before: version, state, position, rows and
        size.

        `GET /projections`
        """
        return self._connection.read("GET", path("/projections"), answers=ProjectionList)

    def start_rebuild(
        self,
        *,
        projections: Sequence[str] | UnsetType | None = UNSET,
        all_: bool | UnsetType = UNSET,
        workers: int | UnsetType = UNSET,
        lag_limit_events: int | UnsetType = UNSET,
        go_live: bool | UnsetType = UNSET,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> RebuildAnswer:
        """Make projections anew beside those that are read.

        Of `projections`, with those that go with them, or of `all`. The rows are made from the log,
        compared with those that are read, and put in their place when none differs. One is made at a time;
        others wait.

        `POST /projections/rebuilds`
        """
        return self._connection.command(
            "POST",
            path("/projections/rebuilds"),
            query={"dry_run": dry_run or None},
            body={
                "projections": projections,
                "all": all_,
                "workers": workers,
                "lag_limit_events": lag_limit_events,
                "go_live": go_live,
            },
            idempotency_key=idempotency_key,
            answers=RebuildAnswer,
        )

    def rebuilds(self, *, limit: int | None = None) -> RebuildList:
        """The rebuilds, the newest first.

        Those that were asked for here, and those of the command line as long as their rows are there.

        `GET /projections/rebuilds`
        """
        return self._connection.read(
            "GET", path("/projections/rebuilds"), query={"limit": limit}, answers=RebuildList
        )

    def rebuild(self, generation: str) -> Rebuild:
        """How a rebuild is doing.

        To be asked again until `state` is live, built, failed or cancelled.

        `GET /projections/rebuilds/{generation}`
        """
        return self._connection.read(
            "GET", path("/projections/rebuilds/{generation}", generation=generation), answers=Rebuild
        )

    def cancel_rebuild(
        self, generation: str, *, dry_run: bool = False, idempotency_key: str | None = None
    ) -> Rebuild:
        """Give a rebuild up.

        What there is of it is taken away, within seconds: `cancelling` until then. What is read stays as it
        is.

        `POST /projections/rebuilds/{generation}/cancel`
        """
        return self._connection.command(
            "POST",
            path("/projections/rebuilds/{generation}/cancel", generation=generation),
            query={"dry_run": dry_run or None},
            idempotency_key=idempotency_key,
            answers=Rebuild,
        )

    def go_live(self, generation: str, *, dry_run: bool = False, idempotency_key: str | None = None) -> Switch:
        """Let readers see what was rebuilt.

        In one transaction, within a second or two; what they saw before is kept, for a rollback.

        `POST /projections/rebuilds/{generation}/go-live`
        """
        return self._connection.command(
            "POST",
            path("/projections/rebuilds/{generation}/go-live", generation=generation),
            query={"dry_run": dry_run or None},
            idempotency_key=idempotency_key,
            answers=Switch,
        )

    def roll_back(
        self,
        *,
        projections: Sequence[str] | UnsetType | None = UNSET,
        all_: bool | UnsetType = UNSET,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> Switch:
        """Let readers see again what they saw before.

        Of `projections`, with those that go with them, or of `all`; as long as what they saw is kept.

        `POST /projections/rollback`
        """
        return self._connection.command(
            "POST",
            path("/projections/rollback"),
            query={"dry_run": dry_run or None},
            body={"projections": projections, "all": all_},
            idempotency_key=idempotency_key,
            answers=Switch,
        )

    def switch(self, switch_id: Id) -> Switch:
        """How a switch is doing.

        To be asked again until `state` is done or failed.

        `GET /projections/switches/{switch_id}`
        """
        return self._connection.read(
            "GET", path("/projections/switches/{switch_id}", switch_id=switch_id), answers=Switch
        )
