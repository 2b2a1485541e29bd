"""Operations on imports.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from collections.abc import Iterator

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import Import, ImportPage, Uploaded
from drumbeat.client.paging import each
from drumbeat.client.values import Id


class ImportsOperations:
    """Operations on imports."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def import_contacts(
        self, campaign_id: Id, content: bytes, *, dry_run: bool = False, idempotency_key: str | None = None
    ) -> Uploaded:
        """Enrol the contacts of a CSV file in the background.

        At most 5 MiB in UTF-8 with a header: reference, and any of name, phone, country, email, zone,
        priority, tags; other columns go into the profile. Columns are told apart by commas or semicolons.

        `POST /campaigns/{campaign_id}/imports`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/imports", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            content=content,
            content_type="text/csv",
            idempotency_key=idempotency_key,
            answers=Uploaded,
        )

    def cancel(self, import_id: Id, *, dry_run: bool = False, idempotency_key: str | None = None) -> Import:
        """Take no more of a file.

        Who is enrolled already stays. One that runs ends after its current chunk: `cancelling` until then.

        `POST /imports/{import_id}/cancel`
        """
        return self._connection.command(
            "POST",
            path("/imports/{import_id}/cancel", import_id=import_id),
            query={"dry_run": dry_run or None},
            idempotency_key=idempotency_key,
            answers=Import,
        )

    def list(
        self, *, campaign_id: Id | None = None, limit: int | None = None, cursor: Id | None = None
    ) -> ImportPage:
        """The imports, the newest first.

        Of this workspace.

        `GET /imports`
        """
        return self._connection.read(
            "GET",
            path("/imports"),
            query={"campaign_id": campaign_id, "limit": limit, "cursor": cursor},
            answers=ImportPage,
        )

    def each(self, *, campaign_id: Id | None = None, limit: int | None = None) -> Iterator[Import]:
        """Every row of `list`, page by page; `limit` is the size of a page."""
        return each(lambda cursor: self.list(campaign_id=campaign_id, limit=limit, cursor=cursor))

    def get(self, import_id: Id) -> Import:
        """How an import is doing.

        To be asked again until `state` is done, failed or cancelled.

        `GET /imports/{import_id}`
        """
        return self._connection.read("GET", path("/imports/{import_id}", import_id=import_id), answers=Import)

    def import_report(self, import_id: Id) -> bytes:
        """The rows that an import refused.

        A line for each row that was refused so far. Nothing of what stood in the file is repeated.

        `GET /imports/{import_id}/report`
        """
        return self._connection.raw("GET", path("/imports/{import_id}/report", import_id=import_id), answers=bytes)
