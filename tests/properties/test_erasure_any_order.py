"""A person is erased at any point of their history: the rows are those of a log that never knew them.

Whoever has which partition, whatever was delivered when, and whether a batch was opened before the key was gone.
"""

import random
from collections.abc import Collection, Mapping
from contextlib import closing
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.access.sealing import PersonKey
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.events import Fact
from drumbeat.events.calls import (
    ContactCallEnded,
    ContactCallOutcomeCorrected,
    ContactCallPlaced,
    ContactCallReceived,
)
from drumbeat.events.contact import ContactEnrolled, ContactErased, ContactFinished, ContactProfileChanged
from drumbeat.events.evaluations import ContactAnalysisAnswered
from drumbeat.events.values import (
    AnswerPrivate,
    CallOutcome,
    CallPrivate,
    CampaignSource,
    ContactPrivate,
    FinishOutcome,
    Priority,
)
from drumbeat.eventstore.healing import cannot_heal
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from support.calling import contacts as contact_stories
from support.calling import merged
from support.given import uid
from support.partitioned import Member, MemoryTopics
from support.postgres import TestServer
from support.projecting import ListLog, project
from support.rebuilding import summed_rows, tables_of
from support.sealing import key_of, person_of

pytestmark = pytest.mark.postgres
ALL = PROJECTIONS
PERSONAL = "Ada Lovelace of Porto"
NAMED = ContactPrivate(name=PERSONAL, phone="+351912345678", profile={"note": PERSONAL})
CHANGED = ContactProfileChanged(priority=Priority.HIGH, private=NAMED)
CORRECTED = ContactCallOutcomeCorrected(
    attempt=1, from_=CallOutcome.COMPLETED, to=CallOutcome.USER_HUNG_UP, reason="heard again"
)
ANSWERED = ContactAnalysisAnswered(
    analysis_id=uid("analysis"), conversation_id=uid("talk 1"), private=AnswerPrivate(value=PERSONAL)
)

Story = tuple[list[tuple[UUID, Fact]], set[UUID]]


def personal(fact: Fact, *, erased: bool) -> Fact:
    """The fact with something personal, as far as it is recorded."""
    if isinstance(fact, ContactEnrolled):
        return fact.model_copy(update={"private": NAMED})
    if isinstance(fact, ContactCallEnded | ContactCallReceived) and not erased:
        return fact.model_copy(update={"private": CallPrivate(summary=PERSONAL, transcript_reference=PERSONAL)})
    return fact


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Histories told together, with erasures; and which streams' persons were erased."""
    streams: list[tuple[UUID, list[Fact]]] = []
    gone: set[UUID] = set()
    for stream_id, facts, _ in draw(contact_stories(3)):
        if not facts or not isinstance(facts[0], ContactEnrolled):
            continue
        at = draw(st.none() | st.integers(1, len(facts)))
        if at is None:
            streams.append((stream_id, [personal(fact, erased=False) for fact in facts] + [CHANGED, ANSWERED]))
            continue
        gone.add(stream_id)
        before = [personal(fact, erased=False) for fact in facts[:at]]
        more = draw(st.lists(st.sampled_from([CHANGED, ANSWERED]), max_size=2))
        after = [personal(fact, erased=True) for fact in facts[at:] if not isinstance(fact, ContactProfileChanged)]
        streams.append((stream_id, [*before, *more, ContactErased(), *after]))
    return draw(merged(streams)), gone


class PerhapsErased:
    """Keys of persons who are being erased: there or gone, as chance has it, whenever they are asked for."""

    def __init__(self, gone: Collection[UUID], seed: int, *, certainly: bool = False) -> None:
        self._gone = {str(person_of(stream_id)) for stream_id in gone}
        self._chance = random.Random(seed)
        self._certainly = certainly

    def __call__(self, persons: Collection[str]) -> Mapping[str, PersonKey]:
        return {
            person: key_of(person)
            for person in sorted(persons)
            if person not in self._gone or not (self._certainly or self._chance.random() < 0.5)
        }


def told(story: list[tuple[UUID, Fact]]) -> ListLog:
    log = ListLog()
    for stream_id, fact in story:
        log.tell(stream_id, fact)
    return log


def agrees(log: ListLog, url: str, gone: Collection[UUID]) -> None:
    project(log, url, ALL, generation="from_zero", ask=PerhapsErased(gone, 0, certainly=True))
    for projection in ALL:
        assert summed_rows(url, projection, "gen_1") == summed_rows(url, projection, "from_zero"), projection.name


