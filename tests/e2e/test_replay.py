"""`drumbeat replay`: every event with what it changed, in either direction, for people and for programs."""

import json
import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest

from drumbeat import bootstrap
from drumbeat.aggregates.contact.evolve import AGGREGATE
from drumbeat.commands.campaign import DraftCampaign
from drumbeat.commands.enrolment import EnrolContact
from drumbeat.events.values import CampaignKind
from drumbeat.intake.demonstration import Loaded
from drumbeat.operator import Operator
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.opsapi.replay import Bounds, Stepping
from drumbeat.opsapi.replaying import Replay, Step
from drumbeat.projections.differences import differences
from drumbeat.projections.engine.projector import Projector
from drumbeat.settings import Settings
from drumbeat.transport.source import LogSource
from support.machine import DRUMBEAT, drumbeat_inside, environment
from support.postgres import TestServer
from support.projecting import rows_of
from support.sealing import keys_in, master_key_file

pytestmark = pytest.mark.postgres
PEOPLE = 9
Document = dict[str, Any]


@pytest.fixture(scope="module")
def url(postgres_server: TestServer) -> Iterator[str]:
    with postgres_server.fresh_database() as fresh:
        bootstrap.migrate(Settings(), fresh)
        yield fresh


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(master_key_file=master_key_file(tmp_path_factory.mktemp("keys") / "master.keys"))


@pytest.fixture(scope="module")
def loaded(url: str, settings: Settings) -> Loaded:
    return bootstrap.load_demonstration(settings, url, stop=Event(), people=PEOPLE)


def project(url: str) -> None:
    with closing(LogSource(url)) as source:
        Projector(source, url, bootstrap.PROJECTIONS, ask=keys_in(url)).run_until(source.high_water())


@pytest.fixture
def env(url: str, loaded: Loaded, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, DRUMBEAT_DATABASE_URL=url)


@contextmanager
def opened(settings: Settings, url: str, workspace_id: str = "default") -> Iterator[Replay]:
    with bootstrap.ledger(settings, url) as on, closing(LogSource(url)) as source:
        yield Replay(on, source, bootstrap.PROJECTIONS, workspace_id)


def replayed(env: dict[str, str], *arguments: str) -> list[Document]:
    answer = drumbeat_inside("replay", "--json", *arguments, env=env)
    assert answer.returncode == Exit.DONE, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.fixture
def whole(env: dict[str, str], loaded: Loaded, url: str) -> list[Document]:
    """The campaign of the demonstration, event by event; the read models are where its last event is."""
    project(url)
    return replayed(env, "--campaign", str(loaded.campaign_id))


def test_a_campaign_is_replayed_event_by_event_with_its_contacts(
    env: dict[str, str], whole: list[Document], loaded: Loaded
) -> None:
    listed = drumbeat_inside(
        "events", "--campaign", str(loaded.campaign_id), "--since", "0", "--json", env=env
    ).stdout.splitlines()
    told = [json.loads(line) for line in listed]
    assert [one["position"] for one in whole] == [one["position"] for one in told]
    assert [(one["type"], one["actor"], one["cause"]) for one in whole] == [
        (one["type"], one["actor"], one["cause"]) for one in told
    ]
    assert {one["stream"] for one in whole} == {"campaign", "contact"}
    assert len({one["stream_id"] for one in whole}) == PEOPLE + 1


def test_the_changes_of_state_add_up_to_the_state(whole: list[Document], settings: Settings, url: str) -> None:
    states: dict[str, dict[str, Any]] = {}
    for one in whole:
        fields = states.setdefault(one["stream_id"], {})
        for change in one["state"]:
            assert change["before"] != change["after"]
            assert fields.get(change["field"]) == change["before"], (one["type"], change)
            fields[change["field"]] = change["after"]
    contact = next(one["stream_id"] for one in whole if one["stream"] == "contact")
    with bootstrap.ledger(settings, url) as on:
        state = msgspec.to_builtins(on.load(AGGREGATE, UUID(contact)).state, str_keys=True)
    assert {one.field: one.after for one in differences(None, state)} == {
        name: value for name, value in states[contact].items() if value is not None
    }


