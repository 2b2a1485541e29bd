"""Rebuilds over HTTP: asked for by whoever runs the installation, carried out beside those who read."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from drumbeat.bootstrap import PROJECTIONS
from drumbeat.events.workspace import KeyScope
from drumbeat.projections.rebuild import carrying_out
from drumbeat.projections.rebuild.generations import SQL
from drumbeat.projections.rebuild.rebuild import Rebuild
from support.commanded import SPRING, campaign_running, carried_out
from support.isolated import asking_as
from support.keys import bearer
from support.machine import until
from support.reading import get, problem
from support.writing import Writing, projected, writing

pytestmark = pytest.mark.postgres

REBUILDS = "/projections/rebuilds"
EVERY_NAME = {one.name for one in PROJECTIONS}


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    """A campaign that runs, in the log and in the read models."""
    with writing(database_url) as made:
        for _ in carried_out(made, campaign_running()):
            continue
        made.project()
        yield made


def start(api: Writing, *names: str, **body: Any) -> str:
    """Ask for a rebuild of some projections, or all; its generation."""
    return str(asked(api, *names, **body).json()["queued"]["generation"])


def asked(api: Writing, *names: str, **body: Any) -> httpx.Response:
    chosen: dict[str, Any] = {"projections": names} if names else {"all": True}
    answer = api.post(REBUILDS, {**chosen, **body})
    assert answer.status_code == 202, answer.text
    return answer


def standing(api: Writing, generation: str) -> dict[str, Any]:
    found: dict[str, Any] = get(api.client, f"{REBUILDS}/{generation}")
    return found


def states(api: Writing) -> dict[tuple[str, str], str]:
    items = get(api.client, "/projections")["items"]
    return {(one["projection"], one["generation"]): one["state"] for one in items}


def executed(api: Writing, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(api.database_url, autocommit=True)) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_a_rebuild_is_asked_for_carried_out_and_live(api: Writing) -> None:
    answer = asked(api)
    queued = answer.json()["queued"]
    assert answer.headers["location"] == f"{REBUILDS}/gen_2"
    assert (queued["state"], queued["asked_by"], queued["workers"]) == ("queued", "key:tests", 1)
    assert set(queued["projections"]) == EVERY_NAME
    before = get(api.client, f"/campaigns/{SPRING}/dashboard")
    api.operate()
    done = standing(api, "gen_2")
    assert (done["state"], done["stage"], done["problem"], done["share_done"]) == ("live", None, None, 1)
    assert {one["table"] for one in done["differences"]} >= {"contacts", "dashboard_counters", "activity"}
    assert {one["changed"] + one["appeared"] + one["gone"] for one in done["differences"]} == {0}
    assert set(states(api).values()) == {"live", "kept"}
    assert {state for (_, generation), state in states(api).items() if generation == "gen_2"} == {"live"}
    after = get(api.client, f"/campaigns/{SPRING}/dashboard")
    assert {**after, "freshness": None} == {**before, "freshness": None}


def test_the_list_tells_of_every_projection_how_far_it_is_and_how_large(api: Writing) -> None:
    start(api, "activity")
    api.operate()
    items = get(api.client, "/projections")["items"]
    assert {one["projection"] for one in items} == EVERY_NAME
    live, kept = (
        next(one for one in items if (one["projection"], one["state"]) == ("activity", state))
        for state in ("live", "kept")
    )  # fmt: skip
    assert (live["generation"], kept["generation"], live["version"]) == ("gen_2", "gen_1", kept["version"])
    assert live["position"] == kept["position"] == api.ledger.head()
    assert live["lag_events"] == 0
    assert live["rows"] > 10
    assert live["size_bytes"] > 0
    assert kept["left_at"] is not None


def test_progress_is_told_while_slices_are_folded(api: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    generation = start(api)
    seen: list[dict[str, Any]] = []

    class Looking(dict[str, bytes]):
        def __getitem__(self, name: str) -> bytes:
            if name == "finish_slice":
                seen.append(standing(api, generation))
            return SQL[name]

    monkeypatch.setattr("drumbeat.projections.rebuild.workers.SQL", Looking())
    assert api.carrying_out(events_a_slice=20).rebuild_next()
    assert {each["state"] for each in seen} == {"building"}
    assert {each["stage"] for each in seen} == {"slices"}
    shares = [each["share_done"] for each in seen]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    assert [each["slices_done"] for each in seen] == list(range(len(seen)))
    assert seen[-1]["slices"] == len(seen) > 1
    assert seen[-1]["events_per_second"] is not None
    assert seen[-1]["seconds_left"] is not None
    assert standing(api, generation)["state"] == "live"


def test_a_rebuild_that_waits_is_cancelled_at_once_and_again_changes_nothing(api: Writing) -> None:
    generation = start(api, "history")
    for _ in range(2):
        cancelled = api.done(f"{REBUILDS}/{generation}/cancel")
        assert (cancelled["state"], cancelled["cancelling"]) == ("cancelled", False)
    api.operate()
    assert standing(api, generation)["state"] == "cancelled"
    assert {generation for _, generation in states(api)} == {"gen_1"}


def test_a_rebuild_that_is_under_way_is_cancelled_and_nothing_is_left_of_it(
    api: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = start(api)
    begin = Rebuild.begin

    def cancelled_in_between(self: Rebuild, *arguments: Any) -> str:
        begun = begin(self, *arguments)
        answer = api.done(f"{REBUILDS}/{generation}/cancel")
        assert (answer["state"], answer["cancelling"]) == ("building", True)
        return begun

    monkeypatch.setattr(Rebuild, "begin", cancelled_in_between)
    api.operate()
    assert (standing(api, generation)["state"], standing(api, generation)["cancelling"]) == ("cancelled", False)
    assert {generation for _, generation in states(api)} == {"gen_1"}
    assert executed(api, f"SELECT to_regnamespace('{generation}') IS NULL") == [(True,)]


def test_what_the_command_line_builds_is_seen_and_cancelled_here_too(api: Writing) -> None:
    work = api.carrying_out().open_work()
    generation = work.begin(["history"])
    found = standing(api, generation)
    assert (found["state"], found["projections"], found["asked_by"]) == ("building", ["history"], None)
    assert api.done(f"{REBUILDS}/{generation}/cancel")["cancelling"]
    api.operate()
    assert api.client.get(f"{REBUILDS}/{generation}").json()["code"] == "unknown-rebuild"
    assert ("history", generation) not in states(api)


def test_one_runs_at_a_time_and_two_of_the_same_rows_are_refused(api: Writing) -> None:
    first, other = start(api, "dashboard"), start(api, "activity")
    for names in (["heatmap"], ["history", "activity"]):
        refused = api.post(REBUILDS, {"projections": names})
        assert (refused.status_code, refused.json()["code"]) == (409, "rebuild-under-way")
    listed = get(api.client, REBUILDS)["items"]
    assert [(one["generation"], one["state"]) for one in listed] == [(other, "queued"), (first, "queued")]
    api.operate()
    assert [one["state"] for one in get(api.client, REBUILDS)["items"]] == ["live", "live"]
    assert get(api.client, f"{REBUILDS}?limit=1")["items"][0]["generation"] == other
    again = start(api, "heatmap")
    assert again == "gen_4"


def test_many_who_ask_at_once_get_one_rebuild(api: Writing) -> None:
    told: list[tuple[int, str]] = []

    def ask() -> None:
        answer = api.post(REBUILDS, {"projections": ["contacts"]})
        told.append((answer.status_code, answer.json().get("code", "")))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [(202, ""), *[(409, "rebuild-under-way")] * 5]


def test_the_same_under_the_same_key_is_one_rebuild_and_one_switch(api: Writing) -> None:
    body = {"projections": ["history"], "go_live": False}
    one, other = (api.post(REBUILDS, body, Idempotency_Key="monday") for _ in range(2))
    assert one.json()["queued"]["generation"] == other.json()["queued"]["generation"] == "gen_2"
    assert one.headers["Drumbeat-Key-Kept-Seconds"]
    reused = api.post(REBUILDS, {**body, "workers": 2}, Idempotency_Key="monday")
    assert reused.json()["code"] == "idempotency-key-reused"
    api.operate()
    asked_once = api.post(f"{REBUILDS}/gen_2/go-live", Idempotency_Key="live")
    api.operate()
    again = api.post(f"{REBUILDS}/gen_2/go-live", Idempotency_Key="live")
    assert asked_once.status_code == again.status_code == 202
    assert again.json()["switch_id"] == asked_once.json()["switch_id"]
    assert (asked_once.json()["state"], again.json()["state"]) == ("asked", "done")


def test_a_dry_run_says_what_it_would_take_and_writes_nothing(api: Writing) -> None:
    answer = api.post(
        f"{REBUILDS}?dry_run=true", {"projections": ["dashboard"], "workers": 3}, Idempotency_Key="k"
    )
    assert answer.status_code == 200
    told = answer.json()["expected"]
    assert set(told["projections"]) == {"contacts", "attempts", "dashboard", "heatmap"}
    assert (told["events"], told["slices"], told["workers"]) == (api.ledger.head(), 3, 3)
    assert told["size_bytes"] > 0
    assert "free" in told["free_words"]
    assert get(api.client, REBUILDS)["items"] == []
    assert asked(api, "dashboard").json()["queued"]["generation"] == "gen_2"
    dry = api.post(f"{REBUILDS}/gen_2/cancel?dry_run=true")
    assert (dry.status_code, dry.json()["state"], standing(api, "gen_2")["state"]) == (200, "queued", "queued")


def test_what_differs_waits_for_a_person_who_puts_it_in_place_and_back(api: Writing) -> None:
    executed(
        api,
        "UPDATE gen_1.activity SET actor = 'somebody else'"
        " WHERE position = (SELECT min(position) FROM gen_1.activity)",
    )
    generation = start(api, "activity")
    api.operate()
    found = standing(api, generation)
    assert (found["state"], found["problem"]) == ("built", None)
    (table,) = found["differences"]
    assert (table["table"], table["changed"], table["columns"]) == ("activity", 1, {"actor": 1})
    assert "somebody else" not in api.client.get(f"{REBUILDS}/{generation}").text
    assert states(api)["activity", "gen_1"] == "live"

    possible = api.done(f"{REBUILDS}/{generation}/go-live?dry_run=true")
    assert (possible["state"], possible["projections"], possible["switch_id"]) == ("possible", ["activity"], None)
    switched = api.post(f"{REBUILDS}/{generation}/go-live")
    assert switched.status_code == 202
    api.operate()
    done = get(api.client, switched.headers["location"])
    assert (done["state"], done["problem"], done["asked_by"]) == ("done", None, "key:tests")
    assert 0 <= done["locked_milliseconds"] < 1_000
    assert standing(api, generation)["state"] == "live"
    back = api.post("/projections/rollback", {"projections": ["activity"]})
    assert (back.status_code, back.json()["generation"]) == (202, "gen_1")
    api.operate()
    assert (states(api)["activity", "gen_1"], standing(api, generation)["state"]) == ("live", "kept")
    api.carrying_out().open_work().drop(generation)
    assert standing(api, generation)["state"] == "dropped"


def test_a_switch_that_turns_out_impossible_says_why_and_changes_nothing(api: Writing) -> None:
    generation = start(api, "activity", go_live=False)
    api.operate()
    switched = api.done(f"{REBUILDS}/{generation}/go-live")
    api.carrying_out().open_work().drop(generation)
    api.operate()
    failed = get(api.client, f"/projections/switches/{switched['switch_id']}")
    assert failed["state"] == "failed"
    assert "holds nothing" in failed["problem"]
    assert states(api)["activity", "gen_1"] == "live"


@pytest.mark.long
def test_a_switch_does_not_wait_for_a_rebuild_that_is_under_way(
    api: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = start(api, "activity", go_live=False)
    api.operate()
    start(api, "history")
    build, switched = Rebuild.build, threading.Event()

    def held_up(self: Rebuild, of: str) -> None:
        assert switched.wait(20)
        build(self, of)

    monkeypatch.setattr(Rebuild, "build", held_up)
    one, stop = api.carrying_out(), threading.Event()
    threads = [threading.Thread(target=run, args=[stop]) for run in (one.run_rebuilds, one.run_switches)]
    for thread in threads:
        thread.start()
    try:
        assert until(lambda: standing(api, "gen_3")["state"] == "building", 20)
        api.done(f"{REBUILDS}/{generation}/go-live")
        assert until(lambda: standing(api, generation)["state"] == "live", 20)
        assert standing(api, "gen_3")["state"] == "building"
        switched.set()
        assert until(lambda: standing(api, "gen_3")["state"] == "live", 20)
    finally:
        switched.set()
        stop.set()
        for thread in threads:
            thread.join(20)


@pytest.mark.long
def test_commands_go_on_while_it_is_rebuilt_and_nothing_is_lost(api: Writing) -> None:
    start(api)
    stop = threading.Event()
    thread = threading.Thread(target=api.carrying_out(events_a_slice=20).run_rebuilds, args=[stop])
    with projected(api):
        thread.start()
        count = 0
        while standing(api, "gen_2")["state"] not in {"live", "built", "failed"}:
            count += 1
            api.done(f"/campaigns/{SPRING}/contacts", {"reference": f"late-{count}"})
    stop.set()
    thread.join(20)
    assert standing(api, "gen_2")["state"] == "live", standing(api, "gen_2")
    assert count > 0


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"projections": ["dashbord"]}, "unknown-projection", "projections"),
        ({"projections": ["dashboard", "'; DROP"]}, "unknown-projection", "projections"),
        ({"projections": []}, "invalid-body", "projections"),
        ({}, "invalid-body", "projections"),
        ({"projections": ["dashboard"], "all": True}, "invalid-body", "projections"),
        ({"all": True, "workers": 0}, "invalid-body", "workers"),
        ({"all": True, "workers": 65}, "invalid-body", "workers"),
        ({"all": True, "workers": "many"}, "invalid-body", "workers"),
        ({"all": True, "lag_limit_events": 0}, "invalid-body", "lag_limit_events"),
        ({"all": True, "lag_limit_events": 10**12}, "invalid-body", "lag_limit_events"),
        ({"all": True, "go_live": "perhaps"}, "invalid-body", "go_live"),
        ({"all": True, "generation": "gen_9"}, "invalid-body", "generation"),
    ],
)
def test_what_cannot_be_rebuilt_is_refused_by_name(
    api: Writing, body: dict[str, Any], code: str, field: str
) -> None:
    answer = api.post(REBUILDS, body)
    told = problem(answer)
    assert (told["code"], told["field"]) == (code, field)
    assert told.get("allowed")
    assert get(api.client, REBUILDS)["items"] == []


def test_what_is_not_there_or_not_whole_is_refused(api: Writing) -> None:
    for path in ("", "/cancel", "/go-live"):
        method = "POST" if path else "GET"
        assert api.post(f"{REBUILDS}/gen_9{path}", method=method).json()["code"] == "unknown-rebuild"
        wrong = api.post(f"{REBUILDS}/pg_catalog{path}", method=method)
        assert (wrong.status_code, wrong.json()["field"]) == (400, "generation")
    assert api.client.get(f"/projections/switches/{uuid4()}").json()["code"] == "unknown-switch"
    nothing_kept = api.post("/projections/rollback", {"all": True})
    assert (nothing_kept.status_code, nothing_kept.json()["code"]) == (409, "cannot-go-live")
    assert api.post("/projections/rollback", {}).json()["code"] == "invalid-body"
    assert api.post("/projections/rollback", {"projections": ["x"]}).json()["code"] == "unknown-projection"
    generation = start(api, "activity")
    not_whole = api.post(f"{REBUILDS}/{generation}/go-live")
    assert (not_whole.status_code, not_whole.json()["code"]) == (409, "cannot-go-live")
    api.operate()
    over = api.post(f"{REBUILDS}/{generation}/cancel")
    assert (over.status_code, over.json()["code"], over.json()["value"]) == (409, "rebuild-over", "live")
    live_already = api.post(f"{REBUILDS}/{generation}/go-live")
    assert live_already.json()["code"] == "cannot-go-live"


def test_only_operators_of_the_installation_may(api: Writing) -> None:
    others = [scope for scope in KeyScope if scope is not KeyScope.OPERATE]
    for key, code in (
        (api.keys.with_scopes(*others), "missing-scope"),
        (api.keys.of("acme"), "not-for-this-workspace"),
    ):
        for method, path in (
            ("GET", "/projections"),
            ("POST", REBUILDS),
            ("GET", REBUILDS),
            ("POST", "/projections/rollback"),
        ):
            answer = api.client.request(method, path, json={"all": True}, auth=None, headers=bearer(key))
            assert (answer.status_code, answer.json()["code"]) == (403, code), path
    operator = api.keys.with_scopes(KeyScope.OPERATE)
    answer = api.client.request("POST", REBUILDS, json={"all": True}, auth=None, headers=bearer(operator))
    assert answer.status_code == 202
    with asking_as(api, "acme"):
        assert api.post(f"{REBUILDS}/gen_2/cancel").status_code == 403


@pytest.mark.long
def test_whoever_dies_over_a_rebuild_is_followed_by_somebody_who_goes_on(
    api: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = start(api)
    for step in ("begin", "build", "compare", "go_live"):
        with monkeypatch.context() as killed:
            killed.setattr(Rebuild, step, _dying(getattr(Rebuild, step)))
            with pytest.raises(KeyboardInterrupt):
                api.carrying_out(events_a_slice=20).rebuild_next()
        assert standing(api, generation)["ended_at"] is None
    api.operate()
    assert standing(api, generation)["state"] == "live"
    assert {generation for _, generation in states(api)} == {"gen_1", "gen_2"}


def _dying(step: Any) -> Any:
    def died(self: Rebuild, *arguments: Any, **named: Any) -> Any:
        step(self, *arguments, **named)
        raise KeyboardInterrupt

    return died


def test_a_rebuild_that_breaks_again_and_again_is_given_up_and_another_may_be_asked_for(
    api: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = start(api, "history")

    def broken(*_: Any) -> None:
        raise RuntimeError("no")

    one = api.carrying_out()
    with monkeypatch.context() as breaking:
        breaking.setattr(Rebuild, "build", broken)
        for _ in range(carrying_out.MOST_TRIES + 1):
            with pytest.raises(RuntimeError):
                one.rebuild_next()
        assert one.rebuild_next()
    failed = standing(api, generation)
    assert failed["state"] == "failed"
    assert "given up" in failed["problem"]
    assert ("history", generation) not in states(api)
    assert start(api, "history") == "gen_3"


def test_outages_are_waited_for_and_told_however_many_there_are(
    api: Writing, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = start(api, "history")

    def full(*_: Any) -> None:
        raise psycopg.errors.DiskFull("no space left on device")

    one = api.carrying_out()
    with monkeypatch.context() as breaking:
        breaking.setattr(Rebuild, "build", full)
        for _ in range(2 * carrying_out.MOST_TRIES):
            with pytest.raises(psycopg.errors.DiskFull):
                one.rebuild_next()
    found = standing(api, generation)
    assert (found["state"], found["problem"]) == ("building", "no space left on device")
    api.operate()
    assert (standing(api, generation)["state"], standing(api, generation)["problem"]) == ("live", None)