@pytest.mark.long
@settings(max_examples=15)
@given(
    story=stories(),
    batch_events=st.integers(1, 20),
    hot_rows=st.sampled_from([0, 50_000]),
    seed=st.integers(0, 999),
)
def test_rows_of_erased_people_are_those_of_a_rebuild_wherever_batches_end(
    postgres_server: TestServer, story: Story, batch_events: int, hot_rows: int, seed: int
) -> None:
    log, gone = told(story[0]), story[1]
    with postgres_server.fresh_database() as url:
        project(log, url, ALL, batch_events=batch_events, hot_rows=hot_rows, ask=PerhapsErased(gone, seed))
        agrees(log, url, gone)
        words = everything_in(url, "gen_1")
        assert (PERSONAL in words) == any(s not in gone for s, _ in story[0])


@pytest.mark.long
@settings(max_examples=10)
@given(
    story=stories(),
    owners=st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=4),
    batch_events=st.integers(1, 20),
    seed=st.integers(0, 999),
)
def test_the_same_holds_with_several_projectors_whose_partitions_change_hands(
    postgres_server: TestServer, story: Story, owners: list[list[bool]], batch_events: int, seed: int
) -> None:
    log, gone = told(story[0]), story[1]
    if not log.rows:
        return
    there = MemoryTopics(3)
    names = sorted(there.records)
    with postgres_server.fresh_database() as url:
        members = [Member(there, number) for number in (1, 2)]
        options = ProjectorOptions(batch_events=batch_events, poll_seconds=0.001)
        projectors = [
            Projector(member, url, ALL, options, heal=cannot_heal, ask=PerhapsErased(gone, seed + number))
            for number, member in enumerate(members)
        ]
        step = max(1, len(log.rows) // len(owners))
        for turn, firsts in enumerate([*owners, [True] * 3]):
            end = len(log.rows) if turn == len(owners) else min(len(log.rows), (turn + 1) * step)
            there.publish(log.rows[turn * step : end] or log.rows[-1:])
            mine = frozenset(name for name, first in zip(names, firsts, strict=True) if first)
            for member, projector, assigned in zip(
                members, projectors, (mine, frozenset(names) - mine), strict=True
            ):
                member.reassign(assigned)
                if assigned:
                    projector.run_until(log.rows[end - 1].position)
        agrees(log, url, gone)


@pytest.mark.parametrize("batch_events", range(1, 8))
def test_a_row_that_was_at_hand_when_it_was_rewritten_is_not_written_back(
    database_url: str, batch_events: int
) -> None:
    stream_id = uid("a contact")
    said = CallPrivate(summary=PERSONAL)
    log = told(
        [
            (stream_id, ContactEnrolled(reference="r", source=CampaignSource.API, private=NAMED)),
            (stream_id, ContactCallPlaced(attempt=1, settings_version=1)),
            (stream_id, ContactCallEnded(attempt=1, outcome=CallOutcome.COMPLETED, private=said)),
            (stream_id, ContactErased()),
            (stream_id, CORRECTED),
            (stream_id, ContactFinished(outcome=FinishOutcome.COMPLETED)),
        ]
    )
    project(log, database_url, ALL, batch_events=batch_events)
    assert PERSONAL not in everything_in(database_url, "gen_1")
    agrees(log, database_url, {stream_id})


def test_an_erasure_reaches_the_rows_of_a_stream_that_is_parked(
    database_url: str,
) -> None:
    stream_id = uid("a contact")
    log = told(
        [
            (stream_id, ContactEnrolled(reference="r", source=CampaignSource.API, private=NAMED)),
            (stream_id, CHANGED),
        ]
    )
    project(log, database_url, ALL)
    broken = log.rows[1]._replace(position=3, bytes=log.rows[1].bytes.replace(b'"high"', b"7"))
    log.rows.append(broken)
    log.versions[stream_id] += 1
    log.tell(stream_id, ContactErased())
    project(log, database_url, ALL)
    assert PERSONAL not in everything_in(database_url, "gen_1")
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        parked = connection.execute(
            "SELECT projection, position FROM readmodel.parked_events ORDER BY position, projection"
        ).fetchall()
        assert ("contacts", 4) in parked
        assert connection.execute("SELECT name, erased FROM gen_1.contact_cards").fetchall() == [(None, True)]


def everything_in(url: str, generation: str) -> str:
    """Every value of every table, as one text."""
    found: list[Any] = []
    with closing(psycopg.connect(url)) as connection:
        for projection in ALL:
            for table in tables_of(projection):
                found += connection.execute(f"SELECT t::text FROM {generation}.{table} AS t".encode()).fetchall()
    return repr(found)
