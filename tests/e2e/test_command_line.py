"""What `drumbeat` answers: for people on a line, for programs in JSON, and with a code that means something."""

import io
import json
import logging
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from uuid import UUID, uuid4

import pytest
import structlog

from drumbeat import bootstrap, telemetry
from drumbeat.intake.demonstration import Loaded
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.showing import progress
from drumbeat.projections.engine.projector import Projector
from drumbeat.settings import Settings
from drumbeat.transport.source import LogSource
from support.machine import drumbeat_inside, environment
from support.postgres import TestServer
from support.sealing import keys_in, master_key_file

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).parents[2]
PEOPLE = 12


@pytest.fixture(scope="module")
def url(postgres_server: TestServer) -> Iterator[str]:
    with postgres_server.fresh_database() as fresh:
        bootstrap.migrate(Settings(), fresh)
        yield fresh


@pytest.fixture(scope="module")
def loaded(url: str, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    in_force = Settings(master_key_file=master_key_file(tmp_path_factory.mktemp("keys") / "master.keys"))
    demonstration = bootstrap.load_demonstration(in_force, url, stop=Event(), people=PEOPLE)
    project(url)
    return demonstration


def project(url: str) -> None:
    with closing(LogSource(url)) as source:
        Projector(source, url, bootstrap.PROJECTIONS, ask=keys_in(url)).run_until(source.high_water())


@pytest.fixture
def env(url: str, loaded: Loaded, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, DRUMBEAT_DATABASE_URL=url)


def documents(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_events_shows_the_newest_in_their_order(env: dict[str, str]) -> None:
    answer = drumbeat_inside("events", "--last", "3", "--json", env=env)
    positions = [int(str(event["position"])) for event in documents(answer.stdout)]
    assert len(positions) == 3
    assert positions == sorted(positions)
    lines = drumbeat_inside("events", "--last", "3", env=env).stdout.splitlines()
    assert [int(line.split()[0]) for line in lines] == positions


def test_events_are_chosen_by_type_stream_campaign_and_position(env: dict[str, str], loaded: Loaded) -> None:
    enrolled = documents(
        drumbeat_inside("events", "--type", "contact.enrolled.*", "--last", "99", "--json", env=env).stdout
    )
    assert len(enrolled) == PEOPLE
    one = str(enrolled[0]["subject"])
    of_one = documents(drumbeat_inside("events", "--stream", one, "--last", "99", "--json", env=env).stdout)
    assert {event["subject"] for event in of_one} == {one}
    assert [event["streamversion"] for event in of_one] == list(range(1, len(of_one) + 1))
    of_campaign = drumbeat_inside(
        "events", "--campaign", str(loaded.campaign_id), "--last", "9999", "--json", env=env
    )
    assert {event["campaignid"] for event in documents(of_campaign.stdout)} == {str(loaded.campaign_id)}
    since = drumbeat_inside("events", "--since", str(enrolled[-1]["position"]), "--json", env=env)
    assert min(int(str(event["position"])) for event in documents(since.stdout)) > int(
        str(enrolled[-1]["position"])
    )
    assert drumbeat_inside("events", "--since", "2999-01-01", env=env).stdout == ""


def test_a_campaign_is_listed_and_shown_as_the_read_api_answers(env: dict[str, str], loaded: Loaded) -> None:
    listed = json.loads(drumbeat_inside("campaign", "list", "--json", env=env).stdout)
    assert [row["campaign_id"] for row in listed["items"]] == [str(loaded.campaign_id)]
    assert str(loaded.campaign_id) in drumbeat_inside("campaign", "list", env=env).stdout
    assert drumbeat_inside("campaign", "list", "--search", "nothing like it", env=env).stdout == ""
    shown = drumbeat_inside("campaign", "show", str(loaded.campaign_id), env=env)
    assert "Demonstration: " in shown.stdout
    assert "talk time" in shown.stdout
    numbers = json.loads(drumbeat_inside("campaign", "show", str(loaded.campaign_id), "--json", env=env).stdout)
    assert numbers["dashboard"]["contacts"]["value"] == PEOPLE
    assert numbers["campaign"]["campaign_id"] == str(loaded.campaign_id)


def test_a_campaign_is_steered_and_what_it_refuses_is_told(env: dict[str, str], loaded: Loaded) -> None:
    campaign = str(loaded.campaign_id)
    paused = drumbeat_inside("campaign", "pause", campaign, "--reason", "review", "--note", "a look", env=env)
    assert (paused.returncode, paused.stdout) == (Exit.DONE, "campaign.paused.v1\n")
    refused = drumbeat_inside("campaign", "launch", campaign, env=env)
    assert refused.returncode == Exit.REFUSED
    assert refused.stderr.startswith("drumbeat: refused (wrong_state): ")
    resumed = drumbeat_inside("campaign", "resume", campaign, env=env)
    assert (resumed.returncode, resumed.stdout) == (Exit.DONE, "campaign.resumed.v1\n")
    assert drumbeat_inside("campaign", "extend", campaign, "2030-01-01", env=env).returncode == Exit.REFUSED
    last = documents(drumbeat_inside("events", "--last", "1", "--json", env=env).stdout)[0]
    assert (last["type"], last["cause"]) == ("campaign.resumed.v1", "user")


def test_a_word_that_is_none_of_the_choices_is_wrong_use(env: dict[str, str]) -> None:
    answer = drumbeat_inside("campaign", "pause", str(uuid4()), "--reason", "boredom", env=env)
    assert answer.returncode == Exit.WRONG_USE
    assert "boredom" in answer.stderr
    assert drumbeat_inside("campaign", "show", "no-id", env=env).returncode == Exit.WRONG_USE
    assert drumbeat_inside("dance", env=env).returncode == Exit.WRONG_USE


def test_status_tells_how_far_each_projection_is_and_who_is_silent(env: dict[str, str], url: str) -> None:
    project(url)
    answer = drumbeat_inside("status", "--json", env=env)
    assert answer.returncode == Exit.REFUSED
    status = json.loads(answer.stdout)
    assert {row["lag_events"] for row in status["projections"]} == {0}
    assert len(status["projections"]) == len(bootstrap.PROJECTIONS)
    assert {row["name"]: row["answers"] for row in status["processes"]} == dict.fromkeys(
        ("api", "project", "policies"), False
    )
    assert "silent" in drumbeat_inside("status", env=env).stdout


def test_an_import_answers_for_people_and_programs_and_is_found_again(env: dict[str, str]) -> None:
    file = str(ROOT / "examples" / "call-log.csv")
    first = drumbeat_inside("import", "call-history", file, "--mapping", "call-log", "--json", env=env)
    assert first.returncode in {Exit.DONE, Exit.IN_PART}, first.stderr
    done = json.loads(first.stdout)
    assert done["rows"] == done["accepted"] + done["refused"] > 0
    again = drumbeat_inside("import", "call-history", file, "--mapping", "call-log", env=env)
    assert again.returncode == first.returncode
    assert f"campaign {UUID(done['campaign_id'])} was imported before" in again.stdout


def test_a_campaign_is_simulated_as_table_json_and_picture(
    env: dict[str, str], loaded: Loaded, url: str, tmp_path: Path
) -> None:
    project(url)
    asked = ["simulate", "--campaign", str(loaded.campaign_id), "--variant", "max_retries=0"]
    asked += ["--variant", "max_retries=none", "--cost-per-call", "0.1", "--plot", str(tmp_path / "plot.svg")]
    table = drumbeat_inside(*asked, env=env)
    assert (table.returncode, table.stderr) == (Exit.DONE, "")
    assert [line.split("  ")[0] for line in table.stdout.splitlines()[1:4]] == [
        "as it was",
        "max_retries=0",
        "max_retries=none",
    ]
    drawn = (tmp_path / "plot.svg").read_bytes()
    answer = json.loads(drumbeat_inside(*asked, "--json", env=env).stdout)
    real, few, many = answer["real"], *(one["measures"] for one in answer["variants"])
    assert few["attempts"] <= PEOPLE <= real["attempts"] == many["attempts"]
    shown = json.loads(drumbeat_inside("campaign", "show", str(loaded.campaign_id), "--json", env=env).stdout)
    board = shown["dashboard"]
    assert (real["attempts"], real["conversations"]) == (
        board["attempts"]["value"],
        board["conversations"]["value"],
    )
    assert real["talk_time_seconds"]["value"] == board["talk_time"]["value"]
    assert real["goals_achieved"] == board["goal_achievement"]["numerator"]["value"]
    assert drawn.startswith(b"<svg ")
    assert (tmp_path / "plot.svg").read_bytes() == drawn


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--set", "max_retries=-1"], Exit.REFUSED, "max_retries is -1; allowed: 0 to 1,000, or none"),
        (["--set", "colour=red"], Exit.REFUSED, "'colour' cannot be simulated"),
        (["--set", "max_retries"], Exit.WRONG_USE, "'max_retries' is no setting"),
        ([], Exit.WRONG_USE, "nothing to simulate"),
        (["--set", "max_retries=1", "--plot", "/nowhere/plot.svg"], Exit.WRONG_USE, "the plot cannot be written"),
    ],
)
def test_a_simulation_that_cannot_be_is_told_in_one_line(
    env: dict[str, str], loaded: Loaded, url: str, words: list[str], code: Exit, said: str
) -> None:
    project(url)
    answer = drumbeat_inside("simulate", "--campaign", str(loaded.campaign_id), *words, env=env)
    assert (answer.returncode, answer.stdout) == (code, "")
    assert len(answer.stderr.splitlines()) == 1
    assert said in answer.stderr


