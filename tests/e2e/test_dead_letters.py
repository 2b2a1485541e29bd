"""`drumbeat dead-letters`: what is parked is seen, tried again, kept and, when it is nobody's, dismissed."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4, uuid5

import psycopg
import pytest

from drumbeat import bootstrap
from drumbeat.events.contact import ContactPaused, ContactResumed
from drumbeat.opsapi.exits import Exit
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.settings import Settings
from support.machine import drumbeat_inside, environment
from support.projecting import CAMPAIGN, ListLog, project
from support.sealing import KEYS
from support.toys import ENROLLED

pytestmark = pytest.mark.postgres
ONE, TWO = (uuid5(CAMPAIGN, name) for name in ("one", "two"))
UNKNOWN = b'{"subject": "%s", "data": {"private": {"name": "Grace"}}}' % str(ONE).encode()


@pytest.fixture
def log(database_url: str) -> ListLog:
    """A stream that stops at its second event, a record of nobody's, and a stream that flows; all projected."""
    log = ListLog()
    log.tell(ONE, ENROLLED)
    log.tell_raw("contact.paused.v9", UNKNOWN)
    log.versions[ONE] += 1
    log.tell(ONE, ContactResumed())
    log.tell_raw("contact.paused.v9", b"\x00 no json at all")
    log.tell(TWO, ENROLLED)
    bootstrap.migrate(Settings(), database_url)
    project(log, database_url, bootstrap.PROJECTIONS)
    return log


@pytest.fixture
def env(database_url: str, log: ListLog, tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, DRUMBEAT_DATABASE_URL=database_url)


def asked(env: dict[str, str], *arguments: str) -> Any:
    """What a program is told."""
    return json.loads(drumbeat_inside("dead-letters", *arguments, "--json", env=env).stdout)


