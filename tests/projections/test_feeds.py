"""Every generation is fed while it is there, and none comes back that was dropped."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from drumbeat.access.person_keys import AskKeys
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.projections.rebuild.feeds import Fed, Feeds
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.transport.source import LogSource
from support.given import uid
from support.machine import until
from support.projecting import ListLog, into_ledger
from support.sealing import KEYS
from support.toys import ENROLLED, MARK, SEEN, TALLIES

pytestmark = pytest.mark.postgres
BOTH = (TALLIES, SEEN)


@contextmanager
def keys() -> Iterator[AskKeys]:
    yield KEYS


@contextmanager
def feeding(url: str) -> Iterator[threading.Thread]:
    """A process's feeds, meanwhile; it ends well."""

    @contextmanager
    def opened(fed: Fed, _stop: threading.Event) -> Iterator[Projector]:
        options = ProjectorOptions(generation=fed.generation, installs=False, poll_seconds=0.01)
        with closing(LogSource(url)) as source:
            yield Projector(source, url, fed.projections, options, ask=KEYS)

    stop, failed = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            Feeds(url, BOTH, opened).run(stop)
        except BaseException as error:  # noqa: BLE001  told below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(20)
    assert failed == []


def places(url: str) -> dict[str, set[int]]:
    """Where the projections of each generation stand."""
    with closing(psycopg.connect(url)) as connection:
        found: dict[str, set[int]] = {}
        for generation, position in connection.execute("SELECT generation, position FROM readmodel.checkpoints"):
            found.setdefault(generation, set()).add(position)
        return found


def more(log: ListLog, url: str, *facts: Any) -> int:
    """Tell more, in the ledger too; the last position."""
    first = len(log.rows)
    position = log.tell(uid("one"), *facts)
    into_ledger(ListLog(log.rows[first:]), url)
    return position


def test_what_is_live_built_and_kept_is_fed_and_what_was_dropped_does_not_come_back(database_url: str) -> None:
    log = ListLog()
    more(log, database_url, ENROLLED, MARK)
    rebuild = Rebuild(database_url, database_url, lambda: BOTH, keys)
    with feeding(database_url) as thread:
        assert until(lambda: places(database_url) == {"gen_1": {2}})
        generation = rebuild.begin(rebuild.names)
        rebuild.build(generation)
        rebuild.keep_up_to_date(generation)
        assert more(log, database_url, MARK) == 3
        assert until(lambda: places(database_url) == {"gen_1": {3}, generation: {3}})
        rebuild.go_live(generation)
        rebuild.roll_back(rebuild.names)
        rebuild.go_live(generation)
        assert more(log, database_url, MARK) == 4
        assert until(lambda: places(database_url) == {"gen_1": {4}, generation: {4}})
        rebuild.drop("gen_1")
        for position in (5, 6):
            assert more(log, database_url, MARK) == position
            assert until(lambda: places(database_url) == {generation: {position}})  # noqa: B023  asked at once
        assert thread.is_alive()
    assert {one.generation for one in rebuild.held()} == {generation}