@pytest.mark.parametrize("table", ["contacts", "contact_cards", "campaigns", "attempts", "campaign_senders"])
def test_the_changes_of_rows_add_up_to_the_read_models(
    whole: list[Document], loaded: Loaded, url: str, table: str
) -> None:
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in whole:
        for change in (row for row in one["rows"] if row["table"] == table):
            row = rows.setdefault(tuple(change["key"].values()), dict(change["key"]))
            assert change["change"] == ("added" if len(row) == len(change["key"]) else "changed")
            for column in change["columns"]:
                assert row.get(column["field"]) == column["before"]
                row[column["field"]] = column["after"]
    found = [row for row in rows_of(url, f"gen_1.{table}") if row["campaign_id"] == loaded.campaign_id]
    assert len(found) == len(rows) > 0
    for row in found:
        key = tuple(str(row[name]) if isinstance(row[name], UUID) else row[name] for name in _key(table))
        for name, value in row.items():
            if isinstance(value, str | int | bool):
                assert rows[key].get(name) == value, name


def _key(table: str) -> tuple[str, ...]:
    keys = {entity.table: entity for one in bootstrap.PROJECTIONS for entity in one.entities}
    return tuple(keys[table].row.__struct_fields__[: keys[table].key_columns])


def test_the_changes_of_counters_add_up_to_the_dashboard(whole: list[Document], loaded: Loaded, url: str) -> None:
    sums: dict[tuple[str, ...], int] = {}
    for one in whole:
        for change in (each for each in one["counters"] if each["table"] == "dashboard_counters"):
            sums[tuple(change["key"])] = sums.get(tuple(change["key"]), 0) + change["by"]
    found = {
        (row["metric"], row["key"]): row["value"]
        for row in rows_of(url, "dashboard_counters")
        if row["campaign_id"] == loaded.campaign_id
    }
    assert {key: value for key, value in sums.items() if value} == found


def test_backwards_is_the_same_from_the_other_end(
    env: dict[str, str], whole: list[Document], loaded: Loaded
) -> None:
    assert replayed(env, "--campaign", str(loaded.campaign_id), "--backwards") == whole[::-1]


def test_a_stretch_is_named_by_positions_or_instants(
    env: dict[str, str], whole: list[Document], loaded: Loaded
) -> None:
    campaign = ("--campaign", str(loaded.campaign_id))
    some = whole[5:9]
    first, last = str(some[0]["position"]), str(some[-1]["position"])
    assert replayed(env, *campaign, "--from", first, "--to", last) == some
    assert replayed(env, *campaign, "--from", first, "--to", last, "--backwards") == some[::-1]
    moment = some[0]["recorded_at"]
    assert replayed(env, *campaign, "--from", moment) == [one for one in whole if one["recorded_at"] >= moment]
    assert replayed(env, *campaign, "--to", moment) == [one for one in whole if one["recorded_at"] <= moment]
    assert replayed(env, *campaign, "--to", moment, "--backwards")[0]["recorded_at"] == moment


def test_any_stream_can_be_replayed(env: dict[str, str], whole: list[Document]) -> None:
    contact = next(one["stream_id"] for one in whole if one["stream"] == "contact")
    assert replayed(env, "--stream", contact) == [one for one in whole if one["stream_id"] == contact]
    events = drumbeat_inside("events", "--last", "99999", "--json", env=env).stdout.splitlines()
    streams = {one["type"].partition(".")[0]: one["subject"] for one in map(json.loads, events)}
    for kind, stream_id in streams.items():
        told = replayed(env, "--stream", stream_id)
        assert {one["stream"] for one in told} == {kind}
        assert told[0]["state"]


