"""A projector that ends while it tries parked events again loses none and applies none twice."""

from contextlib import closing
from typing import Any
from uuid import uuid5

import psycopg
import pytest

from drumbeat.projections.engine.projector import ProjectorOptions
from support.fragile import FragileProjector, Fuse, Killed
from support.lossy import LossyTopic
from support.projecting import CAMPAIGN, ListLog, project, rows_of
from support.sealing import KEYS
from support.toys import ENROLLED, MARK, POISON, SEEN, TABLES, TALLIES, cured

pytestmark = pytest.mark.postgres
ONE, TWO = (uuid5(CAMPAIGN, name) for name in ("one", "two"))


def everything(url: str, generation: str) -> list[list[dict[str, Any]]]:
    """Every row of a generation; a counter that is zero is as good as absent, and shards are summed when read."""
    tables = [rows_of(url, f"{generation}.{table}", ["shard"]) for table in TABLES]
    return [[row for row in rows if row.get("value") != 0] for rows in tables]


def waiting(url: str, generation: str) -> int:
    with closing(psycopg.connect(url)) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM readmodel.parked_events WHERE generation = %s", [generation]
        ).fetchone() or (0,)
    return int(count)


def mark(url: str, generation: str) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(
            "UPDATE readmodel.parked_events SET retry_at = now() WHERE generation = %s", [generation]
        )


def fragile(source: Any, url: str, generation: str, fuse: Fuse, heal: Any = None) -> FragileProjector:
    """A projector that tries again as soon as it begins, because nothing at all may be parked."""
    options = ProjectorOptions(generation=generation, poll_seconds=0.01, parked_limit_events=0)
    projector = FragileProjector(source, url, [TALLIES, SEEN], options, heal=heal, ask=KEYS)
    projector.fuse = fuse
    return projector


def statements_of_a_start(source: Any, url: str, heal: Any = None) -> int:
    """How many statements a projector makes that has nothing to do: a kill in them is no matter of a retry."""
    fuse = Fuse(0, after=False, blow=Killed)
    fragile(source, url, "counting", fuse, heal).run_until(0)
    return fuse.statements


@pytest.mark.long
def test_a_kill_at_any_statement_of_a_retry_loses_and_doubles_nothing(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON, MARK, POISON, MARK)
    log.tell(TWO, ENROLLED, POISON)
    end = len(log.rows)

    def parked_as(generation: str) -> None:
        project(log, database_url, [TALLIES, SEEN], generation=generation)
        assert waiting(database_url, generation) == 5
        mark(database_url, generation)

    parked_as("counting")
    with cured():
        project(log, database_url, [TALLIES, SEEN], generation="whole")
        unhurt = Fuse(0, after=False, blow=Killed)
        fragile(log, database_url, "counting", unhurt).run_until(end)
    assert everything(database_url, "counting") == everything(database_url, "whole")
    assert unhurt.statements > 25
    for at in range(statements_of_a_start(log, database_url), unhurt.statements + 1):
        generation = f"killed_{at}"
        parked_as(generation)
        with cured():
            fuse = Fuse(at, after=at % 2 == 0, blow=Killed)
            with pytest.raises(Killed):
                fragile(log, database_url, generation, fuse).run_until(end)
            fragile(log, database_url, generation, Fuse(0, after=False, blow=Killed)).run_until(end)
        assert waiting(database_url, generation) == 0, f"killed at statement {at}"
        assert everything(database_url, generation) == everything(database_url, "whole"), f"killed at {at}"


@pytest.mark.long
def test_a_kill_at_any_statement_of_closing_a_gap_loses_and_doubles_nothing(database_url: str) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON, MARK, MARK, MARK)
    end = len(log.rows)

    def parked_as(generation: str) -> LossyTopic:
        topic = LossyTopic(log, lost={3, 4})
        options = ProjectorOptions(generation=generation, poll_seconds=0.01, retry_look_seconds=0.01)
        projector = FragileProjector(topic, database_url, [TALLIES, SEEN], options, heal=topic.heal, ask=KEYS)
        projector.fuse = Fuse(0, after=False, blow=Killed)
        projector.run_until(end)
        assert waiting(database_url, generation) == 3
        mark(database_url, generation)
        topic.log_is_reachable = True
        return topic

    with cured():
        project(log, database_url, [TALLIES, SEEN], generation="whole")
    topic = parked_as("counting")
    with cured():
        unhurt = Fuse(0, after=False, blow=Killed)
        fragile(topic, database_url, "counting", unhurt, topic.heal).run_until(end)
    assert everything(database_url, "counting") == everything(database_url, "whole")
    for at in range(statements_of_a_start(topic, database_url, topic.heal), unhurt.statements + 1):
        generation = f"killed_{at}"
        topic = parked_as(generation)
        with cured():
            fuse = Fuse(at, after=at % 2 == 0, blow=Killed)
            with pytest.raises(Killed):
                fragile(topic, database_url, generation, fuse, topic.heal).run_until(end)
            last = Fuse(0, after=False, blow=Killed)
            fragile(topic, database_url, generation, last, topic.heal).run_until(end)
        assert waiting(database_url, generation) == 0, f"killed at statement {at}"
        assert everything(database_url, generation) == everything(database_url, "whole"), f"killed at {at}"
