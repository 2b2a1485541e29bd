"""Hand events over in one transaction with the places that they move.

The first try has nothing between the handlers. When one of them fails, all is rolled back and tried again with a
savepoint before each event: then the one that fails is parked alone, and what follows in its stream behind it.
When only the commit fails, for a constraint or trigger that was deferred to it, events go one by one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, cast
from uuid import UUID

import psycopg
import structlog
from psycopg import pq

from drumbeat.eventstore.connections import NO_DATABASE
from drumbeat.eventstore.healing import Heal
from drumbeat.transport.consuming.handling import HandlersUnfit, Later
from drumbeat.transport.consuming.kept import Cursor, Kept, Kind, ParkedEvent, PlaceMoved
from drumbeat.transport.consuming.steps import Reading, Step, fetched, whole
from drumbeat.transport.consuming.work import How, Run, Waiting, Work, reached
from drumbeat.transport.records import KafkaRow
from drumbeat.transport.source import Delivery, Places
from drumbeat.transport.texts import as_text

log = structlog.get_logger(__name__)


class _NotNow(Exception):
    """Rolls a transaction back."""


class Applier:
    """Over one connection, in autocommit. For one thread."""

    def __init__(
        self, connection: psycopg.Connection[Any], kept: Kept, reading: Reading, heal: Heal, batch_seconds: float
    ) -> None:
        """A transaction is ended early when it has taken `batch_seconds`: handlers may be slow."""
        self.waiting = Waiting()
        self._connection = connection
        self._kept = kept
        self._reading = reading
        self._heal = heal
        self._batch_seconds = batch_seconds

    def look(self, partitions: frozenset[str]) -> None:
        """See what is parked."""
        with self._connection.cursor() as cursor:
            rows = self._kept.parked_streams(cursor, partitions)
        self.waiting = Waiting(
            {stream_id for stream_id, _, _ in rows if stream_id is not None},
            {stream_id for stream_id, gap, _ in rows if stream_id is not None and gap},
            sum(count for _, _, count in rows),
        )

    def apply(self, delivery: Delivery, before: Places) -> Places:
        """Deal with what was delivered, or with its beginning; where the partitions stand then.

        Raises `Later` when the first event could not be dealt with now, `PlaceMoved`, `HandlersUnfit`, and what
        psycopg raises of a database that is away.
        """
        rows = cast("Sequence[KafkaRow]", delivery.rows)
        steps = [self._reading.step(row, n) for n, row in enumerate(rows)]
        with self._connection.cursor() as cursor:
            streams = {step.stream_id for step in steps if step.stream_id is not None}
            known = self._kept.versions(cursor, streams)
        steps = whole(self._reading, steps, known, self.waiting.without_predecessor, self._heal)

        def move(cursor: Cursor, run: Run) -> Places:
            after = reached(delivery, steps, run.done)
            self._kept.move(cursor, before, after)
            return after

        work = Work(steps, {name: before[name] for name in delivery.reached}, move)
        for how in (How.TOGETHER, How.APART, How.ALONE):
            try:
                return self._attempt(work, how)
            except (*NO_DATABASE, PlaceMoved, HandlersUnfit, MemoryError):
                raise
            except Exception as error:
                if isinstance(error, Later) and how is not How.TOGETHER:
                    raise
                log.info("events_handed_over_again", how=how.value, events=len(steps), problem=words(error))
                problem = words(error)
        return self._attempt(work, How.PARKED, problem)

    def retry(self, stream_id: UUID, place: Places) -> bool:
        """Try what is parked of a stream again, in order, as one transaction. False: not now.

        Raises what `apply` raises but `Later`.
        """
        try:
            with self._transaction() as cursor:
                self._kept.hold(cursor, place)
                self._retry(cursor, stream_id)
        except NO_DATABASE:
            raise
        except (_NotNow, psycopg.Error) as error:
            # The latter is what a constraint or trigger says that was deferred to the commit.
            log.info("parked_stream_not_tried_again", stream_id=str(stream_id), problem=words(error))
            return False
        return True

    def _retry(self, cursor: Cursor, stream_id: UUID) -> None:
        parked = self._kept.take_out(cursor, stream_id)
        steps = self._steps_of(cursor, stream_id, parked)
        if steps is None:
            raise _NotNow
        attempts = max((one.attempts for one in parked), default=0) + 1
        run = self._run(steps, set(), How.APART, attempts=attempts)
        if run.later is not None:
            raise _NotNow
        self._kept.park(cursor, run.parked)
        self._kept.note_versions(cursor, run.versions)
        log.info("parked_stream_tried_again", stream_id=str(stream_id), parked=len(run.parked))

    def try_later(self, stream_id: UUID) -> None:
        """What was due of a stream could not be tried."""
        with self._connection.cursor() as cursor:
            self._kept.try_later(cursor, stream_id)

    def _steps_of(self, cursor: Cursor, stream_id: UUID, parked: Sequence[ParkedEvent]) -> list[Step] | None:
        steps = [self._reading.step(one.row, n) for n, one in enumerate(parked)]
        if not any(one.kind is Kind.GAP for one in parked):
            return steps
        # Whatever waits behind a gap is in the log too: all of it is fetched, in order. What was parked before the
        # gap has been seen, and comes first.
        known = self._kept.versions(cursor, [stream_id]).get(stream_id, 0)
        seen = [step for step in steps if step.version <= known]
        last = max(steps, key=lambda step: step.version)
        missing = fetched(self._reading, self._heal, last, known + 1)
        return None if missing is None else [*seen, *missing, last]

    def _attempt(self, work: Work, how: How, blame: str | None = None) -> Places:
        with self._transaction() as cursor:
            self._kept.hold(cursor, work.before)
            run = self._run(work.steps, set(self.waiting.streams), how, blame=blame)
            if run.later is not None and not run.done:
                raise run.later
            self._kept.park(cursor, run.parked)
            self._kept.note_versions(cursor, run.versions)
            after = work.move(cursor, run)
        self._note(run.parked)
        return after

    def _run(
        self,
        steps: Sequence[Step],
        held: set[UUID],
        how: How,
        *,
        blame: str | None = None,
        attempts: int = 0,
    ) -> Run:
        run = Run()
        # What is tried again must not be left half way: its rest would be forgotten.
        ends_at = float("inf") if attempts else monotonic() + self._batch_seconds
        for step in steps:
            kind, error = step.kind, step.error
            handed_over = False
            if kind is None and step.handler is not None and step.stream_id in held:
                kind = Kind.WAITING
            elif kind is None and step.handler is not None:
                handed_over = True
                try:
                    error = blame if how is How.PARKED else self._hand_over(step, how)
                except Later as later:
                    if how is How.TOGETHER:
                        raise
                    run.later = later
                    return run
                kind = None if error is None else Kind.POISON
            run.note(step, kind, error, attempts)
            if kind is not None and step.stream_id is not None:
                held.add(step.stream_id)
            if monotonic() > ends_at or (handed_over and how in {How.ALONE, How.PARKED}):
                break
        return run

    def _hand_over(self, step: Step, how: How) -> str | None:
        """Why an event cannot be handled, when events are told apart; else its error is raised."""
        if how is not How.APART:
            self._call(step)
            return None
        try:
            with self._connection.transaction():
                self._call(step)
        except NO_DATABASE:
            raise
        except (Later, PlaceMoved, HandlersUnfit, MemoryError):
            raise
        except Exception as error:
            if isinstance(error, psycopg.ProgrammingError) and not _is_a_refusal(error):
                raise HandlersUnfit(f"the handler of {step.row.type} does not fit: {words(error)}") from error
            place = {"position": step.row.position, "type": step.row.type, "stream_id": str(step.stream_id)}
            log.exception("event_parked", **place)
            return words(error)
        return None

    def _call(self, step: Step) -> None:
        assert step.handler is not None
        assert step.event is not None
        with self._connection.cursor() as cursor:
            step.handler(cursor, step.event)
        status = self._connection.info.transaction_status
        if status is pq.TransactionStatus.INERROR:
            raise RuntimeError(
                "the handler went on after an error of the database; roll back to a savepoint of its own"
            )
        if status is not pq.TransactionStatus.INTRANS:
            raise HandlersUnfit(f"the handler of {step.row.type} ended the transaction, which is not its own")

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        with self._connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield cursor
                cursor.execute("COMMIT")
            except BaseException:
                with suppress(*NO_DATABASE):
                    self._connection.rollback()
                raise

    def _note(self, parked: Sequence[ParkedEvent]) -> None:
        self.waiting.count += len(parked)
        for one in parked:
            if one.stream_id is not None:
                self.waiting.streams.add(one.stream_id)
                if one.kind is Kind.GAP:
                    self.waiting.without_predecessor.add(one.stream_id)


def _is_a_refusal(error: psycopg.Error) -> bool:
    # Class P0: a function or trigger of the user says no to this event; it is not the SQL that does not fit.
    return (error.sqlstate or "").startswith("P0")


def words(error: BaseException) -> str:
    """An error on one line, as it can be kept and logged."""
    return as_text(" ".join(f"{type(error).__name__}: {error}".split()))