@contextmanager
def a_projector(log: ListLog, url: str) -> Iterator[None]:
    """A projector that runs meanwhile."""
    stop = threading.Event()
    options = ProjectorOptions(poll_seconds=0.01, retry_look_seconds=0.05)
    thread = threading.Thread(
        target=Projector(log, url, bootstrap.PROJECTIONS, options, ask=KEYS).run, args=[stop]
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def cure(url: str) -> None:
    """As if a newer version could read what this one cannot."""
    readable = ListLog(versions={ONE: 1})
    readable.tell(ONE, ContactPaused(reason="readable now"))
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(
            "UPDATE readmodel.parked_events SET type = %s, bytes = %s WHERE position = 2",
            [readable.rows[0].type, readable.rows[0].bytes],
        )


def test_the_list_tells_what_holds_each_stream_up_and_how_much_waits_behind_it(env: dict[str, str]) -> None:
    listed = asked(env, "list")
    assert {row["projection"] for row in listed} == {*(one.name for one in bootstrap.PROJECTIONS), "*"}
    (of_contacts,) = asked(env, "list", "--projection", "contacts")
    assert (of_contacts["kind"], of_contacts["position"], of_contacts["behind"]) == ("poison", 2, 1)
    assert of_contacts["stream_id"] == str(ONE)
    assert "unknown event type 'contact.paused.v9'" in of_contacts["error"]
    (foreign,) = asked(env, "list", "--kind", "foreign")
    assert (foreign["projection"], foreign["position"], foreign["stream_id"]) == ("*", 4, None)
    lines = drumbeat_inside("dead-letters", "list", env=env).stdout.splitlines()
    assert [int(line.split()[0]) for line in lines] == [row["id"] for row in listed]
    assert all("1 behind it" in line for line in lines if str(ONE) in line and "contacts" in line)
    assert drumbeat_inside("dead-letters", "list", "--stream", str(uuid4()), env=env).stdout == ""


def test_one_is_shown_whole_with_what_is_private(env: dict[str, str]) -> None:
    (row,) = asked(env, "list", "--projection", "contacts")
    shown = drumbeat_inside("dead-letters", "show", str(row["id"]), env=env)
    assert '"name": "Grace"' in shown.stdout
    whole = asked(env, "show", str(row["id"]))
    assert base64.b64decode(whole["record_base64"]) == UNKNOWN
    assert whole["record"]["data"]["private"] == {"name": "Grace"}
    (foreign,) = asked(env, "list", "--kind", "foreign")
    assert "no json at all" in drumbeat_inside("dead-letters", "show", str(foreign["id"]), env=env).stdout
    missing = drumbeat_inside("dead-letters", "show", "999999", env=env)
    assert (missing.returncode, missing.stderr) == (Exit.REFUSED, "drumbeat: nothing is parked under 999999\n")


def test_a_cured_stream_is_applied_by_the_projector_when_it_is_asked_for(
    env: dict[str, str], log: ListLog, database_url: str
) -> None:
    cure(database_url)
    with a_projector(log, database_url):
        answer = drumbeat_inside("dead-letters", "retry", "--stream", str(ONE), env=env)
    assert (answer.returncode, answer.stdout) == (Exit.DONE, f"{ONE}  applied\n")
    assert [row["kind"] for row in asked(env, "list")] == ["foreign"]


def test_a_stream_that_still_cannot_be_applied_stays_with_todays_reason(
    env: dict[str, str], log: ListLog, database_url: str
) -> None:
    with a_projector(log, database_url):
        answer = drumbeat_inside("dead-letters", "retry", "--all", env=env)
    assert answer.returncode == Exit.REFUSED
    assert answer.stdout.startswith(f"{ONE}  still parked for activity (2): ")
    assert {row["attempts"] for row in asked(env, "list")} == {0, 1}


def test_where_no_projector_runs_a_retry_says_so_and_is_done_later(
    env: dict[str, str], log: ListLog, database_url: str
) -> None:
    cure(database_url)
    answer = drumbeat_inside("dead-letters", "retry", "--all", "--wait", "0.1", env=env)
    assert answer.returncode == Exit.UNAVAILABLE
    assert "no projector has taken it up" in answer.stdout
    with a_projector(log, database_url):
        again = drumbeat_inside("dead-letters", "retry", "--all", "--json", env=env)
    assert json.loads(again.stdout) in ([], [{"stream_id": str(ONE), "outcome": "applied", "parked": []}])


def test_a_retry_of_nothing_or_of_everything_and_something_is_refused(env: dict[str, str]) -> None:
    for arguments in ([], ["--all", "--stream", str(ONE)]):
        assert drumbeat_inside("dead-letters", "retry", *arguments, env=env).returncode == Exit.WRONG_USE
    nobody = drumbeat_inside("dead-letters", "retry", "--stream", str(TWO), env=env)
    assert (nobody.returncode, nobody.stderr) == (
        Exit.REFUSED,
        f"drumbeat: nothing of stream {TWO} is parked\n",
    )


def test_an_export_holds_every_byte_and_overwrites_nothing(
    env: dict[str, str], log: ListLog, tmp_path: Path
) -> None:
    file = tmp_path / "parked.jsonl"
    assert drumbeat_inside("dead-letters", "export", str(file), env=env).returncode == Exit.DONE
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    kept = {(row["position"], base64.b64decode(row["record_base64"])) for row in rows}
    assert kept == {(row.position, row.bytes) for row in log.rows[1:4]}
    assert rows[0]["headers"]["type"] == "contact.paused.v9"
    assert drumbeat_inside("dead-letters", "export", env=env).stdout == file.read_text()
    again = drumbeat_inside("dead-letters", "export", str(file), env=env)
    assert again.returncode == Exit.WRONG_USE
    assert len(again.stderr.splitlines()) == 1


def test_only_what_is_nobodys_can_be_dismissed_and_who_did_it_is_logged(env: dict[str, str]) -> None:
    (of_contacts,) = asked(env, "list", "--projection", "contacts")
    refused = drumbeat_inside("dead-letters", "dismiss", str(of_contacts["id"]), "--reason", "a try", env=env)
    assert refused.returncode == Exit.REFUSED
    assert f"stream {ONE}" in refused.stderr
    (foreign,) = asked(env, "list", "--kind", "foreign")
    done = drumbeat_inside("dead-letters", "dismiss", str(foreign["id"]), "--reason", "a test wrote it", env=env)
    assert done.returncode == Exit.DONE
    logged = json.loads(done.stderr)
    assert (logged["event"], logged["why"], logged["id"]) == (
        "dead_letter_dismissed",
        "a test wrote it",
        foreign["id"],
    )
    assert logged["who"]
    assert asked(env, "list", "--kind", "foreign") == []


def test_status_counts_what_is_parked_and_says_what_to_run(env: dict[str, str]) -> None:
    status = json.loads(drumbeat_inside("status", "--json", env=env).stdout)
    assert status["parked"] == {"foreign": 1, "poison": 1}
    said = drumbeat_inside("status", env=env).stdout
    assert "parked streams: 1 foreign, 1 poison; see `drumbeat dead-letters list`" in said


def test_a_database_that_is_away_is_told_in_one_line(tmp_path: Path) -> None:
    env = environment(tmp_path, DRUMBEAT_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    answer = drumbeat_inside("dead-letters", "list", env=env)
    assert answer.returncode == Exit.UNAVAILABLE
    assert len(answer.stderr.splitlines()) == 1
