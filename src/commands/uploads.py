"""Files of contacts that wait and are enrolled in the background: their commands, and the port of where they wait.

`eventstore.uploads` is the real one. It may be used by many threads and processes at once.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol
from uuid import UUID

from drumbeat.aggregates.campaign import CAMPAIGN, terms_of
from drumbeat.aggregates.contact import guards
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.loop import Plan, Run, unknown
from drumbeat.events import Principal


class AcceptUpload(Command):
    """Take a file of contacts for a campaign; `Done.results` has its `import_id`.

    Writes no event: the contacts' own say what came of it. Refused as an enrolment of anybody would be:
    `unknown_stream`, `deleted`, `campaign_over`, `not_for_an_import`.
    """

    NAME: ClassVar[str] = "accept_upload"
    campaign_id: UUID
    file_hash: str


class CancelUpload(Command):
    """Take no more of a file than what is enrolled already. Writes no event."""

    NAME: ClassVar[str] = "cancel_upload"
    import_id: UUID


class UploadState(StrEnum):
    """How far an upload is. The last three are for good, and the file is gone."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OVER = frozenset({UploadState.DONE, UploadState.FAILED, UploadState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it is handed in, and on whose behalf. `lines`: of the file, with its header."""

    import_id: UUID
    campaign_id: UUID
    principal: Principal
    file: bytes
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What was read and what came of it. `position` is that of the last contact enrolled, None before one is."""

    lines_read: int = 0
    rows_read: int = 0
    accepted: int = 0
    already_enrolled: int = 0
    refused: int = 0
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an upload is doing. `failure`: why it failed, in one word; `cancelling`: somebody asked for its end."""

    import_id: UUID
    campaign_id: UUID
    actor: str
    state: UploadState
    cancelling: bool
    file_bytes: int
    lines: int
    progress: Progress
    failure: str | None
    queued_at: datetime
    began_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken over: where it stands, the column at fault where one is, why, and what is allowed.

    Nothing of what stood in the file is in it, so that a person who is erased leaves nothing here.
    """

    line: int
    field: str
    reason: str
    allowed: str


class TooManyUploads(Exception):
    """The workspace has as many uploads under way as it may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} imports of this workspace wait or run already")
        self.limit = limit


class Lease(Protocol):
    """An upload that one worker works on; others find it taken until the lease or its connection ends."""

    @property
    def upload(self) -> Upload:
        """What is to be enrolled."""
        ...

    @property
    def progress(self) -> Progress:
        """How far it was when it was claimed."""
        ...

    @property
    def cancelling(self) -> bool:
        """Whether somebody had asked for the end by then."""
        ...

    @property
    def hopeless(self) -> bool:
        """Whether it was begun again and again without a step forward."""
        ...

    def advance(self, progress: Progress, refused: Sequence[RefusedRow]) -> bool:
        """Note a step, all or nothing; False when somebody asked for the end. Raises `LedgerUnavailable`."""
        ...

    def end(self, state: UploadState, now: datetime, failure: str | None = None) -> None:
        """Note the end and delete the file; one that was to be cancelled is `cancelled`, whatever `state` says.

        Raises `LedgerUnavailable`.
        """
        ...


class Uploads(Protocol):
    """Uploads of all workspaces, and their reports. Every method may raise `LedgerUnavailable`."""

    def queue(self, upload: Upload, *, limit: int, now: datetime) -> Standing:
        """Keep an upload until it is worked on; one that is kept already is left as it is.

        Raises `TooManyUploads` when its workspace has `limit` of them waiting or running.
        """
        ...

    def find(self, workspace_id: str, import_id: UUID) -> Standing | None:
        """How it is doing; None when it is not there, or not there for this workspace."""
        ...

    def newest(
        self, workspace_id: str, *, campaign_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[Standing]:
        """The newest first, of one campaign or all; `before`: only those older than this one."""
        ...

    def report(self, workspace_id: str, import_id: UUID) -> Sequence[RefusedRow]:
        """The rows refused so far, in the order of the file."""
        ...

    def cancel(self, workspace_id: str, import_id: UUID, *, now: datetime) -> Standing | None:
        """Ask for the end of an upload, at once if nobody works on it; None as in `find`."""
        ...

    def claim(self, *, now: datetime) -> AbstractContextManager[Lease | None]:
        """The oldest upload that nobody works on, for the time of a `with` statement; None when there is none."""
        ...

    def close(self) -> None:
        """Let every connection go."""
        ...


def _accept(command: AcceptUpload, run: Run) -> Done:
    def plan() -> Plan:
        campaign = run.load(CAMPAIGN, command.campaign_id)
        if campaign.state is None:
            raise unknown("campaign", command.campaign_id)
        terms = terms_of(campaign.state, command.campaign_id)
        guards.not_deleted(terms)
        guards.not_an_import(terms)
        if terms.status not in guards.UNDER_WAY:
            raise Refused(RefusalCode.CAMPAIGN_OVER, f"the campaign is {terms.status}")
        return Plan(command.campaign_id, campaign.version, (), ({"import_id": str(run.new_id())},))

    return run.many(plan)


def _cancel(command: CancelUpload, run: Run) -> Done:
    return run.many(lambda: Plan(command.import_id, 0, ()))


HANDLERS: dict[type[Command], Handler] = {AcceptUpload: _accept, CancelUpload: _cancel}
