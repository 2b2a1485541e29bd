"""What a consumer of one's own does with a batch, on a real Postgres and without a broker."""

from contextlib import closing
from typing import Any

import psycopg
import pytest

from drumbeat.events.calls import ContactCallEnded
from drumbeat.eventstore.healing import cannot_heal
from drumbeat.transport.cluster import KafkaUnfit
from drumbeat.transport.consuming import ConsumedEvent, HandlersUnfit, Later
from drumbeat.transport.consuming.applying import Applier
from drumbeat.transport.consuming.kept import Kept, PlaceMoved
from drumbeat.transport.consuming.steps import Reading
from drumbeat.transport.records import KafkaRow
from drumbeat.transport.source import Checkpoint, Delivery, LogRow, Places, checkpoint_of
from support.own_consumers import (
    HERE,
    STREAMS,
    Own,
    call,
    calls,
    delivery,
    expected,
    heal_from,
    make_table,
    parked,
    rows,
    save,
    saved,
)
from support.projecting import ListLog
from support.toys import MARK

pytestmark = pytest.mark.postgres
FIRST, SECOND = STREAMS[:2]


@pytest.fixture
def url(database_url: str) -> str:
    make_table(database_url)
    return database_url


def choosy(cursor: psycopg.Cursor[Any], event: ConsumedEvent[ContactCallEnded]) -> None:
    """Saves first, so that what it refuses must be rolled back."""
    save(cursor, event)
    match event.data.detail:
        case "poison":
            raise ValueError("this one is not to my taste")
        case "refused":
            cursor.execute("SELECT 1 / 0")
        case "swallowed":
            try:
                cursor.execute("SELECT 1 / 0")
            except psycopg.Error:
                return
        case "later":
            raise Later("the other side is away")


def story(*details: str | None) -> ListLog:
    """Calls of one person with these details, each followed by a call of another person."""
    log = ListLog()
    for attempt, detail in enumerate(details, start=1):
        log.tell(FIRST, call(attempt, detail))
        log.tell(SECOND, call(attempt))
    return log


@pytest.mark.parametrize("detail", ["poison", "refused", "swallowed"])
def test_an_event_that_a_handler_cannot_deal_with_is_parked_with_what_follows_in_its_stream(
    url: str, detail: str
) -> None:
    log = story(None, detail, None)
    own = Own(url, choosy)
    with closing(own.connection):
        own.apply(log.rows)
    assert saved(url) == {FIRST: [(1, 1)], SECOND: [(1, 2), (2, 4), (3, 6)]}
    assert [(kind, stream, position) for kind, stream, position, _ in parked(url)] == [
        ("poison", FIRST, 3),
        ("waiting", FIRST, 5),
    ]
    assert own.places[HERE].position == 6


@pytest.mark.parametrize("told", ["a zero \0", "half a character \ud800", "volumes " * 2_000])
def test_an_event_is_parked_whatever_its_error_says(url: str, told: str) -> None:
    def raises(_cursor: psycopg.Cursor[Any], _event: ConsumedEvent[ContactCallEnded]) -> None:
        raise ValueError(told)

    log = story(None)
    own = Own(url, raises)
    with closing(own.connection):
        own.apply(log.rows)
    errors = [str(error) for *_, error in parked(url)]
    assert [error[:16] for error in errors] == [f"ValueError: {told}"[:16]] * 2
    assert max(map(len, errors)) <= 4_000


def test_a_type_that_postgres_does_not_take_is_parked_in_words_that_it_takes(url: str) -> None:
    log = story(None, None)
    own = Own(url)
    with closing(own.connection):
        own.apply([log.rows[0]._replace(type="contact.call_ended.v1\0"), *log.rows[1:]])
    assert [kind for kind, *_ in parked(url)] == ["poison", "waiting"]
    assert rows(url, "SELECT type FROM drumbeat_consumers.parked_events ORDER BY id LIMIT 1") == [
        ("contact.call_ended.v1\\0",)
    ]
    assert saved(url) == {SECOND: [(1, 2), (2, 4)]}


