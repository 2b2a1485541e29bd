"""Read models made anew, as somebody asks for it over HTTP: the wishes, how they are doing, and the port to them.

No event is written: rows that are made anew change nothing that happened. `opsapi.rebuilds` is the real port; it
may be used by many threads at once.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Protocol
from uuid import UUID

import msgspec
from pydantic import Field

from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.loop import Plan, Run
from drumbeat.events.values import Many

MOST_WORKERS: Final = 64
MOST_LAG_EVENTS: Final = 1_000_000_000

Generation = Annotated[str, Field(pattern="^gen_[1-9][0-9]{0,8}$")]
Names = Annotated[Many[Annotated[str, Field(min_length=1, max_length=100)]], Field(min_length=1, max_length=100)]


class OfProjections(Command):
    """The base of what is done with some projections, or all."""

    projections: Names | None = None
    """By name, as `GET /projections` has them."""
    all: bool = False
    """Every projection; then without `projections`."""


class AskRebuild(OfProjections):
    """Make projections anew, with those that go with them; `Done.results` has the `id` of the wish."""

    NAME: ClassVar[str] = "ask_rebuild"
    workers: int = Field(default=1, ge=1, le=MOST_WORKERS)
    """Processes that fold, on the machine of the projector, which is the first of them."""
    lag_limit_events: int = Field(default=20_000, ge=1, le=MOST_LAG_EVENTS)
    """It rests while the rows that are read are further behind the log than this."""
    go_live: bool = True
    """Put it in place by itself when no row differs from those that are read."""


class AskCancel(Command):
    """Give up what is being made."""

    NAME: ClassVar[str] = "ask_cancel"
    generation: Generation


class AskGoLive(Command):
    """Let readers see a generation that is whole; `Done.results` has the `id` of the wish."""

    NAME: ClassVar[str] = "ask_go_live"
    generation: Generation


class AskRollback(OfProjections):
    """Let readers see again what they saw before; `Done.results` has the `id` of the wish."""

    NAME: ClassVar[str] = "ask_rollback"


class HeldProjection(msgspec.Struct, kw_only=True):
    """A projection in one generation. `state`: building, built, live or kept.

    Everything of the log up to `position` is in its rows; `lag_events` is how far it is behind the one that is
    furthest. `rows` is what the database's statistics say, `size_bytes` has the indexes. `stage` is that of what
    is being built, `left_at` when another generation last took its place. `package` brought it; null: Drumbeat.
    """

    projection: str
    package: str | None
    generation: str
    version: int
    state: str
    stage: str | None
    position: int
    lag_events: int
    rows: int
    size_bytes: int
    installed_at: datetime
    left_at: datetime | None


class ProjectionList(msgspec.Struct):
    """Every projection in every generation, by name and age."""

    items: list[HeldProjection]


class RebuildState(StrEnum):
    """How far a rebuild is. `built`: whole, kept up to date, and not read. `kept`: another one took its place."""

    QUEUED = "queued"
    BUILDING = "building"
    BUILT = "built"
    LIVE = "live"
    KEPT = "kept"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DROPPED = "dropped"


class CountedDifference(msgspec.Struct, kw_only=True):
    """Rows of one table beside those that are read, at the same position; `columns` counts those that changed."""

    projection: str
    table: str
    rows: int
    same: int
    changed: int
    appeared: int
    gone: int
    columns: dict[str, int]


class Rebuild(msgspec.Struct, kw_only=True):
    """How a rebuild is doing, by the generation that it makes.

    `share_done` is that of the `events_expected`, 0 to 1; `seconds_left` follows from the pace until now, null
    when it cannot be told. Keys and indexes, the rest of the log and the comparison come after the last event:
    `stage` tells. `problem`: why it failed, or did not go live, or what holds it up. `differences` is null until
    it was compared.
    What was begun at the command line has neither `asked_by` nor what is asked for with it.
    """

    generation: str
    projections: list[str]
    state: RebuildState
    cancelling: bool
    stage: str | None
    slices_done: int
    slices: int
    events: int
    events_expected: int
    share_done: float
    events_per_second: float | None
    seconds_left: float | None
    differences: list[CountedDifference] | None
    problem: str | None
    workers: int | None
    lag_limit_events: int | None
    go_live: bool | None
    asked_by: str | None
    asked_at: datetime | None
    began_at: datetime | None
    ended_at: datetime | None


class RebuildList(msgspec.Struct):
    """The newest first."""

    items: list[Rebuild]


class ExpectedRebuild(msgspec.Struct, kw_only=True):
    """What a rebuild would take; `seconds` at the usual pace. `free_words` says whether there is room for it."""

    projections: list[str]
    events: int
    slices: int
    workers: int
    size_bytes: int
    seconds: float
    free_words: str


class SwitchState(StrEnum):
    """How far a switch is. `possible` is the answer to a dry run."""

    POSSIBLE = "possible"
    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"


class Switch(msgspec.Struct, kw_only=True):
    """A generation that is put in front of readers. They wait `locked_milliseconds` for a view, at most.

    `problem`: why it was not done; then nothing was changed.
    """

    switch_id: UUID | None = None
    generation: str
    projections: list[str]
    state: SwitchState
    locked_milliseconds: float | None = None
    problem: str | None = None
    asked_by: str | None = None
    asked_at: datetime | None = None
    ended_at: datetime | None = None


class NoProjection(Exception):
    """A name that is none of those that are `known`."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"{name!r} is no projection")
        self.name = name
        self.known = known


