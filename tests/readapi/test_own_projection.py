"""The read model of docs/own-projection.md, installed for real: built from the log, read, walled, taken away."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from jsonschema import Draft202012Validator

from drumbeat import bootstrap
from drumbeat.access.person_keys import AskKeys
from drumbeat.events import calls
from drumbeat.events.values import CallOutcome
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.projections.rebuild.feeds import outdated, unbuilt
from drumbeat.projections.rebuild.generations import State
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.projections.rebuild.renewal import packages, renew, renew_package
from drumbeat.projections.rebuild.workbench import RebuildRefused
from drumbeat.transport.source import LogSource
from support.own_packages import PAGE, files_of, found_in, install, pretended, written
from support.postgres import TestServer
from support.reading import Reading, as_of, get, pages, problem
from support.sealing import KEYS
from support.story import ANN, NOW, SPRING, tell_story

pytestmark = pytest.mark.postgres
MODULE = "call_ends/__init__.py"
DASHBOARD = f"/campaigns/{SPRING}/dashboard"
OF_SPRING = f"/campaigns/{SPRING}/projections/call_ends"


@contextmanager
def keys() -> Iterator[AskKeys]:
    yield KEYS


def rebuild_of(url: str, **options: Any) -> Rebuild:
    return Rebuild(url, url, bootstrap.projections, keys, **{"sleep": lambda _seconds: None, **options})


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has put the package of the page."""
    source = written(tmp_path_factory.mktemp("source"), files_of(PAGE))
    return install(source, tmp_path_factory.mktemp("site"))


@pytest.fixture
def story(postgres_server: TestServer, package: Path) -> Iterator[Reading]:
    """A history that was projected before the package came."""
    with postgres_server.fresh_database() as url:
        reading = Reading(url, now=NOW)
        tell_story(reading.log)
        reading.applied()
        with found_in(package):
            yield reading


@pytest.fixture
def built(story: Reading) -> Reading:
    """The same, with the package's read models built and shown."""
    assert renew_package(rebuild_of(story.database_url), "call-ends", do=True) == "gen_2"
    return story


def by_outcome(items: list[dict[str, Any]]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for item in items:
        counted[item["outcome"]] += item["value"]
    return dict(counted)


def on_dashboard(client: httpx.Client, **parameters: Any) -> dict[str, int]:
    outcomes = get(client, DASHBOARD, **parameters)["outcomes"]
    return {one["outcome"]: one["attempts"]["value"] for one in outcomes if one["attempts"]["value"]}


def executed(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def more(reading: Reading) -> int:
    """One more call that ends, in the log and in Drumbeat's own read models; its position."""
    reading.log.tell(ANN, calls.ContactCallPlaced(attempt=9, settings_version=1), campaign_id=SPRING)
    ended = calls.ContactCallEnded(attempt=9, outcome=CallOutcome.BUSY)
    position = reading.log.tell(ANN, ended, campaign_id=SPRING)
    reading.applied()
    return position


def caught_up(reading: Reading, generation: str = "gen_2") -> None:
    """The package's feed, up to the end of the log."""
    with closing(LogSource(reading.database_url)) as source:
        options = ProjectorOptions(generation=generation, installs=False, poll_seconds=0.01)
        own = [one for one in bootstrap.projections() if one.package]
        Projector(source, reading.database_url, own, options, ask=KEYS).run_until(len(reading.log.rows))


def changed(folder: Path, *changes: tuple[str, str]) -> Path:
    """The package of the page, installed with other code."""
    files = files_of(PAGE)
    for old, new in changes:
        assert old in files[MODULE]
        files[MODULE] = files[MODULE].replace(old, new)
    return pretended(folder, "call-ends", files, "call_ends = call_ends:PROJECTION")


def test_the_numbers_of_the_page_are_those_of_the_dashboard_and_of_its_calls(built: Reading) -> None:
    with built.client() as client:
        items = pages(client, OF_SPRING)
        assert by_outcome(items) == on_dashboard(client)
        assert sum(by_outcome(items).values()) > 50
        for item in items[:5]:
            filters = {"outcome": item["outcome"], "direction": "placed", "count": "true"}
            if item["hour"] >= 0:
                answer = get(client, f"/campaigns/{SPRING}/attempts", hour=item["hour"], **filters)
                assert answer["count"] == item["value"]


def test_pages_follow_the_key_and_its_columns_are_filters(built: Reading) -> None:
    with built.client() as client:
        whole = pages(client, OF_SPRING)
        assert pages(client, OF_SPRING, limit=3) == whole
        assert whole == sorted(whole, key=lambda one: (one["hour"], one["outcome"]))
        busy = get(client, OF_SPRING, outcome="busy", count="true")
        assert busy["items"] == [one for one in whole if one["outcome"] == "busy"]
        assert busy["count"] == len(busy["items"]) > 1
        hour = busy["items"][0]["hour"]
        assert get(client, OF_SPRING, outcome="busy", hour=hour)["items"] == busy["items"][:1]
        rows = pages(client, "/projections/ended_calls", limit=20)
        assert len(rows) == get(client, "/projections/ended_calls", count="true", limit=1)["count"]
        mine = get(client, "/projections/ended_calls", contact_id=rows[0]["contact_id"])["items"]
        assert mine == [one for one in rows if one["contact_id"] == rows[0]["contact_id"]]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("hour=noon", "invalid-parameter", "hour"),
        ("value=1", "unknown-parameter", "value"),
        ("workspace_id=other", "unknown-parameter", "workspace_id"),
        ("cursor=abc", "malformed-cursor", "cursor"),
        ("limit=501", "page-too-large", "limit"),
        ("hour=99999999999999999999", "invalid-parameter", "hour"),
        ("as_of=tomorrow", "malformed-as-of", "as_of"),
    ],
)
def test_what_cannot_be_asked_is_a_problem_as_everywhere(
    built: Reading, query: str, code: str, field: str
) -> None:
    with built.client() as client:
        document = problem(client.get(f"{OF_SPRING}?{query}"))
        assert (document["code"], document["field"]) == (code, field)