def test_for_people_a_step_says_what_when_who_why_and_what_changed(env: dict[str, str], loaded: Loaded) -> None:
    campaign = str(loaded.campaign_id)
    paused = drumbeat_inside("campaign", "pause", campaign, "--reason", "review", "--note", "a look", env=env)
    assert paused.returncode == Exit.DONE
    told = drumbeat_inside("replay", "--campaign", campaign, "--backwards", env=env).stdout
    step = told.partition("\n")[2].partition("UTC")[0]
    assert told.partition("\n")[0].endswith("campaign.paused.v1")
    assert "why       review: a look" in step
    assert "(user)" in step
    assert "state     type: running → paused" in step
    assert "row       campaigns changed" in step
    assert "status_label: Active → Paused" in step
    drumbeat_inside("campaign", "resume", campaign, env=env)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), Exit.WRONG_USE, "say what to replay: --stream ID or --campaign ID"),
        (("--stream", "{campaign}", "--campaign", "{campaign}"), Exit.WRONG_USE, "say what to replay"),
        (("--campaign", "{nobody}"), Exit.REFUSED, "there is no campaign {nobody}"),
        (("--stream", "{nobody}"), Exit.REFUSED, "there is no stream {nobody}"),
        (("--campaign", "{contact}"), Exit.REFUSED, "there is no campaign {contact}"),
        (("--campaign", "{campaign}", "--from", "999999"), Exit.WRONG_USE, "--from 999999 lies ahead"),
        (("--campaign", "{campaign}", "--to", "999999"), Exit.WRONG_USE, "--to 999999 lies ahead"),
        (
            ("--campaign", "{campaign}", "--to", "soon"),
            Exit.WRONG_USE,
            "--to is 'soon', but must be a position or",
        ),
        (
            ("--campaign", "{campaign}", "--from", "9", "--to", "3"),
            Exit.WRONG_USE,
            "there is nothing from position 9",
        ),
        (("--campaign", "{campaign}", "--from", "2999-01-01"), Exit.WRONG_USE, "there is nothing from position"),
        (
            ("--campaign", "{campaign}", "--to", "1999-01-01"),
            Exit.WRONG_USE,
            "there is nothing from position 1 to",
        ),
    ],
)
def test_what_cannot_be_replayed_is_told_in_one_line(
    env: dict[str, str], whole: list[Document], arguments: tuple[str, ...], code: Exit, words: str
) -> None:
    ids = {
        "campaign": whole[0]["stream_id"],
        "contact": next(one["stream_id"] for one in whole if one["stream"] == "contact"),
        "nobody": str(UUID(int=7)),
    }
    answer = drumbeat_inside("replay", *(one.format_map(ids) for one in arguments), env=env)
    assert answer.returncode == code
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith(f"drumbeat: {words.format_map(ids)}")


def test_another_workspace_has_none_of_it(settings: Settings, url: str, loaded: Loaded) -> None:
    with opened(settings, url, "other") as replay:
        with pytest.raises(Failed, match="there is no campaign"):
            replay.campaign(loaded.campaign_id)
        with pytest.raises(Failed, match="there is no stream"):
            replay.stream(loaded.campaign_id)


def test_a_stream_that_holds_what_cannot_be_read_is_named_in_one_line(database_url: str, tmp_path: Path) -> None:
    bootstrap.migrate(Settings(), database_url)
    stream = uuid4()
    told = {
        "id": str(uuid4()), "type": "contact.dreamed.v1", "subject": str(stream), "time": "2026-03-02T09:00:00Z",
        "streamversion": 1, "workspaceid": "default", "actor": "a", "cause": "user", "correlationid": str(uuid4()),
        "data": {"private": {"name": "Zyxomar"}},
    }  # fmt: skip
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        connection.execute(
            "INSERT INTO ledger.events (stream_id, version, type, bytes) VALUES (%s, 1, %s, %s)",
            [stream, told["type"], json.dumps(told).encode()],
        )
    answer = drumbeat_inside(
        "replay", "--stream", str(stream), env=environment(tmp_path, DRUMBEAT_DATABASE_URL=database_url)
    )
    assert answer.returncode == Exit.UNFIT
    assert answer.stderr.startswith(f"drumbeat: stream {stream} holds an event that cannot be read: ")
    assert answer.stderr.count("\n") == 1
    assert "Zyxomar" not in answer.stderr


