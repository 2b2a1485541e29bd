"""`bulk-decide`: histories of thousands of contacts through the real decisions, by one writer.

Ours is the whole way: command, load, decisions, mapper, recorder. The peer goes the same way, with the same loads
and decisions, and hands the events to the stock recorder in batches of 500.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid5

import psycopg

from benchmarks.append import _make_peer, _peer
from benchmarks.harness import Bench, Goal, Result
from benchmarks.keys import MASTER, sealed
from drumbeat.access import person
from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.commands.campaign import DraftCampaign
from drumbeat.commands.command import Command
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.goals import DefineGoal
from drumbeat.commands.history import HistoryCall, HistoryRow, RecordHistory
from drumbeat.commands.imports import StartImport
from drumbeat.commands.ledger import Appended, KnownPerson, Ledger, Loaded, Once, PlanErasure, Recorded
from drumbeat.events import Event, Fact
from drumbeat.events.ids import DRUMBEAT
from drumbeat.events.values import (
    CallOutcome,
    CampaignKind,
    CampaignSource,
    GoalResult,
    GoalRole,
    Vocabulary,
)
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.intake.garbage import collected_by_hand

S = TypeVar("S")

ROWS_A_COMMAND = 1_000
PEER_BATCH = 500
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CAMPAIGN, GOAL = uuid5(DRUMBEAT, "bench campaign"), uuid5(DRUMBEAT, "bench goal")
NOTHING_SAID = HistoryCall(outcome=CallOutcome.NOT_RECORDED)


class Keys:
    """One key for every workspace."""

    def key(self, workspace_id: str) -> bytes:
        """32 bytes."""
        return workspace_id.encode().ljust(32, b".")


class StockLedger:
    """Reads where ours reads, so that decisions are the same; writes bulk with the stock recorder."""

    def __init__(self, ledger: Ledger, url: str) -> None:
        self._ledger = ledger
        self._insert = _peer(url)

    def load(self, aggregate: Aggregate[S], stream_id: UUID, *, workspace_id: str | None = None) -> Loaded[S]:
        """See `Ledger`."""
        return self._ledger.load(aggregate, stream_id, workspace_id=workspace_id)

    def load_together(
        self, wanted: Sequence[tuple[Aggregate[Any], UUID]], *, workspace_id: str | None = None
    ) -> Sequence[Loaded[Any]]:
        """See `Ledger`."""
        return self._ledger.load_together(wanted, workspace_id=workspace_id)

    def load_many(self, aggregate: Aggregate[S], stream_ids: Sequence[UUID]) -> Mapping[UUID, Loaded[S]]:
        """See `Ledger`."""
        return self._ledger.load_many(aggregate, stream_ids)

    def append(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        """See `Ledger`."""
        return self._ledger.append(events, once=once)

    def append_bulk(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        """By the stock recorder, in batches of 500; it knows no keys."""
        assert once is None
        stored = [sealed(event) for event in events]
        for first in range(0, len(stored), PEER_BATCH):
            self._insert(stored[first : first + PEER_BATCH])
        return Appended((), 0)

    def read_stream(self, workspace_id: str, stream_id: UUID) -> Sequence[Recorded]:
        """See `Ledger`."""
        return self._ledger.read_stream(workspace_id, stream_id)

    def known_person(self, person_id: UUID) -> KnownPerson:
        """See `Ledger`."""
        return self._ledger.known_person(person_id)

    def erase(self, person_id: UUID, plan: PlanErasure) -> Appended:
        """See `Ledger`."""
        return self._ledger.erase(person_id, plan)

    def answered(self, workspace_id: str, key: str, request_hash: bytes) -> Appended | None:
        """See `Ledger`."""
        return self._ledger.answered(workspace_id, key, request_hash)


def decisions_included(bench: Bench) -> Result:
    """Goal: three times the stock recorder fed by the same decisions."""
    rows = [_row(number) for number in range(bench.scaled(20_000, 5_000))]
    events = sum(3 + 2 * len(row.calls) for row in rows) + sum(1 for row in rows if _achieved(row))

    def side(ledger_of: Callable[[EventStoreLedger, str], Ledger], count: bytes) -> Callable[[], float]:
        def run() -> float:
            with bench.database() as url, closing(EventStoreLedger(url, master=MASTER)) as ledger:
                _make_peer(url)
                _prepare(ledger)
                before = _count(url, count)
                commands = Commands(ledger_of(ledger, url), Keys())
                # Both sides as an import runs: garbage is collected between chunks.
                with collected_by_hand() as collect:
                    started = time.perf_counter()
                    for first in range(0, len(rows), ROWS_A_COMMAND):
                        chunk = tuple(rows[first : first + ROWS_A_COMMAND])
                        _execute(commands, RecordHistory(campaign_id=CAMPAIGN, rows=chunk))
                        collect()
                    elapsed = time.perf_counter() - started
                written = _count(url, count) - before
                assert written == events, f"{written} of {events} events are there"
                return events / elapsed

        return run

    return bench.compare(
        "bulk-decide",
        "events/s",
        ours=side(lambda ledger, _url: ledger, b"SELECT count(*) FROM ledger.events"),
        peer=side(StockLedger, b"SELECT count(*) FROM public.stored_events"),
        goal=Goal(per_peer=3),
    )


def _count(url: str, count: bytes) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(count).fetchone()
    assert row is not None
    return int(row[0])


def _prepare(ledger: EventStoreLedger) -> None:
    commands = Commands(ledger, Keys())
    for command in (
        DraftCampaign(
            campaign_id=CAMPAIGN,
            kind=CampaignKind.VOICE_AGENT,
            name="History",
            vocabulary=Vocabulary.VOICE_AGENT,
            source=CampaignSource.IMPORT,
        ),
        DefineGoal(campaign_id=CAMPAIGN, goal_id=GOAL, name="Deposit", role=GoalRole.PRIMARY),
        StartImport(campaign_id=CAMPAIGN, file_hash="f", mapping_hash="m"),
        # The audience is opened here: a campaign's stream is read where ours writes, by both sides.
        RecordHistory(campaign_id=CAMPAIGN, rows=(HistoryRow(reference="first"),)),
    ):
        _execute(commands, command)


def _execute(commands: Commands, command: Command) -> None:
    commands.execute(command, person(), now=NOW)


def _row(number: int) -> HistoryRow:
    # The shape of the bank file: 2.57 attempts a contact, the last one known, one goal in nine achieved.
    known = HistoryCall(outcome=CallOutcome.COMPLETED, duration_seconds=60 + number % 400)
    result = GoalResult.ACHIEVED if number % 9 == 0 else GoalResult.NOT_ACHIEVED
    return HistoryRow(
        reference=f"row-{number}",
        tags=("cellular",),
        first_attempt=1,
        calls=(NOTHING_SAID,) * (number % 4) + (known,),
        results=((GOAL, result),),
        finish=True,
    )


def _achieved(row: HistoryRow) -> bool:
    return row.results[0][1] is GoalResult.ACHIEVED