@pytest.mark.parametrize(
    ("file", "mapping", "what"),
    [
        ("nowhere.csv", "call-log", "nowhere.csv"),
        ("README.md", "bank-marketing", "README.md"),
        ("examples/call-log.csv", "no-such-mapping", "no-such-mapping"),
    ],
)
def test_an_import_that_cannot_begin_is_told_in_one_line(
    env: dict[str, str], file: str, mapping: str, what: str
) -> None:
    answer = drumbeat_inside("import", "call-history", str(ROOT / file), "--mapping", mapping, env=env)
    assert answer.returncode == Exit.WRONG_USE
    assert len(answer.stderr.splitlines()) == 1
    assert what in answer.stderr


def test_settings_are_shown_without_passwords(tmp_path: Path) -> None:
    env = environment(tmp_path, DRUMBEAT_DATABASE_URL="postgresql://me:secret@there/drumbeat")
    answer = drumbeat_inside("settings", env=env)
    assert "DRUMBEAT_DATABASE_URL=postgresql://me:***@there/drumbeat" in answer.stdout
    assert f"DRUMBEAT_HOME={tmp_path}" in answer.stdout
    shown = json.loads(drumbeat_inside("settings", "--json", env=env).stdout)
    assert "secret" not in json.dumps(shown)


def test_progress_is_told_in_plain_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(0, 60, 2))
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    with progress("counting") as show:
        for number in range(10):
            show(number / 10, f"{number} of 10")
    lines = capsys.readouterr().err.splitlines()
    assert 0 < len(lines) < 10
    assert lines[0] == "counting: 20% 2 of 10"


def test_a_log_record_is_one_json_object_with_the_correlation_id_of_its_command(env: dict[str, str]) -> None:
    written = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    correlation_id = uuid4()
    try:
        telemetry.configure_logging(process="test", log_format="json", stream=written)
        with telemetry.correlated(correlation_id, command="launch_campaign"):
            structlog.get_logger("x").info("command_done", position=7)
            logging.getLogger("a.library").warning("said %s", "this")
    finally:
        root.handlers[:], root.level = handlers, level
        structlog.reset_defaults()
    ours, theirs = documents(written.getvalue())
    assert ours["event"] == "command_done"
    assert ours["position"] == 7
    assert theirs["event"] == "said this"
    assert ours["correlation_id"] == theirs["correlation_id"] == str(correlation_id)
    assert ours["process"] == "test"