def test_what_follows_a_parked_event_in_a_later_batch_waits_too(url: str) -> None:
    log = story("poison", None)
    own = Own(url, choosy)
    with closing(own.connection):
        own.apply(log.rows[:2])
        own.look()
        own.apply(log.rows[2:])
    assert saved(url) == {SECOND: [(1, 2), (2, 4)]}
    assert [kind for kind, *_ in parked(url)] == ["poison", "waiting"]


def test_parked_events_are_handled_in_order_once_their_handler_can(url: str) -> None:
    log = story(None, "poison", None)
    own = Own(url, choosy)
    with closing(own.connection):
        own.apply(log.rows)
    mended = Own(url)
    with closing(mended.connection):
        assert mended.retry(FIRST)
    assert saved(url) == expected(log)
    assert parked(url) == []


def test_parked_events_that_still_fail_stay_with_todays_reason(url: str) -> None:
    log = story("poison", None)
    own = Own(url, choosy)
    with closing(own.connection):
        own.apply(log.rows)
        assert own.retry(FIRST)
    assert [(kind, position, error) for kind, _, position, error in parked(url)] == [
        ("poison", 1, "ValueError: this one is not to my taste"),
        ("waiting", 3, None),
    ]
    assert rows(url, "SELECT DISTINCT attempts FROM drumbeat_consumers.parked_events") == [(1,)]
    assert saved(url) == {SECOND: [(1, 2), (2, 4)]}


def test_a_handler_that_says_later_keeps_what_came_before_and_is_asked_again(url: str) -> None:
    log = story(None, "later", None)
    own = Own(url, choosy)
    with closing(own.connection):
        assert own.apply(log.rows)[HERE].position == 2
        with pytest.raises(Later, match="the other side is away"):
            own.apply(log.rows[2:])
        assert saved(url) == {FIRST: [(1, 1)], SECOND: [(1, 2)]}
    patient = Own(url)
    with closing(patient.connection):
        patient.apply(log.rows[2:])
    assert saved(url) == expected(log)
    assert parked(url) == []


def test_one_that_was_suspended_while_another_handled_its_events_writes_nothing(url: str) -> None:
    log = story(None, None)
    asked: list[int] = []
    zombie, other = Own(url, lambda _cursor, event: asked.append(event.position)), Own(url)
    with closing(zombie.connection), closing(other.connection):
        other.apply(log.rows[:2])
        with pytest.raises(PlaceMoved):
            zombie.apply(log.rows)
        other.apply(log.rows[2:])
    assert saved(url) == expected(log)
    assert asked == []


def test_what_handlers_wrote_is_gone_when_the_place_cannot_be_moved(url: str) -> None:
    class Breaking(Kept):
        def move(self, cursor: Any, before: Places, after: Places) -> None:
            raise psycopg.OperationalError("the connection is lost")

    log = story(None, None)
    own = Own(url)
    own.applier = Applier(
        own.connection, Breaking("billing"), Reading({ContactCallEnded: save}), cannot_heal, 60.0
    )
    with closing(own.connection), pytest.raises(psycopg.OperationalError):
        own.apply(log.rows)
    assert saved(url) == {}
    assert rows(url, "SELECT * FROM drumbeat_consumers.streams") == []


def test_a_stream_that_misses_an_event_stops_there_and_all_others_flow(url: str) -> None:
    log = calls()
    lost = next(row for row in log.rows if row.position > 20)
    own = Own(url)
    with closing(own.connection):
        own.apply([row for row in log.rows if row is not lost])
    (first, *_) = stopped = parked(url)
    assert {kind for kind, *_ in stopped} == {"gap"}
    assert len({stream for _, stream, *_ in stopped}) == 1
    assert "did not come before version" in str(first[3])
    assert {k: v for k, v in saved(url).items() if k != first[1]} == {
        k: v for k, v in expected(log).items() if k != first[1]
    }


