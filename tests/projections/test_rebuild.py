"""Read models made anew from the log: the rows of the live ones, in any number of slices, whatever fails."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from drumbeat.access.person_keys import AskKeys
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.eventstore.embedded.logins import login_url
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine import Projection
from drumbeat.projections.rebuild import comparing, cutting
from drumbeat.projections.rebuild.feeds import wanted
from drumbeat.projections.rebuild.generations import State
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.projections.rebuild.slices import SliceCancelled, SliceFold
from drumbeat.projections.rebuild.workbench import RebuildRefused
from drumbeat.projections.rebuild.workers import Throttle
from drumbeat.transport.source import LogRewound
from support.projecting import ListLog, into_ledger, project, rows_of
from support.rebuilding import all_rows
from support.sealing import KEYS
from support.story import tell_story

pytestmark = pytest.mark.postgres


@contextmanager
def keys() -> Iterator[AskKeys]:
    yield KEYS


@pytest.fixture
def log(database_url: str) -> ListLog:
    """A history of several campaigns, in the ledger and in the live read models."""
    told = ListLog()
    tell_story(told)
    into_ledger(told, database_url)
    project(told, database_url, PROJECTIONS)
    return told


def rebuild_of(url: str, known: Sequence[Projection] = PROJECTIONS, **options: Any) -> Rebuild:
    return Rebuild(
        url, url, lambda: known, keys, **{"events_a_slice": 100, "sleep": lambda _seconds: None, **options}
    )


def executed(url: str, statement: str, arguments: Any = None) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        cursor = connection.execute(statement.encode(), arguments)
        return cursor.fetchall() if cursor.description else []


def states(rebuild: Rebuild) -> dict[tuple[str, str], str]:
    return {(one.projection, one.generation): one.state.value for one in rebuild.held()}


def index_names(url: str, generation: str) -> list[str]:
    found = executed(url, "SELECT indexname FROM pg_indexes WHERE schemaname = %s ORDER BY 1", [generation])
    return [name for (name,) in found]


@pytest.mark.parametrize(("events_a_slice", "events_a_piece"), [(40, 10_000), (10_000, 10_000), (10_000, 7)])
def test_rows_made_anew_are_the_live_ones_with_the_same_keys_and_indexes(
    log: ListLog,
    database_url: str,
    events_a_slice: int,
    events_a_piece: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cutting, "EVENTS_A_PIECE", events_a_piece)
    rebuild = rebuild_of(database_url, events_a_slice=events_a_slice)
    generation = rebuild.begin(rebuild.names)
    rebuild.build(generation)
    differences = rebuild.compare(generation)
    assert [one.table for one in differences if one.differs] == []
    assert sum(one.same for one in differences) > 200
    for projection in PROJECTIONS:
        assert all_rows(database_url, projection, generation) == all_rows(database_url, projection, "gen_1")
    assert index_names(database_url, generation) == index_names(database_url, "gen_1")


def test_the_login_that_projects_makes_generations_anew_and_no_other_schema(
    log: ListLog, database_url: str
) -> None:
    url = login_url(database_url, "rebuilding", {Role.READ, Role.PROJECT})
    rebuild = rebuild_of(url)
    generation = rebuild.begin(["activity"])
    rebuild.build(generation)
    assert not any(one.differs for one in rebuild.compare(generation))
    rebuild.go_live(generation)
    rebuild.drop("gen_1")
    with closing(psycopg.connect(url, options="-c role=drumbeat_project", autocommit=True)) as connection:
        for statement in ("CREATE SCHEMA other", "SELECT readmodel.make_generation('other')"):
            with pytest.raises(psycopg.errors.Error, match=r"permission denied|no name of a generation"):
                connection.execute(statement.encode())


def test_readers_see_what_went_live_and_what_was_before_is_kept_and_can_come_back(
    log: ListLog, database_url: str
) -> None:
    rebuild = rebuild_of(database_url)
    before = rows_of(database_url, "activity")
    generation = rebuild.begin(["activity"])
    rebuild.build(generation)
    executed(database_url, f"UPDATE {generation}.activity SET actor = 'made anew'")
    rebuild.go_live(generation)
    assert {row["actor"] for row in rows_of(database_url, "activity")} == {"made anew"}
    assert states(rebuild)["activity", "gen_1"] == State.KEPT
    assert states(rebuild)["activity", generation] == State.LIVE
    rebuild.roll_back(["activity"])
    assert rows_of(database_url, "activity") == before
    assert states(rebuild)["activity", generation] == State.KEPT
    rebuild.drop(generation)
    assert ("activity", generation) not in states(rebuild)
    assert executed(database_url, "SELECT to_regnamespace(%s) IS NULL", [generation]) == [(True,)]


def test_after_a_rollback_rows_and_counters_are_those_of_all_events_that_came_meanwhile(
    database_url: str,
) -> None:
    told = ListLog()
    tell_story(told)
    later = ListLog(told.rows[-150:])
    told.rows = told.rows[:-150]
    into_ledger(told, database_url)
    project(told, database_url, PROJECTIONS)
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(rebuild.names)
    rebuild.build(generation)
    rebuild.go_live(generation)
    into_ledger(later, database_url)
    told.rows = told.rows + later.rows
    # Whoever feeds what is read feeds what is kept too (tests/projections/test_feeds.py).
    for fed in wanted(rebuild.held(), PROJECTIONS):
        project(told, database_url, fed.projections, generation=fed.generation)
    live = [all_rows(database_url, projection, generation) for projection in PROJECTIONS]
    rebuild.roll_back(rebuild.names)
    assert [all_rows(database_url, projection, "gen_1") for projection in PROJECTIONS] == live
    assert {one.position for one in rebuild.held()} == {told.rows[-1].position}
    assert not any(one.differs for one in rebuild.compare(generation))
    assert not any(one.differs for one in rebuild.verify(rebuild.names))
    assert {one.state for one in rebuild.held() if one.generation == "gen_1"} == {State.LIVE}


def test_who_cancels_what_another_builds_finds_it_taken_away(
    log: ListLog, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild = rebuild_of(database_url, events_a_slice=40)
    generation = rebuild.begin(rebuild.names)
    run = SliceFold.run

    def cancelled_meanwhile(fold: Any, one: Any) -> int:
        if one.number == 2:
            rebuild_of(database_url).cancel(generation)
            assert index_names(database_url, generation) != []
        return run(fold, one)

    monkeypatch.setattr(SliceFold, "run", cancelled_meanwhile)
    with pytest.raises(SliceCancelled):
        rebuild.build(generation)
    assert executed(database_url, "SELECT to_regnamespace(%s) IS NULL", [generation]) == [(True,)]
    assert {one.generation for one in rebuild.held()} == {"gen_1"}


def test_what_is_compared_is_not_fed_meanwhile_and_stays_what_it_is(
    log: ListLog, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(rebuild.names)
    rebuild.build(generation)
    rebuild.keep_up_to_date(generation)
    seen: list[set[str]] = []

    def look(*_: Any, **__: Any) -> list[comparing.TableDifference]:
        seen.append({one.generation for one in wanted(rebuild.held(), PROJECTIONS)})
        return []

    monkeypatch.setattr(comparing, "compare", look)
    rebuild.compare(generation)
    assert seen == [{"gen_1"}]
    assert {one.state for one in rebuild.held() if one.generation == generation} == {State.BUILT}
    assert {one.generation for one in wanted(rebuild.held(), PROJECTIONS)} == {"gen_1", generation}


def test_those_that_sum_the_rows_of_others_are_rebuilt_with_them(log: ListLog, database_url: str) -> None:
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(["dashboard"])
    names = {name for name, where in states(rebuild) if where == generation}
    assert names == {"contacts", "attempts", "dashboard", "heatmap"}
    rebuild.build(generation)
    assert not any(one.differs for one in rebuild.compare(generation))
    rebuild.go_live(generation)
    assert {states(rebuild)[name, generation] for name in names} == {State.LIVE}


def test_what_comes_after_the_mark_is_applied_before_both_are_compared(log: ListLog, database_url: str) -> None:
    half = log.rows[: len(log.rows) // 2]
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(rebuild.names)
    executed(database_url, "UPDATE readmodel.builds SET mark = %s", [half[-1].position])
    rebuild.build(generation)
    assert not any(one.differs for one in rebuild.compare(generation))
    assert {one.position for one in rebuild.held() if one.generation == generation} == {log.rows[-1].position}


def test_a_difference_is_found_and_told_by_row_column_and_campaign(log: ListLog, database_url: str) -> None:
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(["contacts"])
    rebuild.build(generation)
    executed(
        database_url,
        f"UPDATE {generation}.contacts SET attempts = attempts + 1"
        f" WHERE contact_id = (SELECT min(contact_id::text)::uuid FROM {generation}.contacts)",
    )
    executed(
        database_url,
        f"DELETE FROM {generation}.contacts WHERE contact_id = (SELECT max(contact_id::text)::uuid"
        f" FROM {generation}.contacts)",
    )
    (contacts,) = (one for one in rebuild.compare(generation) if one.table == "contacts")
    assert (contacts.changed, contacts.gone, contacts.appeared) == (1, 1, 0)
    assert contacts.columns == {"attempts": 1}
    assert sum(contacts.campaigns.values()) == 2
    changed = next(one for one in contacts.samples if one.before and one.after)
    assert changed.before is not None
    assert changed.after is not None
    assert changed.after["attempts"] == changed.before["attempts"] + 1
    assert set(changed.key) == {"workspace_id", "campaign_id", "contact_id"}


def test_a_build_that_was_killed_goes_on_with_the_slices_that_are_left(
    log: ListLog, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuild = rebuild_of(database_url, events_a_slice=40)
    generation = rebuild.begin(rebuild.names)
    folded = _killed_after(monkeypatch, slices=2)
    with pytest.raises(KeyboardInterrupt):
        rebuild.build(generation)
    assert len(folded) == 2
    assert rebuild.progress()[0].slices_done == 2
    monkeypatch.undo()
    again = rebuild_of(database_url, events_a_slice=40)
    assert again.begin(again.names) == generation
    again.build(generation)
    assert not any(one.differs for one in again.compare(generation))


def _killed_after(monkeypatch: pytest.MonkeyPatch, *, slices: int) -> list[int]:
    folded: list[int] = []
    run = SliceFold.run

    def run_or_die(fold: Any, one: Any) -> int:
        if len(folded) == slices:
            raise KeyboardInterrupt
        folded.append(one.number)
        return run(fold, one)

    monkeypatch.setattr(SliceFold, "run", run_or_die)
    return folded


def test_a_cancelled_build_leaves_nothing_behind(log: ListLog, database_url: str) -> None:
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(["history"])
    rebuild.cancel(generation)
    assert executed(database_url, "SELECT to_regnamespace(%s) IS NULL", [generation]) == [(True,)]
    assert executed(database_url, "SELECT count(*) FROM readmodel.builds") == [(0,)]
    with pytest.raises(RebuildRefused, match="holds nothing that is building"):
        rebuild.build(generation)


def test_who_builds_hears_that_it_was_cancelled(log: ListLog, database_url: str) -> None:
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(["history"])
    executed(database_url, "UPDATE readmodel.builds SET cancelled_at = now()")
    with pytest.raises(SliceCancelled):
        rebuild.build(generation)


def test_two_cannot_build_one_generation_nor_one_projection_in_other_company(
    log: ListLog, database_url: str
) -> None:
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(["history"])
    with closing(psycopg.connect(database_url)) as other:
        other.execute("SELECT pg_advisory_lock(1685218661, 3000 + %s)", [int(generation[4:])])
        with pytest.raises(RebuildRefused, match="another process builds"):
            rebuild.build(generation)
    with pytest.raises(RebuildRefused, match="is being built with history"):
        rebuild.begin(["history", "activity"])
    assert rebuild.begin(["history"]) == generation


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda rebuild: rebuild.begin(["contact"]), "'contact' is no projection"),
        (lambda rebuild: rebuild.go_live("gen_9"), "gen_9 holds nothing"),
        (lambda rebuild: rebuild.drop("gen_1"), "gen_1 holds nothing that is built or kept"),
        (lambda rebuild: rebuild.roll_back(["activity"]), "nothing is kept of activity"),
        (lambda rebuild: rebuild.go_live(rebuild.begin(["activity"])), "is not whole yet"),
    ],
)
def test_what_cannot_be_is_refused_by_name(log: ListLog, database_url: str, ask: Any, words: str) -> None:
    with pytest.raises(RebuildRefused, match=words):
        ask(rebuild_of(database_url))


def test_a_reader_in_the_way_delays_a_switch_and_none_is_turned_away(log: ListLog, database_url: str) -> None:
    rebuild = rebuild_of(database_url)
    generation = rebuild.begin(["activity"])
    rebuild.build(generation)
    with closing(psycopg.connect(database_url)) as reader:
        reader.execute("SELECT count(*) FROM live.activity")
        with closing(psycopg.connect(database_url)) as free:
            with pytest.raises(Exception, match="readers have held the views"):
                rebuild.go_live(generation, patience_seconds=0.2)
            assert free.execute("SELECT count(*) > 0 FROM live.activity").fetchone() == (True,)
        reader.rollback()
        assert rebuild.go_live(generation).locked_milliseconds < 1_000


def test_what_is_read_is_verified_against_a_fresh_fold_and_nothing_of_it_stays(
    log: ListLog, database_url: str
) -> None:
    rebuild = rebuild_of(database_url)
    assert not any(one.differs for one in rebuild.verify(rebuild.names))
    executed(database_url, "UPDATE gen_1.dashboard_counters SET value = value + 1 WHERE metric = 'contacts'")
    executed(
        database_url, "DELETE FROM gen_1.activity WHERE position = (SELECT max(position) FROM gen_1.activity)"
    )
    found = {one.table: one for one in rebuild.verify(rebuild.names) if one.differs}
    assert set(found) == {"dashboard_counters", "activity"}
    assert found["dashboard_counters"].columns == {"value": found["dashboard_counters"].changed}
    assert found["activity"].appeared == 1
    assert {one.generation for one in rebuild.held()} == {"gen_1"}


def test_a_checkpoint_at_an_event_that_the_log_does_not_hold_is_named(log: ListLog, database_url: str) -> None:
    rebuild = rebuild_of(database_url)
    executed(database_url, "UPDATE readmodel.checkpoints SET last_event_id = gen_random_uuid()")
    with pytest.raises(LogRewound):
        rebuild.verify(["activity"])


def test_a_rebuild_does_not_rest_for_read_models_that_nobody_feeds(
    log: ListLog, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drumbeat.projections.rebuild.workers._STANDING_STILL_SECONDS", 0.1)
    executed(database_url, "UPDATE readmodel.checkpoints SET position = 1, last_event_id = NULL")
    rebuild = rebuild_of(database_url, lag_limit_events=10)
    rebuild.build(rebuild.begin(["contacts"]))
    progress = rebuild.progress()[0]
    assert (progress.stage, progress.slices_done) == ("catching up", progress.slices)


def test_a_rebuild_does_not_rest_for_rows_of_an_older_definition(log: ListLog, database_url: str) -> None:
    executed(database_url, "UPDATE readmodel.projections SET version = version - 1 WHERE projection = 'contacts'")
    executed(
        database_url,
        "UPDATE readmodel.checkpoints SET position = 1, last_event_id = NULL WHERE projection = ANY (%s)",
        [["contacts", "attempts", "dashboard", "heatmap"]],
    )
    rebuild = rebuild_of(database_url, lag_limit_events=10)
    began = time.monotonic()
    rebuild.build(rebuild.begin(["contacts"]))
    assert time.monotonic() - began < 60
    assert rebuild.progress()[0].stage == "catching up"


@pytest.mark.parametrize(
    ("seen", "rests"),
    [
        ([(100, None, 0.0)], [False]),
        ([(100, 90, 0.0)], [False]),
        ([(100, 50, 0.0), (100, 89, 1.0), (100, 90, 2.0)], [True, True, False]),
        ([(100, 50, 0.0), (120, 50, 2.9), (140, 50, 3.1), (150, 60, 3.2)], [True, True, False, True]),
    ],
)
def test_a_rebuild_rests_while_what_is_read_is_behind_and_comes_nearer(
    seen: list[tuple[int, int | None, float]], rests: list[bool]
) -> None:
    throttle = Throttle(10, ["contacts"])
    assert [throttle.must_rest(*one) for one in seen] == rests
