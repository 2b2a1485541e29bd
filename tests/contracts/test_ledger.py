"""What every ledger promises, asked of the real one and of its twin in memory."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.commands.ledger import EventTooLarge, KeyReused, Ledger, Once, VersionConflict
from drumbeat.events import FACTS, Event, Fact
from drumbeat.events.campaign import CampaignRenamed
from drumbeat.events.errors import UnknownEventType
from drumbeat.eventstore.ledger import EventStoreLedger
from support.given import event, uid
from support.memory_ledger import MemoryLedger
from support.postgres import TestServer
from support.sealing import MASTER


class Renames(msgspec.Struct, frozen=True):
    """How often, and to what."""

    count: int
    name: str


def count_renames(state: Renames | None, recorded: Event[Fact]) -> Renames:
    fact = recorded.fact
    assert isinstance(fact, CampaignRenamed)
    return Renames((state.count if state else 0) + 1, fact.after)


NAMED: Aggregate[Renames] = Aggregate("named", Renames, count_renames)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.postgres)])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    server: TestServer = request.getfixturevalue("postgres_server")
    with server.fresh_database() as url:
        real = EventStoreLedger(url, master=MASTER)
        real.check()
        yield real
        real.close()


def renamed(stream_id: UUID, version: int, name: str = "", workspace_id: str = "default") -> Event[Fact]:
    fact = CampaignRenamed(before="", after=name or f"name {version}")
    return replace(event(fact, version=version, stream_id=stream_id, workspace_id=workspace_id), id=uuid4())


def renames(stream_id: UUID, count: int, first: int = 1) -> list[Event[Fact]]:
    return [renamed(stream_id, version) for version in range(first, first + count)]


def once(key: str = "k", *, body: bytes = b"request", expires_at: datetime | None = None) -> Once:
    return Once(workspace_id="default", key=key, request_hash=body, answer=b'{"answer": 1}', expires_at=expires_at)


Append = Callable[[Ledger, Sequence[Event[Fact]], Once | None], object]
ONE_BY_ONE_OR_BULK = pytest.mark.parametrize(
    "append",
    [
        pytest.param(lambda ledger, events, once: ledger.append(events, once=once), id="append"),
        pytest.param(lambda ledger, events, once: ledger.append_bulk(events, once=once), id="append_bulk"),
    ],
)


def test_a_stream_that_was_never_written_is_at_version_0(ledger: Ledger) -> None:
    loaded = ledger.load(NAMED, uid("nobody"))
    assert (loaded.state, loaded.version, loaded.workspace_id) == (None, 0, None)


@ONE_BY_ONE_OR_BULK
def test_what_was_appended_is_loaded(ledger: Ledger, append: Append) -> None:
    append(ledger, renames(uid("a"), 3), None)
    loaded = ledger.load(NAMED, uid("a"))
    assert (loaded.state, loaded.version, loaded.workspace_id) == (Renames(3, "name 3"), 3, "default")
    append(ledger, renames(uid("a"), 2, first=4), None)
    assert ledger.load(NAMED, uid("a")).state == Renames(5, "name 5")


def test_many_streams_load_at_once_with_those_that_are_not_there(ledger: Ledger) -> None:
    streams = [uid(str(number)) for number in range(50)]
    ledger.append([recorded for stream in streams[:40] for recorded in renames(stream, 2)])
    loaded = ledger.load_many(NAMED, streams)
    assert list(loaded) == streams
    assert [loaded[stream].version for stream in streams] == [2] * 40 + [0] * 10
    assert loaded[streams[0]] == ledger.load(NAMED, streams[0])
    assert ledger.load_many(NAMED, []) == {}


def test_positions_come_back_in_the_order_of_the_events(ledger: Ledger) -> None:
    low, high = sorted([uuid4(), uuid4()], key=lambda stream: stream.int)
    appended = ledger.append([renamed(high, 1), renamed(low, 1), renamed(high, 2), renamed(low, 2)])
    assert sorted(appended.positions) == [1, 2, 3, 4]
    assert appended.positions[0] < appended.positions[2]
    assert appended.positions[1] < appended.positions[3]
    assert appended.position == 4
    assert list(ledger.append([renamed(high, 3)]).positions) == [5]


@ONE_BY_ONE_OR_BULK
def test_a_version_that_another_writer_has_written_is_a_conflict_and_writes_nothing(
    ledger: Ledger, append: Append
) -> None:
    append(ledger, renames(uid("a"), 2), None)
    with pytest.raises(VersionConflict):
        append(ledger, [renamed(uid("b"), 1), renamed(uid("a"), 2), renamed(uid("a"), 3)], None)
    assert ledger.load(NAMED, uid("a")).version == 2
    assert ledger.load(NAMED, uid("b")).version == 0


def test_one_of_many_writers_of_a_version_wins(ledger: Ledger) -> None:
    won: list[str] = []

    def write(name: str) -> None:
        for version in range(1, 6):
            try:
                ledger.append([renamed(uid("a"), version, name)])
            except VersionConflict:
                continue
            won.append(name)

    threads = [threading.Thread(target=write, args=[str(number)]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 5
    assert ledger.load(NAMED, uid("a")).version == 5


@ONE_BY_ONE_OR_BULK
def test_the_same_key_gives_the_same_answer_and_no_event(ledger: Ledger, append: Append) -> None:
    append(ledger, [renamed(uid("other"), 1)], None)
    append(ledger, renames(uid("a"), 2), once())
    again = ledger.append(renames(uid("a"), 2, first=3), once=once())
    assert (again.answer, again.position, list(again.positions)) == (b'{"answer": 1}', 3, [])
    assert ledger.append_bulk(renames(uid("a"), 2, first=3), once=once()) == again
    assert ledger.answered("default", "k", b"request") == again
    assert ledger.load(NAMED, uid("a")).version == 2


@ONE_BY_ONE_OR_BULK
def test_the_same_key_for_another_request_is_refused(ledger: Ledger, append: Append) -> None:
    append(ledger, renames(uid("a"), 1), once())
    with pytest.raises(KeyReused, match="'k'"):
        append(ledger, renames(uid("b"), 1), once(body=b"another request"))
    with pytest.raises(KeyReused):
        ledger.answered("default", "k", b"another request")
    assert ledger.load(NAMED, uid("b")).version == 0


@ONE_BY_ONE_OR_BULK
def test_a_key_is_not_kept_when_its_append_conflicts(ledger: Ledger, append: Append) -> None:
    append(ledger, renames(uid("a"), 1), None)
    with pytest.raises(VersionConflict):
        append(ledger, renames(uid("a"), 1), once())
    assert ledger.answered("default", "k", b"request") is None
    append(ledger, renames(uid("a"), 1, first=2), once())
    assert ledger.answered("default", "k", b"request") is not None


@ONE_BY_ONE_OR_BULK
def test_a_command_without_events_keeps_the_newest_position_under_its_key(ledger: Ledger, append: Append) -> None:
    append(ledger, renames(uid("a"), 3), None)
    append(ledger, [], once())
    append(ledger, renames(uid("b"), 1), None)
    answered = ledger.answered("default", "k", b"request")
    assert answered is not None
    assert (answered.position, answered.answer) == (3, b'{"answer": 1}')


def test_a_command_without_events_or_key_is_at_the_newest_position(ledger: Ledger) -> None:
    assert ledger.append([]).position == 0
    ledger.append(renames(uid("a"), 3))
    assert ledger.append([]).position == 3


def test_an_unknown_key_was_never_answered(ledger: Ledger) -> None:
    ledger.append(renames(uid("a"), 1), once=once())
    assert ledger.answered("another workspace", "k", b"request") is None
    assert ledger.answered("default", "another key", b"request") is None


def test_an_expired_key_is_free_again(ledger: Ledger) -> None:
    now = datetime.now(UTC)
    ledger.append(renames(uid("a"), 1), once=once(expires_at=now - timedelta(seconds=1)))
    assert ledger.answered("default", "k", b"request") is None
    later = once(body=b"another request", expires_at=now + timedelta(hours=1))
    assert ledger.append(renames(uid("b"), 1), once=later).position == 2
    with pytest.raises(KeyReused):
        ledger.append(renames(uid("c"), 1), once=once(expires_at=now + timedelta(hours=1)))


def test_two_requests_with_one_key_at_once_have_one_effect(ledger: Ledger) -> None:
    answers: list[bytes | None] = []

    def request(stream: str) -> None:
        answers.append(ledger.append(renames(uid(stream), 1), once=once()).answer)

    threads = [threading.Thread(target=request, args=[str(number)]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer is None for answer in answers) == [False] * 5 + [True]
    assert sum(loaded.version for loaded in ledger.load_many(NAMED, [uid(str(n)) for n in range(6)]).values()) == 1


@ONE_BY_ONE_OR_BULK
def test_ten_thousand_events_fit_one_append(ledger: Ledger, append: Append) -> None:
    streams = [uid(str(number)) for number in range(2000)]
    append(ledger, [recorded for stream in streams for recorded in renames(stream, 5)], None)
    loaded = ledger.load_many(NAMED, streams)
    assert {state.version for state in loaded.values()} == {5}
    assert ledger.append([]).position == 10_000


@ONE_BY_ONE_OR_BULK
def test_an_event_over_the_limit_is_refused_by_type_and_size(ledger: Ledger, append: Append) -> None:
    too_long = renamed(uid("a"), 2, "x" * 1_000_001)
    with pytest.raises(EventTooLarge, match=r"campaign\.renamed\.v1.* 1000\d\d\d bytes; the log takes 1000000"):
        append(ledger, [renamed(uid("a"), 1), too_long], None)
    assert ledger.load(NAMED, uid("a")).version == 0


class CampaignForgotten(CampaignRenamed):
    """A type that the catalogue does not have."""

    TYPE = "campaign.forgotten.v1"


del FACTS[CampaignForgotten.TYPE]


@ONE_BY_ONE_OR_BULK
def test_an_unknown_type_is_refused_on_append_by_name(ledger: Ledger, append: Append) -> None:
    unknown = event(CampaignForgotten(before="", after=""), version=2, stream_id=uid("a"))
    with pytest.raises(UnknownEventType, match=r"campaign\.forgotten\.v1"):
        append(ledger, [renamed(uid("a"), 1), unknown], None)
    assert ledger.load(NAMED, uid("a")).version == 0


def test_events_of_several_workspaces_say_whose_they_are(ledger: Ledger) -> None:
    ledger.append([renamed(uid("a"), 1, workspace_id="ours"), renamed(uid("b"), 1, workspace_id="theirs")])
    assert ledger.load(NAMED, uid("a")).workspace_id == "ours"
    assert ledger.load_many(NAMED, [uid("b")])[uid("b")].workspace_id == "theirs"
