"""Rebuilds asked for over HTTP: the port `commands.rebuilds.Rebuilds` on the read models, for whoever asks.

Nothing is rebuilt here: `projecting` carries out what is asked for.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import msgspec

from drumbeat.access.person_keys import AskKeys, no_keys
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.rebuilds import (
    AlreadyUnderWay,
    AskRebuild,
    AskRollback,
    CountedDifference,
    ExpectedRebuild,
    HeldProjection,
    NoProjection,
    NotToBe,
    Rebuild,
    RebuildState,
    Switch,
    SwitchState,
)
from drumbeat.eventstore.connections import NO_DATABASE, DatabaseUnavailable
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.shapes import Projection
from drumbeat.projections.rebuild.families import names_of, with_families
from drumbeat.projections.rebuild.pace import Pace
from drumbeat.projections.rebuild.rebuild import Rebuild as Work
from drumbeat.projections.rebuild.requests import Asked, RebuildUnderWay, Requests, Row
from drumbeat.projections.rebuild.workbench import RebuildRefused
from drumbeat.transport.source import SourceUnavailable


@contextmanager
def _nobodys_keys() -> Iterator[AskKeys]:
    yield no_keys


class AskedRebuilds:
    """`drumbeat.commands.rebuilds.Rebuilds`, as the role that may only look and ask. Safe for many threads."""

    def __init__(
        self,
        log_url: str,
        read_url: str,
        known: Callable[[], Sequence[Projection]],
        *,
        patience_seconds: float = 10.0,
    ) -> None:
        """Connects at the first call. `known` gives every projection of this code."""
        self._log_url, self._read_url, self._known = log_url, read_url, known
        self._requests = Requests(read_url, patience_seconds=patience_seconds)

    def held(self) -> list[HeldProjection]:
        """See the port."""
        with _reachable():
            found = self._work().held(sized=True)
        head = max((one.position for one in found), default=0)
        return [
            HeldProjection(
                projection=one.projection,
                package=one.package,
                generation=one.generation,
                version=one.version,
                state=one.state.value,
                stage=one.stage,
                position=one.position,
                lag_events=head - one.position,
                rows=one.rows,
                size_bytes=one.size_bytes,
                installed_at=one.installed_at,
                left_at=one.left_at,
            )
            for one in found
        ]

    def expected(self, wish: AskRebuild) -> ExpectedRebuild:
        """See the port."""
        names = self._names(wish)
        with _reachable():
            return msgspec.convert(asdict(self._work(wish.workers).expected(names)), ExpectedRebuild)

    def ask(self, rebuild_id: UUID, wish: AskRebuild, *, by: str, now: datetime) -> Rebuild:
        """See the port."""
        asked = Asked(
            rebuild_id=rebuild_id,
            projections=sorted(names_of(with_families(self._known(), self._names(wish)))),
            workers=wish.workers,
            lag_limit_events=wish.lag_limit_events,
            go_live=wish.go_live,
            asked_by=by,
            asked_at=now,
        )
        with _reachable():
            try:
                generation = self._requests.ask(asked)
            except RebuildUnderWay as under_way:
                raise AlreadyUnderWay(str(under_way)) from under_way
            (row,) = self._requests.rebuilds(generation)
        return _shown(row)

    def newest(self, limit: int) -> list[Rebuild]:
        """See the port."""
        with _reachable():
            return [_shown(row) for row in self._requests.rebuilds(limit=limit)]

    def find(self, generation: str) -> Rebuild | None:
        """See the port."""
        with _reachable():
            rows = self._requests.rebuilds(generation)
        return _shown(rows[0]) if rows else None

    def cancel(self, generation: str, *, now: datetime) -> None:
        """See the port."""
        with _reachable():
            self._requests.cancel(generation, now=now)

    def may_go_live(self, generation: str) -> Sequence[str]:
        """See the port."""
        with _reachable(), _judged():
            return sorted(names_of(self._work().whole(generation)))

    def may_come_back(self, wish: AskRollback) -> tuple[str, Sequence[str]]:
        """See the port."""
        names = self._names(wish)
        with _reachable(), _judged():
            generation, projections = self._work().kept(names)
        return generation, sorted(names_of(projections))

    def ask_switch(
        self, switch_id: UUID, generation: str, projections: Sequence[str], *, by: str, now: datetime
    ) -> None:
        """See the port."""
        with _reachable():
            self._requests.ask_switch(switch_id, generation, projections, asked_by=by, now=now)

    def switch(self, switch_id: UUID) -> Switch | None:
        """See the port."""
        with _reachable():
            row = self._requests.switch(switch_id)
        if row is None:
            return None
        state = SwitchState.ASKED
        if row.ended_at is not None:
            state = SwitchState.DONE if row.problem is None else SwitchState.FAILED
        return msgspec.convert({**asdict(row), "state": state}, Switch)

    def close(self) -> None:
        """See the port."""
        self._requests.close()

    def _work(self, workers: int = 1) -> Work:
        return Work(self._log_url, self._read_url, self._known, _nobodys_keys, workers=workers, role=Role.OPERATE)

    def _names(self, wish: AskRebuild | AskRollback) -> Collection[str]:
        known = [one.name for one in self._known()]
        names = known if wish.projections is None else wish.projections
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise NoProjection(unknown[0], known)
        return names


def _shown(row: Row) -> Rebuild:
    pace = Pace(row.events, row.events_expected, row.seconds or 0.0)
    folding = row.stage == "slices" and row.ended_at is None
    building = row.ended_at is None and "building" in row.states.values()
    return Rebuild(
        generation=row.generation,
        projections=sorted(row.projections if row.projections is not None else row.states),
        state=_state(row),
        cancelling=row.cancelling and row.ended_at is None,
        stage=row.stage if building else None,
        slices_done=row.slices_done,
        slices=row.slices,
        events=row.events,
        events_expected=row.events_expected,
        share_done=_share(row, pace),
        events_per_second=pace.events_per_second if folding else None,
        seconds_left=pace.seconds_left if folding else None,
        differences=None if row.differences is None else msgspec.convert(row.differences, list[CountedDifference]),
        problem=row.problem,
        workers=row.workers,
        lag_limit_events=row.lag_limit_events,
        go_live=row.go_live,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        began_at=row.began_at,
        ended_at=row.ended_at,
    )


def _share(row: Row, pace: Pace) -> float:
    if row.slices and row.slices_done == row.slices:
        return 1.0  # positions have gaps: there may be fewer events than were expected
    return pace.share if row.events_expected else 0.0


def _state(row: Row) -> RebuildState:
    if row.outcome in ("cancelled", "failed"):
        return RebuildState(row.outcome)
    # A generation of several families may stand in several states: the one that readers notice most.
    for state in ("building", "live", "built", "kept"):
        if state in row.states.values():
            return RebuildState(state)
    return RebuildState.QUEUED if row.ended_at is None else RebuildState.DROPPED


@contextmanager
def _judged() -> Iterator[None]:
    try:
        yield
    except RebuildRefused as refused:
        raise NotToBe(str(refused)) from refused


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (*NO_DATABASE, DatabaseUnavailable, SourceUnavailable) as error:
        raise LedgerUnavailable(f"the database does not answer: {error}".strip()) from error
