"""A consumer of one's own whose topic loses records, whose log is away at times and whose handlers fail."""

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drumbeat.transport.consuming import ConsumedEvent, Later
from drumbeat.transport.source import LogRow
from support.own_consumers import HERE, Own, call, expected, heal_from, make_table, parked, save, saved
from support.postgres import TestServer
from support.projecting import CAMPAIGN, ListLog
from support.toys import MARK

pytestmark = pytest.mark.postgres
PEOPLE = [uuid5(CAMPAIGN, f"person {n}") for n in range(4)]


@pytest.mark.long
@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.booleans()), min_size=8, max_size=30),
    st.sets(st.integers(1, 30)),
    st.lists(st.sampled_from(["well", "poison", "later", "cut"]), max_size=40),
    st.lists(st.integers(1, 9), min_size=1),
    st.lists(st.booleans(), max_size=20),
)
# A poisoned event with a gap behind it, which closes when the log is back.
@example([(0, True)] * 4, {3}, ["poison", "well"] * 2, [9], [True])
def test_whatever_fails_each_call_is_saved_once_and_in_order(
    postgres_server: TestServer,
    told: list[tuple[int, bool]],
    lost: set[int],
    moods: list[str],
    sizes: list[int],
    outages: list[bool],
) -> None:
    log = ListLog()
    for person, is_call in told:
        log.tell(PEOPLE[person], call(log.versions.get(PEOPLE[person], 0)) if is_call else MARK)
    last = {row.bytes[75:111]: row.position for row in log.rows}
    there = [row for row in log.rows if row.position not in lost or row.position in last.values()]
    moods, outages = list(moods), list(outages)

    def moody(cursor: psycopg.Cursor[Any], event: ConsumedEvent[Any]) -> None:
        save(cursor, event)
        match moods.pop() if moods else "well":
            case "poison":
                raise ValueError("not to my taste")
            case "later":
                raise Later("not now")
            case "cut":
                cursor.connection.close()
                raise psycopg.OperationalError("the connection is lost")

    def heal(missing: Mapping[UUID, tuple[int, int]]) -> Mapping[UUID, Sequence[LogRow]] | None:
        return None if outages and outages.pop() else heal_from(log)(missing)

    with postgres_server.fresh_database() as url:
        make_table(url)
        turn = 0
        while True:
            # Each round is a process that begins anew, at the place that the one before has left.
            with closing((own := Own(url, moody, heal)).connection), suppress(Later, psycopg.Error):
                left = [row for row in there if row.position > own.places[HERE].position]
                if not left and not parked(url):
                    break
                if left:
                    own.apply(left[: sizes[turn % len(sizes)]])
                else:
                    own.retry(next(stream for _, stream, *_ in parked(url) if stream is not None))
            turn += 1
            assert turn < 500
        assert saved(url) == expected(log)
