"""Rebuilds where some event cannot be applied, and where the definition has changed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from drumbeat.access.person_keys import AskKeys
from drumbeat.projections.engine import Entity, Projection
from drumbeat.projections.rebuild.feeds import outdated
from drumbeat.projections.rebuild.generations import State
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.projections.rebuild.renewal import renew
from drumbeat.projections.rebuild.slices import SliceFold
from drumbeat.projections.rebuild.workbench import RebuildRefused
from support.given import uid
from support.projecting import ListLog, into_ledger, project, rows_of
from support.rebuilding import all_rows
from support.sealing import KEYS
from support.toys import ENROLLED, FORGET, INDIGESTIBLE, MARK, POISON, SEEN, TALLIES, TALLY

pytestmark = pytest.mark.postgres
BOTH = [TALLIES, SEEN]
ONE, TWO, THREE = uid("one"), uid("two"), uid("three")


@contextmanager
def keys() -> Iterator[AskKeys]:
    yield KEYS


def rebuild_of(url: str, known: Sequence[Projection] = BOTH) -> Rebuild:
    return Rebuild(url, url, lambda: known, keys, events_a_slice=4, sleep=lambda _seconds: None)


def parked(url: str, generation: str) -> list[tuple[Any, ...]]:
    rows = rows_of(url, "readmodel.parked_events")
    found = [row for row in rows if row["generation"] == generation]
    return sorted((row["position"], row["projection"], row["kind"], row["error"] is None) for row in found)


@pytest.mark.parametrize("bad", [POISON, INDIGESTIBLE])
def test_what_was_poison_is_set_aside_as_it_was_by_the_projector_and_everything_else_flows(
    database_url: str, bad: Any
) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, bad, MARK, FORGET)
    log.tell(TWO, ENROLLED, MARK)
    log.tell(THREE, ENROLLED, MARK, FORGET)
    log.tell(TWO, MARK, bad, MARK)
    into_ledger(log, database_url)
    project(log, database_url, BOTH)
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(rebuild.names)
    rebuild.build(generation)
    for projection in BOTH:
        assert all_rows(database_url, projection, generation) == all_rows(database_url, projection, "gen_1")
    assert parked(database_url, generation) == parked(database_url, "gen_1")
    assert len(parked(database_url, generation)) >= 2
    assert not any(one.differs for one in rebuild.compare(generation))


def test_a_stream_whose_row_is_refused_is_found_among_many_and_all_others_are_copied_together(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = ListLog()
    streams = [uid(f"contact {number}") for number in range(40)]
    refused = []
    for number, stream in enumerate(streams):
        log.tell(stream, ENROLLED, MARK)
        if number in {7, 31}:
            refused.append(log.tell(stream, INDIGESTIBLE))
    log.tell(streams[39], INDIGESTIBLE, FORGET)  # gone in the end: nothing of it is to be set aside
    into_ledger(log, database_url)
    alone: set[Any] = set()
    apply_alone = SliceFold._apply_alone

    def seen(fold: SliceFold, cursor: Any, item: Any) -> None:
        alone.add(item[1].stream_id)
        apply_alone(fold, cursor, item)

    monkeypatch.setattr(SliceFold, "_apply_alone", seen)
    rebuild = rebuild_of(database_url, [TALLIES])
    generation = rebuild.begin(rebuild.names)
    rebuild.build(generation)
    assert alone == {streams[7], streams[31]}
    assert [position for position, *_ in parked(database_url, generation)] == refused
    rows = {row["contact_id"]: row["events"] for row in rows_of(database_url, f"{generation}.tallies")}
    assert rows == dict.fromkeys(streams[:39], 2)


def twice(fold: Any) -> Any:
    """The fold of another definition: it counts every event two times."""

    def folded(row: Any, event: Any, at: int) -> Any:
        before = 0 if row is None else row.events
        after = fold(row, event, at)
        if after is not None:
            after.events = before + 2
        return after

    return folded


def changed(version: int = 2) -> Projection:
    entity: Entity[Any] = replace(TALLY, folds={fact: twice(fold) for fact, fold in TALLY.folds.items()})
    return replace(
        TALLIES,
        version=version,
        entities=(entity,),
        measures=tuple(replace(one, of=entity) for one in TALLIES.measures),
        derived=tuple(replace(one, of=entity) for one in TALLIES.derived),
    )


@pytest.fixture
def told(database_url: str) -> ListLog:
    log = ListLog()
    log.tell(ONE, ENROLLED, MARK, MARK)
    log.tell(TWO, ENROLLED, MARK)
    into_ledger(log, database_url)
    project(log, database_url, BOTH)
    return log


def test_a_changed_definition_is_made_anew_and_what_it_changed_is_told(told: ListLog, database_url: str) -> None:
    rebuild = rebuild_of(database_url, [changed(), SEEN])
    assert [p.name for p in outdated(rebuild.held(), rebuild.projections)] == ["tallies"]
    generation = renew(rebuild, do=True)
    assert generation is not None
    assert {row["events"] for row in rows_of(database_url, "tallies")} == {4, 6}
    (tallies, *_) = rebuild.compared(generation) or []
    assert (tallies.changed, tallies.same, tallies.columns) == (2, 0, {"events": 2})
    assert renew(rebuild, do=True) is None


def test_a_changed_definition_waits_for_a_person_where_the_setting_says_so(
    told: ListLog, database_url: str
) -> None:
    rebuild = rebuild_of(database_url, [changed(), SEEN])
    before = rows_of(database_url, "tallies")
    assert renew(rebuild, do=False) is None
    assert rows_of(database_url, "tallies") == before
    assert {one.state for one in rebuild.held()} == {State.LIVE}


def test_rows_of_another_definition_cannot_come_back(told: ListLog, database_url: str) -> None:
    rebuild = rebuild_of(database_url, [changed(), SEEN])
    renew(rebuild, do=True)
    with pytest.raises(RebuildRefused, match="other definitions"):
        rebuild.roll_back(["tallies"])


def test_a_definition_that_raises_on_everything_leaves_the_live_rows_as_they_are(
    told: ListLog, database_url: str
) -> None:
    def refuses(_row: Any, _event: Any, _at: int) -> Any:
        raise ZeroDivisionError

    broken: Entity[Any] = replace(TALLY, folds=dict.fromkeys(TALLY.folds, refuses))
    rebuild = rebuild_of(database_url, [replace(TALLIES, entities=(broken,), measures=(), derived=()), SEEN])
    generation = rebuild.begin(["tallies"])
    rebuild.build(generation)
    assert len(parked(database_url, generation)) == 5
    (tallies, *_) = rebuild.compare(generation)
    assert (tallies.gone, tallies.same) == (2, 0)
    assert {row["events"] for row in rows_of(database_url, "tallies")} == {2, 3}
