"""A package's read models are fed beside Drumbeat's own, and what is wrong with them stops nobody else."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import psycopg
import pytest

from drumbeat.access.person_keys import AskKeys
from drumbeat.projections.engine.projector import Projector, ProjectorOptions, TooManyParked
from drumbeat.projections.rebuild.feeds import Fed, Feeds, install_new, unbuilt
from drumbeat.projections.rebuild.generations import State
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.projections.rebuild.renewal import packages, renew, renew_package
from drumbeat.transport.source import LogSource
from support.given import uid
from support.machine import until
from support.projecting import ListLog, into_ledger
from support.sealing import KEYS
from support.toys import ENROLLED, MARK, SEEN, TALLIES

pytestmark = pytest.mark.postgres

OWN = replace(TALLIES, package="toys")
BOTH = (SEEN, OWN)


@contextmanager
def keys() -> Iterator[AskKeys]:
    yield KEYS


def rebuild_of(url: str) -> Rebuild:
    return Rebuild(url, url, lambda: BOTH, keys, sleep=lambda _seconds: None)


def told(url: str, log: ListLog, *facts: object) -> int:
    """More of the log, in the ledger too; the last position."""
    first = len(log.rows)
    position = log.tell(uid("one"), *facts)  # type: ignore[arg-type]
    into_ledger(ListLog(log.rows[first:]), url)
    return position


def positions(url: str) -> dict[str, int]:
    with closing(psycopg.connect(url)) as connection:
        return dict(connection.execute("SELECT projection, position FROM readmodel.live_checkpoints").fetchall())


@contextmanager
def feeding(url: str, breaks: str) -> Iterator[list[BaseException]]:
    """A process's feeds, meanwhile; the projector of one projection cannot go on. What stopped them all."""

    @contextmanager
    def opened(fed: Fed, _stop: threading.Event) -> Iterator[Projector]:
        if breaks in {projection.name for projection in fed.projections}:
            raise TooManyParked("1001 events are parked, the limit is 1000")
        options = ProjectorOptions(generation=fed.generation, installs=False, poll_seconds=0.01)
        with closing(LogSource(url)) as source:
            yield Projector(source, url, fed.projections, options, ask=KEYS)

    stop, stopped = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            Feeds(url, BOTH, opened).run(stop)
        except TooManyParked as error:
            stopped.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stopped
    finally:
        stop.set()
        thread.join(20)


@pytest.fixture
def log(database_url: str) -> ListLog:
    """A log of two events, with the package's read model built from it."""
    made = ListLog()
    told(database_url, made, ENROLLED, MARK)
    install_new(database_url, BOTH)
    assert renew_package(rebuild_of(database_url), "toys", do=True) == "gen_2"
    return made


def test_what_is_new_in_a_package_is_built_in_a_generation_of_its_own(log: ListLog, database_url: str) -> None:
    work = rebuild_of(database_url)
    held = {(one.projection, one.generation, one.state, one.package, one.position) for one in work.held()}
    assert held == {("seen", "gen_1", State.LIVE, None, 0), ("tallies", "gen_2", State.LIVE, "toys", 2)}
    assert unbuilt(work.held(), BOTH) == ()
    assert (renew(work, do=True), renew_package(work, "toys", do=True), packages(work)) == (None, None, ("toys",))


def test_a_build_of_a_package_that_was_ended_goes_on(database_url: str) -> None:
    told(database_url, ListLog(), ENROLLED, MARK)
    install_new(database_url, BOTH)
    work = rebuild_of(database_url)
    generation = work.begin(["tallies"])
    assert [one.name for one in unbuilt(work.held(), BOTH)] == ["tallies"]
    assert renew_package(work, "toys", do=True) == generation


def test_what_is_new_waits_for_a_person_where_the_setting_says_so(database_url: str) -> None:
    install_new(database_url, BOTH)
    work = rebuild_of(database_url)
    assert renew_package(work, "toys", do=False) is None
    assert {one.projection for one in work.held()} == {"seen"}


def test_a_package_that_cannot_be_fed_is_given_up_and_all_else_is_fed(log: ListLog, database_url: str) -> None:
    with feeding(database_url, breaks="tallies") as stopped:
        position = told(database_url, log, MARK)
        assert until(lambda: positions(database_url)["seen"] == position)
        assert positions(database_url)["tallies"] == position - 1
        assert stopped == []


def test_what_drumbeat_itself_shows_is_not_given_up(log: ListLog, database_url: str) -> None:
    with feeding(database_url, breaks="seen") as stopped:
        assert until(lambda: bool(stopped))