def test_an_event_that_the_topic_lost_is_fetched_from_the_log_before_its_successor(url: str) -> None:
    log = calls()
    last = len(log.rows) - 2 * len(STREAMS)  # a stream's last event has no successor that shows it missing
    own = Own(url, heal=heal_from(log))
    with closing(own.connection):
        own.apply([row for row in log.rows if row.position % 3 or row.position > last])
    assert saved(url) == expected(log)
    assert parked(url) == []


def test_a_stream_that_stopped_goes_on_when_the_log_can_be_reached(url: str) -> None:
    log = calls()
    lost = {15, 24}
    own = Own(url)
    with closing(own.connection):
        own.apply([row for row in log.rows if row.position not in lost])
        streams = {stream for _, stream, *_ in parked(url) if stream is not None}
        assert not own.retry(next(iter(streams)))
    healing = Own(url, heal=heal_from(log))
    with closing(healing.connection):
        assert all(healing.retry(stream) for stream in streams)
    assert saved(url) == expected(log)
    assert parked(url) == []


def test_what_was_parked_before_a_gap_is_kept_and_comes_first_when_the_gap_closes(url: str) -> None:
    log = ListLog()
    log.tell(FIRST, call(1), call(2, "poison"), call(3), call(4))
    own = Own(url, choosy)
    with closing(own.connection):
        own.apply([row for row in log.rows if row.position != 3])
    assert [(kind, position) for kind, _, position, _ in parked(url)] == [("poison", 2), ("gap", 4)]
    still = Own(url, choosy, heal_from(log))
    with closing(still.connection):
        assert still.retry(FIRST)
    assert [(kind, position) for kind, _, position, _ in parked(url)] == [
        ("poison", 2),
        ("waiting", 3),
        ("waiting", 4),
    ]
    mended = Own(url, heal=heal_from(log))
    with closing(mended.connection):
        assert mended.retry(FIRST)
    assert saved(url) == expected(log)
    assert parked(url) == []


def test_types_that_nobody_handles_are_passed_over_also_those_that_this_version_does_not_know(url: str) -> None:
    log = ListLog()
    log.tell(FIRST, call(1), MARK, call(2))
    strange = log.rows[1]._replace(type="contact.levitated.v1")
    own = Own(url)
    with closing(own.connection):
        own.apply([log.rows[0], strange, log.rows[2]])
    assert saved(url) == {FIRST: [(1, 1), (2, 3)]}
    assert parked(url) == []


def test_a_newer_version_of_a_handled_type_is_parked_until_drumbeat_is_newer_too(url: str) -> None:
    log = story(None, None)
    newer = log.rows[0]._replace(type="contact.call_ended.v9")
    own = Own(url)
    with closing(own.connection):
        own.apply([newer, *log.rows[1:]])
    assert [(kind, position) for kind, _, position, _ in parked(url)] == [("poison", 1), ("waiting", 3)]
    assert "unknown event type 'contact.call_ended.v9'" in str(parked(url)[0][3])
    assert saved(url) == {SECOND: [(1, 2), (2, 4)]}


def test_what_is_no_event_of_drumbeat_is_parked_and_holds_nobody_up(url: str) -> None:
    log = story(None, None)
    whole = delivery(log.rows)
    foreign = KafkaRow(2, "", b"\x00", 0, HERE, 3, "the value is no CloudEvent in JSON that names its stream")
    mixed = Delivery([*whole.rows[:2], foreign, *whole.rows[2:]], whole.reached, whole.high_water)
    own = Own(url)
    with closing(own.connection):
        own.applier.apply(mixed, own.places)
    assert saved(url) == expected(log)
    assert [(kind, stream) for kind, stream, *_ in parked(url)] == [("foreign", None)]


