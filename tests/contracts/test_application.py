"""The `eventsourcing` library's Application on the log: repository, snapshots, cache, subscription."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec
import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import InfrastructureFactoryError, IntegrityError, NotSupportedError

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.events import Event, Fact
from drumbeat.events.campaign import CampaignRenamed
from drumbeat.eventstore.application import StreamApplication, load_streams
from drumbeat.eventstore.infrastructure import DATABASE_URL, LogFactory
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.sql import load_queries
from drumbeat.eventstore.streams import Snapshot, SnapshotMapper, Stream, fold
from support.given import event, uid
from support.sealing import MASTER

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[2]


class Renames(msgspec.Struct, frozen=True):
    count: int
    name: str


class OtherShape(msgspec.Struct, frozen=True):
    count: int
    name: str
    longest: int


FOLDED: list[int] = []
"""The versions that were folded, to see what a load read."""


def count_renames(state: Renames | None, recorded: Event[Fact]) -> Renames:
    assert isinstance(recorded.fact, CampaignRenamed)
    FOLDED.append(recorded.stream_version)
    return Renames((state.count if state else 0) + 1, recorded.fact.after)


def count_otherwise(state: OtherShape | None, recorded: Event[Fact]) -> OtherShape:
    assert isinstance(recorded.fact, CampaignRenamed)
    name, longest = recorded.fact.after, state.longest if state else 0
    return OtherShape((state.count if state else 0) + 1, name, max(longest, len(name)))


NAMED: Aggregate[Renames] = Aggregate("named", Renames, count_renames)
NAMED_OTHERWISE: Aggregate[OtherShape] = Aggregate("named", OtherShape, count_otherwise)


def renames(stream_id: UUID, first: int, last: int) -> list[Event[Fact]]:
    return [
        replace(
            event(CampaignRenamed(before="", after=f"name {version}"), version=version, stream_id=stream_id),
            id=uuid4(),
        )
        for version in range(first, last + 1)
    ]


@pytest.fixture
def factory(database_url: str) -> Iterator[LogFactory]:
    made = LogFactory({DATABASE_URL: database_url})
    FOLDED.clear()
    yield made
    made.close()


def save(application: Application[UUID], events: Sequence[Event[Fact]]) -> list[int]:
    # The library's protocol asks for plain attributes where a frozen event has properties.
    return [recording.notification.id for recording in application.save(*cast("Any", events))]


def test_a_library_application_runs_on_the_log_by_configuration(database_url: str) -> None:
    environment = {"PERSISTENCE_MODULE": "drumbeat.eventstore.infrastructure", DATABASE_URL: database_url}
    with Application[UUID](environment) as application:
        assert save(application, renames(uid("a"), 1, 3)) == [1, 2, 3]
        get: Any = partial(application.repository.get, projector_func=partial(fold, NAMED))
        assert get(uid("a")) == Stream(uid("a"), 3, "default", Renames(3, "name 3"))
        assert get(uid("a"), version=2).version == 2
        section = application.notification_log["1,10"]
        assert [item.topic for item in section.items] == ["campaign.renamed.v1"] * 3
        with pytest.raises(IntegrityError):
            save(application, renames(uid("a"), 3, 3))
        with pytest.raises(AggregateNotFoundError):
            get(uid("nobody"))


def test_the_librarys_own_snapshots_work(factory: LogFactory) -> None:
    application = StreamApplication(NAMED, factory)
    save(application, renames(uid("a"), 1, 5))
    project: Any = partial(fold, NAMED)
    application.take_snapshot(uid("a"), version=4, projector_func=project)
    FOLDED.clear()
    loaded = StreamApplication(NAMED, factory).load(uid("a"))
    assert loaded is not None
    assert (loaded.version, loaded.state, loaded.workspace_id) == (5, Renames(5, "name 5"), "default")
    assert FOLDED == [5]


def test_a_load_that_folds_many_events_leaves_a_snapshot_for_the_next_process(factory: LogFactory) -> None:
    save(StreamApplication(NAMED, factory), renames(uid("a"), 1, 10))
    StreamApplication(NAMED, factory, snapshot_every_events=10).load(uid("a"))
    assert list(range(1, 11)) == FOLDED
    FOLDED.clear()
    save(StreamApplication(NAMED, factory), renames(uid("a"), 11, 12))
    assert StreamApplication(NAMED, factory).load(uid("a")) == Stream(
        uid("a"), 12, "default", Renames(12, "name 12")
    )
    assert FOLDED == [11, 12]


def test_a_cached_stream_reads_only_what_is_new(factory: LogFactory) -> None:
    application = StreamApplication(NAMED, factory)
    save(application, renames(uid("a"), 1, 3))
    application.load(uid("a"))
    save(StreamApplication(NAMED, factory), renames(uid("a"), 4, 5))
    FOLDED.clear()
    for _ in range(3):
        loaded = application.load(uid("a"))
        assert loaded is not None
        assert loaded.version == 5
    assert FOLDED == [4, 5]


def test_streams_of_several_kinds_are_read_in_one_round_trip(factory: LogFactory) -> None:
    named = StreamApplication(NAMED, factory)
    otherwise = StreamApplication(NAMED_OTHERWISE, factory, snapshot_every_events=3)
    save(named, [*renames(uid("a"), 1, 2), *renames(uid("b"), 1, 4)])
    otherwise.load(uid("b"))
    save(named, renames(uid("b"), 5, 5))
    FOLDED.clear()
    for known in (StreamApplication(NAMED_OTHERWISE, factory), otherwise):
        a, b, nobody = load_streams(
            factory.connections, [(named, uid("a")), (known, uid("b")), (named, uid("nobody"))], None
        )
        assert a == Stream(uid("a"), 2, "default", Renames(2, "name 2"))
        assert b == Stream(uid("b"), 5, "default", OtherShape(5, "name 5", 6))
        assert nobody is None
    assert FOLDED == [1, 2]


def test_a_stream_of_another_workspace_is_read_as_if_it_had_never_been_seen(factory: LogFactory) -> None:
    application = StreamApplication(NAMED, factory)
    save(application, renames(uid("a"), 1, 2))
    application.load(uid("a"))
    FOLDED.clear()
    load_streams(factory.connections, [(application, uid("a"))], "default")
    assert FOLDED == []
    load_streams(factory.connections, [(application, uid("a"))], "another")
    assert FOLDED == [1, 2]


def test_streams_are_looked_up_by_index_however_small_the_log_was_when_that_was_planned(
    factory: LogFactory,
) -> None:
    with factory.connections.use() as connection:
        query = load_queries(ROOT / "src" / "eventstore" / "sql" / "log.sql")["streams_since"]
        plan = connection.execute(b"EXPLAIN (GENERIC_PLAN) " + query).fetchall()
    assert not [line for (line,) in plan if "Seq Scan" in line], plan


def test_a_snapshot_of_another_shape_is_passed_over_and_both_may_stand_side_by_side(factory: LogFactory) -> None:
    save(StreamApplication(NAMED, factory), renames(uid("a"), 1, 4))
    StreamApplication(NAMED, factory, snapshot_every_events=1).load(uid("a"))
    otherwise = StreamApplication(NAMED_OTHERWISE, factory, snapshot_every_events=1).load(uid("a"))
    assert otherwise is not None
    assert otherwise.state == OtherShape(4, "name 4", 6)
    FOLDED.clear()
    assert StreamApplication(NAMED, factory).load(uid("a")) == Stream(uid("a"), 4, "default", Renames(4, "name 4"))
    assert FOLDED == []
    with factory.connections.use() as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT type) FROM ledger.snapshots").fetchone() == (
            2,
            2,
        )


def test_a_snapshot_folded_by_other_code_is_passed_over() -> None:
    def other_code(state: Renames | None, recorded: Event[Fact]) -> Renames:
        return count_renames(state, recorded)

    other_code.__module__ = msgspec.__name__
    changed: Aggregate[Renames] = Aggregate("named", Renames, other_code)
    assert SnapshotMapper(NAMED).type_name == SnapshotMapper(NAMED).type_name
    assert SnapshotMapper(changed).type_name != SnapshotMapper(NAMED).type_name


def test_a_snapshot_survives_its_bytes() -> None:
    mapper = SnapshotMapper(NAMED)
    taken = Snapshot.take(Stream(uid("a"), 7, "default", Renames(7, "Größe")))
    assert mapper.to_domain_event(mapper.to_stored_event(taken)) == taken


def test_streams_of_different_kinds_do_not_meet_in_the_cache(database_url: str) -> None:
    ledger = EventStoreLedger(database_url, master=MASTER)
    ledger.append(renames(uid("a"), 1, 2))
    other: Aggregate[OtherShape] = Aggregate("otherwise", OtherShape, count_otherwise)
    assert isinstance(ledger.load(NAMED, uid("a")).state, Renames)
    assert isinstance(ledger.load(other, uid("a")).state, OtherShape)
    ledger.close()


def test_a_subscription_follows_the_log(factory: LogFactory) -> None:
    recorder = factory.application_recorder()
    application = StreamApplication(NAMED, factory)
    save(application, renames(uid("a"), 1, 2))
    seen: list[int] = []
    with recorder.subscribe(gt=1) as subscription:
        for notification in subscription:
            seen.append(notification.id)
            if len(seen) == 1:
                save(application, renames(uid("b"), 1, 1))
            if len(seen) == 2:
                break
    assert seen == [2, 3]


def test_what_the_log_does_not_keep_is_refused_by_name(factory: LogFactory) -> None:
    with pytest.raises(NotSupportedError, match="checkpoint"):
        factory.tracking_recorder()
    with pytest.raises(NotSupportedError, match="commands"):
        factory.process_recorder()
    with pytest.raises(InfrastructureFactoryError, match=DATABASE_URL):
        LogFactory({})