def test_streams_that_do_not_fit_at_hand_are_read_again(
    settings: Settings, url: str, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steps() -> list[Step]:
        with opened(settings, url) as replay:
            return [replay.step(place) for place in replay.campaign(loaded.campaign_id).above(0)]

    whole = steps()
    monkeypatch.setattr("drumbeat.opsapi.replaying._STEPS_AT_HAND", 10)
    monkeypatch.setattr("drumbeat.opsapi.replaying._BATCH", 7)
    assert steps() == whole
    with opened(settings, url) as replay:
        back = [replay.step(place) for place in replay.campaign(loaded.campaign_id).below(10**9)]
    assert back == whole[::-1]


def test_stepping_goes_on_and_back_and_to_a_place(settings: Settings, url: str, loaded: Loaded) -> None:
    with opened(settings, url) as replay:
        track = replay.campaign(loaded.campaign_id)
        positions = [place.position for place in track.above(0)]
        shown: list[int] = []
        said: list[str] = []

        def step(*lines: str, backwards: bool = False) -> list[int]:
            shown.clear()
            said.clear()
            typed = iter([*lines, None])
            bounds = Bounds(1, replay.head())
            stepping = Stepping(
                replay, track, bounds, show=lambda one: shown.append(one.position), say=said.append
            )
            stepping.run(lambda: next(typed), backwards=backwards)
            return shown

        assert step("n", "", "p", "q", "n") == [*positions[:3], positions[1]]
        assert step("p") == positions[:1]
        assert said[-1] == "there is nothing further that way"
        assert step("p", "n", backwards=True) == [positions[-1], positions[-2], positions[-1]]
        assert step(f"g {positions[6]}", "n") == [positions[0], positions[6], positions[7]]
        assert step("goto 999999", "n") == [positions[0], positions[-1]]
        assert step("g 2999-01-01T00:00:00Z")[-1] == positions[-1]
        assert step("g 1999-01-01") == positions[:1]
        assert step("g nowhere") == positions[:1]
        assert said[-1].startswith("goto is 'nowhere', but must be a position or an instant")
        assert step("dance") == positions[:1]
        assert said[-1].startswith("n(ext)")


def test_on_a_terminal_it_waits_for_a_person(env: dict[str, str], loaded: Loaded) -> None:
    ours, theirs = pty.openpty()
    command = [DRUMBEAT, "replay", "--campaign", str(loaded.campaign_id)]
    running = subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    try:
        os.close(theirs)
        seen = _until(ours, "replay> ")
        assert seen.count("    who ") == 1
        os.write(ours, b"n\n")
        assert _until(ours, "replay> ", seen).count("    who ") == 2
        os.write(ours, b"q\n")
        assert running.wait(20) == Exit.DONE
    finally:
        running.kill()
        running.wait()
        os.close(ours)


def _until(terminal: int, words: str, before: str = "") -> str:
    """What is on a terminal once words have come after what was there before."""
    seen, ends = before, time.monotonic() + 30
    while words not in seen[len(before) :]:
        assert time.monotonic() < ends, seen
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65_536).decode()
    return seen


def test_of_a_person_erased_since_nothing_personal_is_replayed(env: dict[str, str], loaded: Loaded) -> None:
    campaign = str(uuid4())
    _enrol(env, campaign)
    replay = ("replay", "--campaign", campaign)
    before = drumbeat_inside(*replay, env=env).stdout
    assert "name: – → Zyxomar" in before
    assert "Zyxomar" in drumbeat_inside(*replay, "--json", env=env).stdout
    assert drumbeat_inside("people", "erase", "zyx-1", "--reason", "asked", env=env).returncode == Exit.DONE
    after = drumbeat_inside(*replay, env=env).stdout
    assert "Zyxomar" not in after
    assert "+351910000042" not in after
    assert "personal  erased" in after
    assert "erased: – → true" in after
    told = replayed(env, "--campaign", campaign)
    assert {"withheld": "erased"} in [one["data"].get("private") for one in told]
    assert told[-1]["type"] == "contact.erased.v1"


def _enrol(env: dict[str, str], campaign: str) -> None:
    with mock.patch.dict(os.environ, env, clear=True):
        operator = Operator()
        operator.give(DraftCampaign(campaign_id=UUID(campaign), kind=CampaignKind.VOICE_AGENT, name="C"))
        operator.give(
            EnrolContact(campaign_id=UUID(campaign), reference="zyx-1", name="Zyxomar", phone="+351910000042")
        )
