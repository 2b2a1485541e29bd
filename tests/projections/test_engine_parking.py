"""A poison event is set aside with what comes after it in its stream; everything else flows."""

from contextlib import closing
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from drumbeat.events import Fact
from drumbeat.events.contact import ContactPaused
from drumbeat.projections.engine.projector import TooManyParked
from support.postgres import TestServer
from support.projecting import CAMPAIGN, ListLog, project, rows_of
from support.toys import ENROLLED, INDIGESTIBLE, MARK, POISON, SEEN, TALLIES

pytestmark = pytest.mark.postgres
ONE, TWO = (uuid5(CAMPAIGN, name) for name in ("one", "two"))
NOTE = ContactPaused(reason="fine")


def parked(url: str) -> list[dict[str, Any]]:
    """Parked events in the log's order."""
    with closing(psycopg.connect(url, row_factory=dict_row)) as connection:
        return connection.execute("SELECT * FROM readmodel.parked_events ORDER BY position, projection").fetchall()


def tallies(url: str, schema: str = "gen_1") -> dict[UUID, int]:
    """How many events each stream's row has counted."""
    return {row["contact_id"]: row["events"] for row in rows_of(url, f"{schema}.tallies")}


@pytest.mark.parametrize("poison", [POISON, INDIGESTIBLE], ids=["a fold that raises", "a row that is refused"])
def test_a_poison_event_parks_its_stream_for_the_projection_that_chokes_and_nothing_else(
    database_url: str, poison: Fact
) -> None:
    log = ListLog()
    for facts in ([ENROLLED], [NOTE, poison], [MARK], [NOTE]):
        log.tell(ONE, *facts)
        log.tell(TWO, *[fact for fact in facts if fact is not poison])
    projector = project(log, database_url, [TALLIES, SEEN])
    assert tallies(database_url) == {ONE: 2, TWO: 4}
    assert len(rows_of(database_url, "gen_1.seen")) == len(log.rows)
    rows = parked(database_url)
    assert [(row["projection"], row["position"], row["stream_id"]) for row in rows] == [
        ("tallies", 4, ONE),
        ("tallies", 6, ONE),
        ("tallies", 8, ONE),
    ]
    assert [row["error"] is None for row in rows] == [False, True, True]
    assert bytes(rows[0]["bytes"]) == log.rows[3].bytes
    assert projector.stats.parked == 3
    assert "tallies parked position 4" in str(projector.stats.last_error)


def test_later_events_of_a_parked_stream_wait_after_a_restart_too(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON)
    project(log, database_url, [TALLIES, SEEN])
    log.tell(ONE, MARK)
    log.tell(TWO, ENROLLED)
    project(log, database_url, [TALLIES, SEEN])
    assert [row["position"] for row in parked(database_url)] == [2, 3]
    assert tallies(database_url) == {ONE: 1, TWO: 1}


def test_bytes_that_are_no_event_park_their_stream_for_everybody_who_looks_at_the_type(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED)
    log.tell_raw("contact.paused.v1", b'{"subject": "%s", "data": 7}' % str(ONE).encode())
    log.tell_raw("contact.paused.v1", b"\x00 no json at all")
    log.tell(ONE, MARK)
    log.tell(TWO, ENROLLED)
    project(log, database_url, [TALLIES, SEEN])
    rows = parked(database_url)
    assert [(row["position"], row["projection"], row["stream_id"]) for row in rows] == [
        (2, "seen", ONE),
        (2, "tallies", ONE),
        (3, "*", None),
        (4, "seen", ONE),
        (4, "tallies", ONE),
    ]
    assert "malformed event of type 'contact.paused.v1'" in rows[0]["error"]
    assert tallies(database_url) == {ONE: 1, TWO: 1}


def test_an_unknown_type_is_parked_by_name_and_never_passed_over(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED)
    log.tell_raw("contact.paused.v9", b'{"subject": "%s"}' % str(ONE).encode())
    log.tell_raw("contact.paused.v9", b"{}")
    project(log, database_url, [TALLIES, SEEN])
    rows = parked(database_url)
    assert [(row["projection"], row["kind"]) for row in rows] == [
        ("seen", "poison"),
        ("tallies", "poison"),
        ("*", "foreign"),
    ]
    assert all("unknown event type 'contact.paused.v9'" in row["error"] for row in rows)


def test_a_limit_stops_the_projector_and_says_why(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON, MARK, MARK)
    log.tell(TWO, ENROLLED)
    with pytest.raises(TooManyParked, match=r"3 events are parked, the limit is 2; last: .*not to my taste"):
        project(log, database_url, [TALLIES, SEEN], parked_limit_events=2)
    with pytest.raises(TooManyParked, match="3 events are parked"):
        project(log, database_url, [TALLIES, SEEN], parked_limit_events=2)
    project(log, database_url, [TALLIES, SEEN], parked_limit_events=3)
    assert tallies(database_url)[TWO] == 1


def test_a_missing_table_is_no_fault_of_the_events_and_parks_none(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED)
    project(log, database_url, [TALLIES, SEEN])
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        connection.execute("ALTER TABLE gen_1.marks RENAME TO marks_of_old")
    log.tell(ONE, MARK)
    with pytest.raises(Exception, match="table marks has"):
        project(log, database_url, [TALLIES, SEEN])
    assert parked(database_url) == []
    assert tallies(database_url) == {ONE: 1}


streams = st.sampled_from([uuid5(CAMPAIGN, str(number)) for number in range(5)])
facts = st.sampled_from([NOTE, MARK, NOTE, MARK, POISON, INDIGESTIBLE])


@pytest.mark.long
@settings(max_examples=10)
@given(told=st.lists(st.tuples(streams, facts), max_size=40), batch_events=st.integers(1, 20))
def test_wherever_poison_stands_each_stream_counts_up_to_it_and_waits_from_there(
    postgres_server: TestServer, told: list[tuple[UUID, Fact]], batch_events: int
) -> None:
    log = ListLog()
    expected: dict[UUID, int] = {}
    waiting: set[UUID] = set()
    enrolment = [(stream_id, ENROLLED) for stream_id in dict.fromkeys(stream_id for stream_id, _ in told)]
    held = []
    for stream_id, fact in (*enrolment, *told):
        position = log.tell(stream_id, fact)
        if fact in (POISON, INDIGESTIBLE) or stream_id in waiting:
            waiting.add(stream_id)
            held.append(position)
        else:
            expected[stream_id] = expected.get(stream_id, 0) + 1
    with postgres_server.fresh_database() as url:
        project(log, url, [TALLIES, SEEN], batch_events=batch_events)
        assert tallies(url) == expected
        assert [row["position"] for row in parked(url)] == held
        assert len(rows_of(url, "gen_1.seen")) == len(log.rows)
        counts = {row["what"]: row["value"] for row in rows_of(url, "gen_1.toy_counters")}
        assert counts.get("events", 0) == sum(expected.values())
