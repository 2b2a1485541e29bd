"""`sealing` and `opening`: microseconds a person that they add, on the way in and on the way to the read models.

On the way in: 1,000 calls of as many persons an append, by the ledger, less the same append of bytes that are
sealed already: keys asked for and held, what was said sealed. On the way out: the rows decoded with keys asked for
and that opened, less the same rows decoded with it withheld. Told beside it: the same way in of a person's first
event, for which a key is made, wrapped and kept. `sealing-others`: events about nobody, by the ledger and by the
recorder beneath it, which knows nothing of keys.
"""

import gc
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice

from eventsourcing.persistence import StoredEvent

from benchmarks.harness import Bench, Goal, Result
from benchmarks.keys import MASTER, keep_keys, keys_in, sealed
from benchmarks.live_events import lives
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.events import Event, Fact
from drumbeat.eventstore.connections import Connections
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.mapper import CloudEventsMapper
from drumbeat.eventstore.recorder import LogRecorder
from drumbeat.projections.engine.decode import decode_rows
from drumbeat.projections.engine.plan import Plan
from drumbeat.transport.source import LogRow

PERSONS_AT_ONCE = 1_000
Batches = Sequence[Sequence[Event[Fact]]]


def people_and_the_rest(bench: Bench) -> list[Result]:
    """Goal: sealing at most 20 µs a person, opening told; 0.95 of the recorder for events about nobody."""
    persons = bench.scaled(20_000, 5_000)
    enrolled, others, said = (_batches(persons, place=place) for place in (0, 1, 5))

    def ours() -> float:
        first, way_in = _way_in(bench, enrolled, known=False), _way_in(bench, said, known=True)
        bench.told[:] = [f"the first event of a new person {first * 1e6 / persons:.1f} µs"]
        return way_in * 1e6 / persons

    opened = bench.compare("opening", "µs/person", ours=lambda: _way_out(bench, said) * 1e6 / persons, goal=Goal())
    added = bench.compare("sealing", "µs/person", ours=ours, goal=Goal(below=20))
    rest = bench.compare(
        "sealing-others",
        "events/s",
        ours=lambda: persons / _by_the_ledger(bench, others),
        floor=lambda: persons / _by_the_recorder(bench, others),
        goal=Goal(per_floor=0.95),
    )
    return [added, opened, rest]


def _batches(persons: int, *, place: int) -> Batches:
    """One event of each person's life: 0 the enrolment, 1 a call placed, about nobody, 5 what was said."""
    events = (life[place] for life in lives(0, persons))
    return [list(islice(events, PERSONS_AT_ONCE)) for _ in range(0, persons, PERSONS_AT_ONCE)]


def _way_in(bench: Bench, batches: Batches, *, known: bool) -> float:
    with bench.database() as url:
        ready = [[sealed(event) for event in batch] for batch in batches]
        alone = _recorded(url, ready) + _encoded(batches)
    kept = [event for batch in ready for event in batch] if known else []
    return _by_the_ledger(bench, batches, kept) - alone


def _by_the_ledger(bench: Bench, batches: Batches, kept: Sequence[StoredEvent] = ()) -> float:
    with bench.database() as url, closing(EventStoreLedger(url, master=MASTER)) as ledger:
        keep_keys(url, kept)
        ledger.head()
        return _timed(lambda: [ledger.append_bulk(batch) for batch in batches])


def _by_the_recorder(bench: Bench, batches: Batches) -> float:
    with bench.database() as url:
        mapper = CloudEventsMapper()
        encoded = _timed(lambda: [[mapper.to_stored_event(event) for event in batch] for batch in batches])
        return encoded + _recorded(url, [[sealed(event) for event in batch] for batch in batches])


def _recorded(url: str, batches: Sequence[Sequence[StoredEvent]]) -> float:
    with closing(Connections(url)) as connections:
        recorder = LogRecorder(connections)
        recorder.max_notification_id()
        return _timed(lambda: [recorder.insert_bulk(batch) for batch in batches])


def _encoded(batches: Batches) -> float:
    """What encoding the enrolments costs without sealing: nobody's data, so that the mapper takes them."""
    mapper, nobody = CloudEventsMapper(), _without_private(batches)
    return _timed(lambda: [[mapper.to_stored_event(event) for event in batch] for batch in nobody])


def _without_private(batches: Batches) -> Batches:
    return [
        [replace(event, fact=event.fact.model_copy(update={"private": None}), person_id=None) for event in batch]
        for batch in batches
    ]


def _way_out(bench: Bench, batches: Batches) -> float:
    plan = Plan(PROJECTIONS)
    rows = [
        [LogRow(number, one.topic, one.state, 0) for number, one in enumerate(map(sealed, batch), start=1)]
        for batch in batches
    ]
    with bench.database() as url, closing(keys_in(url)) as ask:
        keep_keys(url, [sealed(event) for batch in batches for event in batch])
        decode_rows(plan, rows[0][:1], ask)  # connects, and makes the decoder
        opened = _timed(lambda: [decode_rows(plan, batch, ask) for batch in rows])
    withheld = _timed(lambda: [decode_rows(plan, batch, lambda _persons: {}) for batch in rows])
    return opened - withheld


def _timed(work: Callable[[], object]) -> float:
    # Garbage is collected between batches, as importers and projectors do it.
    gc.collect()
    gc.disable()
    began = time.perf_counter()
    work()
    elapsed = time.perf_counter() - began
    gc.enable()
    return elapsed