class NotToBe(Exception):
    """What was asked for cannot be as things stand; the message says why."""


class AlreadyUnderWay(NotToBe):
    """Some of these projections are being made."""


class Rebuilds(Protocol):
    """What there is, and what may be asked for. Every method may raise `LedgerUnavailable`."""

    def held(self) -> list[HeldProjection]:
        """Every projection in every generation."""
        ...

    def expected(self, wish: AskRebuild) -> ExpectedRebuild:
        """What it would take. Raises `NoProjection`."""
        ...

    def ask(self, rebuild_id: UUID, wish: AskRebuild, *, by: str, now: datetime) -> Rebuild:
        """Write a rebuild down; one that is known is left as it is. Raises `NoProjection`, `AlreadyUnderWay`."""
        ...

    def newest(self, limit: int) -> list[Rebuild]:
        """The newest first."""
        ...

    def find(self, generation: str) -> Rebuild | None:
        """How it is doing; None when there never was one."""
        ...

    def cancel(self, generation: str, *, now: datetime) -> None:
        """Ask for its end, at once if nobody works on it."""
        ...

    def may_go_live(self, generation: str) -> Sequence[str]:
        """What of a generation may go live. Raises `NotToBe`."""
        ...

    def may_come_back(self, wish: AskRollback) -> tuple[str, Sequence[str]]:
        """The generation that was read before, and what of it. Raises `NoProjection`, `NotToBe`."""
        ...

    def ask_switch(
        self, switch_id: UUID, generation: str, projections: Sequence[str], *, by: str, now: datetime
    ) -> None:
        """Write a switch down; one that is known is left as it is."""
        ...

    def switch(self, switch_id: UUID) -> Switch | None:
        """How a switch is doing; None when there never was one."""
        ...

    def close(self) -> None:
        """Let every connection go."""
        ...


def _note(_command: Command, run: Run) -> Done:
    # The key is kept with the id of the wish: the same command again finds what came of the first.
    wish = run.new_id()
    return run.many(lambda: Plan(wish, 0, (), ({"id": str(wish)},)))


HANDLERS: dict[type[Command], Handler] = {
    AskRebuild: _note,
    AskCancel: _note,
    AskGoLive: _note,
    AskRollback: _note,
}