def test_answers_have_an_entity_tag_and_an_earlier_moment_is_answered_as_it_was(built: Reading) -> None:
    with built.client() as client:
        before = client.get(OF_SPRING)
        assert client.get(OF_SPRING, headers={"If-None-Match": before.headers["etag"]}).status_code == 304
        more(built)
        caught_up(built)
        after = client.get(OF_SPRING)
        assert after.json()["items"] != before.json()["items"]
        assert as_of(client, OF_SPRING, before.json()["as_of"]).json()["items"] == before.json()["items"]
        for position in (150, 400):
            then = by_outcome(as_of(client, f"{OF_SPRING}?limit=500", position).json()["items"])
            assert then == on_dashboard(client, as_of=position)


def test_a_read_model_that_is_behind_holds_up_nobody_else_and_is_waited_for_by_itself(built: Reading) -> None:
    position = more(built)
    with built.client(wait_limit_seconds=0.2) as client:
        assert get(client, DASHBOARD, at_least=position)["freshness"]["position"] == position
        behind = get(client, OF_SPRING)
        assert (behind["freshness"]["position"], behind["freshness"]["lag_events"]) == (position - 2, 2)
        assert problem(client.get(f"{OF_SPRING}?at_least={position}"))["code"] == "position-not-reached"
        caught_up(built)
        assert get(client, OF_SPRING, at_least=position)["freshness"]["position"] == position


def test_what_is_not_built_yet_is_not_ready_and_everything_else_is(story: Reading) -> None:
    with story.client() as client:
        document = problem(client.get(OF_SPRING))
        assert (document["code"], "call_ends" in document["detail"]) == ("not-ready", True)
        assert on_dashboard(client)


def test_another_workspace_sees_its_own_rows(built: Reading) -> None:
    built.workspace_id = "other"
    with built.client() as client:
        assert problem(client.get(OF_SPRING))["code"] == "unknown-campaign"
        for table in ("call_ends", "ended_calls"):
            assert get(client, f"/projections/{table}?count=true")["count"] == 0
    with closing(psycopg.connect(built.database_url)) as connection:
        connection.execute("SET ROLE drumbeat_read")
        assert connection.execute("SELECT count(*) FROM gen_2.ended_calls").fetchone() == (0,)
        connection.execute("SELECT set_config('drumbeat.workspace_id', 'default', false)")
        assert connection.execute("SELECT count(*) > 50 FROM live.ended_calls").fetchone() == (True,)


def test_the_document_describes_the_routes_with_columns_and_comments(built: Reading) -> None:
    with built.client() as client:
        document = client.get("/openapi.json").json()
        path = "/campaigns/{campaign_id}/projections/call_ends"
        operation = document["paths"][path]["get"]
        assert {one["name"] for one in operation["parameters"]} == {
            "campaign_id", "hour", "outcome", "limit", "cursor", "count", "at_least", "as_of",
        }  # fmt: skip
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": document["components"]}).validate(get(client, OF_SPRING))
        row = document["components"]["schemas"]["CallEndsRow"]
        assert row["properties"]["hour"]["description"] == "0 to 23; -1: not recorded"
        assert "workspace_id" not in row["properties"]
        assert operation["security"] == [{"key": ["read"]}]
        assert set(document["paths"]) >= {"/projections/call_ends", "/projections/ended_calls"}