def test_a_handler_that_ends_the_transaction_stops_the_consumer(url: str) -> None:
    def commits(cursor: psycopg.Cursor[Any], event: ConsumedEvent[ContactCallEnded]) -> None:
        save(cursor, event)
        cursor.connection.commit()

    own = Own(url, commits)
    with closing(own.connection), pytest.raises(HandlersUnfit, match="ended the transaction"):
        own.apply(story(None).rows)
    assert rows(url, "SELECT position FROM drumbeat_consumers.places") == [(0,)]


def test_a_handler_whose_table_is_missing_stops_the_consumer_and_parks_nothing(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE calls")
    own = Own(url)
    with closing(own.connection), pytest.raises(HandlersUnfit, match='relation "calls" does not exist'):
        own.apply(story(None).rows)
    assert parked(url) == []


def test_an_event_that_breaks_a_constraint_only_at_the_commit_is_parked_alone(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE known (contact uuid PRIMARY KEY)")
        connection.execute("INSERT INTO known VALUES (%s)", [SECOND])
        connection.execute("ALTER TABLE calls ADD FOREIGN KEY (contact) REFERENCES known INITIALLY DEFERRED")
    log = story(None, None)
    own = Own(url)
    with closing(own.connection):
        while own.places[HERE].position < len(log.rows):
            own.apply(log.rows[own.places[HERE].position :])
            own.look()
        assert not own.retry(FIRST)
    assert saved(url) == {SECOND: [(1, 2), (2, 4)]}
    assert [(kind, position) for kind, _, position, _ in parked(url)] == [("poison", 1), ("waiting", 3)]


_REFUSES = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'we do not call %', NEW.contact; END$$;
CREATE CONSTRAINT TRIGGER refuses AFTER INSERT ON calls {} FOR EACH ROW
WHEN (NEW.contact = '{}' AND NEW.attempt = 2) EXECUTE FUNCTION refuse()
"""


@pytest.mark.parametrize("when", ["", "DEFERRABLE INITIALLY DEFERRED"])
def test_an_event_that_a_trigger_refuses_is_parked_and_waits_until_it_is_taken(url: str, when: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_REFUSES.format(when, FIRST).encode())
    log = story(None, None, None)
    own = Own(url)
    with closing(own.connection):
        while own.places[HERE].position < len(log.rows):
            own.apply(log.rows[own.places[HERE].position :])
            own.look()
        own.retry(FIRST)
        assert [(kind, position) for kind, _, position, _ in parked(url)] == [("poison", 3), ("waiting", 5)]
        assert str(parked(url)[0][3]).startswith(f"RaiseException: we do not call {FIRST}")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP TRIGGER refuses ON calls")
        assert own.retry(FIRST)
    assert saved(url) == expected(log)
    assert parked(url) == []


def test_a_slow_handler_commits_what_it_has_done_after_a_while(url: str) -> None:
    log = story(None, None, None)
    own = Own(url)
    own.applier = Applier(own.connection, own.kept, Reading({ContactCallEnded: save}), cannot_heal, 0.0)
    with closing(own.connection):
        assert own.apply(log.rows) == {HERE: Checkpoint(1, *_rest(log.rows[0]))}
        while own.places[HERE].position < len(log.rows):
            own.apply(log.rows[own.places[HERE].position :])
    assert saved(url) == expected(log)


def _rest(row: LogRow) -> tuple[Any, ...]:
    place = checkpoint_of(delivery([row]).rows[0])
    return place.last_event_id, place.next_offset, place.recorded_at


def test_another_number_of_partitions_is_refused_by_name(url: str) -> None:
    own = Own(url)
    with (
        closing(own.connection),
        pytest.raises(KafkaUnfit, match=r"drumbeat\.contacts has 2 partitions, and had 1 when billing first"),
    ):
        own.kept.begin(own.connection, {"drumbeat.contacts": 2, "drumbeat.campaigns": 1})
    own = Own(url)
    with closing(own.connection):
        own.kept.begin(own.connection, {"drumbeat.contacts": 1, "drumbeat.campaigns": 3})
    assert rows(url, "SELECT count(*) FROM drumbeat_consumers.places") == [(4,)]