def test_it_is_rebuilt_compared_put_in_place_put_back_and_verified_like_ours(built: Reading) -> None:
    work = rebuild_of(built.database_url, events_a_slice=50)
    with built.client() as client:
        before = pages(client, OF_SPRING)
        generation = work.begin(["call_ends"])
        work.build(generation)
        assert [(one.table, one.differs) for one in work.compare(generation)] == [
            ("ended_calls", 0),
            ("call_ends", 0),
        ]
        executed(built.database_url, f"UPDATE {generation}.call_ends SET value = value + 1")
        work.go_live(generation)
        assert pages(client, OF_SPRING) != before
        assert {one.table: one.differs > 0 for one in work.verify(["call_ends"])} == {
            "ended_calls": False, "call_ends": True,
        }  # fmt: skip
        work.roll_back(["call_ends"])
        assert pages(client, OF_SPRING) == before
        work.drop(generation)
        assert not any(one.differs for one in work.verify(work.names))


def test_everything_can_be_rebuilt_together(built: Reading) -> None:
    work = rebuild_of(built.database_url)
    generation = work.begin(work.names)
    work.build(generation)
    assert not any(one.differs for one in work.compare(generation))
    work.go_live(generation)
    assert {one.generation for one in work.held() if one.state is State.LIVE} == {generation}
    with built.client() as client:
        assert by_outcome(pages(client, OF_SPRING)) == on_dashboard(client)


def test_a_raised_version_is_made_anew_while_the_old_rows_are_read(built: Reading, tmp_path: Path) -> None:
    target = changed(tmp_path, ("version=1", "version=2"), ("(row.hour, ", "(-1, "))
    with found_in(target), built.client() as client:
        work = rebuild_of(built.database_url)
        assert [one.name for one in outdated(work.held(), work.projections)] == ["call_ends"]
        assert renew(work, do=True) is None
        assert {one["hour"] for one in pages(client, OF_SPRING)} != {-1}
        generation = renew_package(work, packages(work)[0], do=True)
        assert generation == "gen_3"
        assert {one["hour"] for one in pages(client, OF_SPRING)} == {-1}
        told = {one.table: (one.gone > 0, one.same > 0) for one in work.compared(generation) or []}
        assert told == {"ended_calls": (False, True), "call_ends": (True, False)}
        assert renew_package(work, packages(work)[0], do=True) is None


def test_an_event_at_which_it_raises_is_set_aside_for_it_alone(story: Reading, tmp_path: Path) -> None:
    files = files_of(PAGE)
    code = files["call_ends/__init__.py"].replace("row.outcome = event.data.outcome", "raise ZeroDivisionError")
    target = pretended(
        tmp_path, "call_ends", {**files, "call_ends/__init__.py": code}, "call_ends = call_ends:PROJECTION"
    )
    with found_in(target), story.client() as client:
        work = rebuild_of(story.database_url)
        renew_package(work, *packages(work), do=True)
        parked = "SELECT DISTINCT projection, generation FROM readmodel.live_parked_events"
        assert executed(story.database_url, parked) == [("call_ends", "gen_2")]
        assert get(client, "/projections/ended_calls", count="true")["count"] > 0
        assert get(client, OF_SPRING)["items"] == []
        assert on_dashboard(client)


def test_what_a_package_leaves_behind_is_told_holds_up_nobody_and_is_taken_away(built: Reading) -> None:
    with found_in(None):
        work = rebuild_of(built.database_url)
        assert {one.projection for one in work.held() if work.is_left(one)} == {"call_ends"}
        (left,) = (one for one in work.held(sized=True) if work.is_left(one))
        assert (left.package, left.state, left.tables) == ("call-ends", State.LIVE, ("ended_calls", "call_ends"))
        assert left.size_bytes > 0
        position = more(built)
        with built.client() as client:
            assert client.get(OF_SPRING).status_code == 404
            assert get(client, DASHBOARD)["freshness"]["position"] == position
        assert not any(one.differs for one in work.verify(work.names))
        work.drop("gen_2")
        assert {one.generation for one in work.held()} == {"gen_1"}
        assert executed(built.database_url, "SELECT to_regclass('live.call_ends') IS NULL") == [(True,)]
        assert executed(built.database_url, "SELECT to_regnamespace('gen_2') IS NULL") == [(True,)]
        with pytest.raises(RebuildRefused, match="gen_1 holds nothing that is built or kept"):
            work.drop("gen_1")


def test_a_package_that_comes_back_goes_on_where_it_was(built: Reading) -> None:
    with found_in(None):
        more(built)
    work = rebuild_of(built.database_url)
    assert unbuilt(work.held(), work.projections) == ()
    caught_up(built)
    with built.client() as client:
        assert by_outcome(pages(client, OF_SPRING)) == on_dashboard(client)
    assert not any(one.differs for one in work.verify(["call_ends"]))
