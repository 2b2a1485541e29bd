"""`drumbeat audit`: heads, proofs that auditors check by themselves, and what was altered by hand."""

import json
from base64 import b64decode, b64encode
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from drumbeat.audit.published import HeadFile
from drumbeat.audit.stored import heads_above
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.roles import Role
from drumbeat.opsapi.exits import Exit
from support.auditing import KEY, checker, grown
from support.following import reported
from support.machine import drumbeat_inside, environment
from support.projecting import ListLog, into_ledger, project
from support.story import tell_story
from support.tampering import altering_the_log

pytestmark = pytest.mark.postgres
CHECK = checker()
PUBLIC_KEY = b64encode(KEY.public_key).decode()


@pytest.fixture
def env(database_url: str, tmp_path: Path) -> dict[str, str]:
    """A log with two heads, that were published."""
    file = HeadFile(tmp_path / "audit.heads")
    with closing(EventStoreLedger(database_url)) as ledger:
        for _ in range(2):
            ledger.append(reported(20))
            grown(database_url)
    with closing(open_connection(database_url, settings={}, role=Role.READ)) as reader:
        file.append(heads_above(reader, 0))
    return environment(tmp_path, DRUMBEAT_DATABASE_URL=database_url, DRUMBEAT_AUDIT_HEAD_FILE=file.path)


def test_the_head_is_shown_to_people_and_to_programs(env: dict[str, str]) -> None:
    head = json.loads(drumbeat_inside("audit", "head", "--json", env=env).stdout)
    assert head["tree_size"] == 40
    assert CHECK.is_signed(head, KEY.public_key)
    assert "tree size             40\n" in drumbeat_inside("audit", "head", env=env).stdout


def test_status_tells_how_far_the_tree_is_behind_the_log_and_what_its_newest_head_vouches_for(
    env: dict[str, str], database_url: str
) -> None:
    with closing(EventStoreLedger(database_url)) as ledger:
        ledger.append(reported(5))
        grown(database_url, key=None)
        ledger.append(reported(3))
    told = json.loads(drumbeat_inside("status", "--json", env=env).stdout)
    assert told["tree"] == {
        "leaves": 45, "position": 45, "lag_events": 3,
        "signed_leaves": 40, "signed_at": "2026-03-05T11:00:00.001000+00:00", "fault": None,
    }  # fmt: skip
    shown = drumbeat_inside("status", env=env).stdout
    (line,) = [line for line in shown.splitlines() if line.startswith("tree ")]
    assert " ".join(line.split()) == "tree 45 3 45 leaves, head of 40 signed 2026-03-05 11:00:00 UTC"


def test_status_tells_a_log_without_a_tree_and_one_whose_tree_was_damaged(
    database_url: str, tmp_path: Path
) -> None:
    env = environment(tmp_path, DRUMBEAT_DATABASE_URL=database_url)
    with closing(EventStoreLedger(database_url)) as ledger:
        ledger.append(reported(5))
    assert "0         5  0 leaves, no head is signed\n" in drumbeat_inside("status", env=env).stdout
    grown(database_url)
    with closing(psycopg.connect(database_url, autocommit=True)) as hand, altering_the_log(hand):
        hand.execute("UPDATE ledger.tree_leaves SET hashes = substr(hashes, 2)")
    damaged = drumbeat_inside("status", env=env)
    assert damaged.returncode == Exit.REFUSED
    assert "is not what it was written as; see `drumbeat audit check`" in damaged.stdout


def test_an_event_is_proven_by_position_and_by_id_and_for_an_earlier_head(env: dict[str, str]) -> None:
    by_position = json.loads(drumbeat_inside("audit", "prove", "7", env=env).stdout)
    assert CHECK.is_right(by_position, KEY.public_key)
    event_id = json.loads(b64decode(by_position["bytes"]))["id"]
    assert json.loads(drumbeat_inside("audit", "prove", event_id, env=env).stdout) == by_position
    earlier = json.loads(drumbeat_inside("audit", "prove", "7", "--tree-size", "20", env=env).stdout)
    assert earlier["head"]["tree_size"] == 20
    assert CHECK.is_right(earlier, KEY.public_key)
    unknown = drumbeat_inside("audit", "prove", "4711", env=env)
    assert (unknown.returncode, unknown.stdout) == (Exit.REFUSED, "")
    assert unknown.stderr.startswith("drumbeat: this workspace has no such event")


def test_two_heads_are_shown_to_be_of_one_log(env: dict[str, str]) -> None:
    answer = json.loads(drumbeat_inside("audit", "consistency", "20", env=env).stdout)
    assert CHECK.is_right(answer, KEY.public_key)
    assert json.loads(drumbeat_inside("audit", "consistency", "20", "40", env=env).stdout) == answer
    never = drumbeat_inside("audit", "consistency", "21", env=env)
    assert never.returncode == Exit.REFUSED
    assert "no head of 21 leaves was signed" in never.stderr


def test_a_log_that_nobody_altered_passes_the_check(env: dict[str, str]) -> None:
    passed = drumbeat_inside("audit", "check", "--public-key", PUBLIC_KEY, env=env)
    assert (passed.returncode, passed.stdout.splitlines()[-1]) == (Exit.DONE, "the log is as it was")
    assert passed.stdout.startswith("40 leaves, 40 events, 2 heads agree\n")


def test_a_log_that_was_altered_by_hand_does_not_pass_and_the_event_is_named(
    env: dict[str, str], database_url: str
) -> None:
    with closing(psycopg.connect(database_url, autocommit=True)) as hand, altering_the_log(hand):
        hand.execute("UPDATE ledger.events SET bytes = '{}' WHERE position = 33")
    failed = drumbeat_inside("audit", "check", "--json", env=env)
    assert failed.returncode == Exit.REFUSED
    (finding,) = json.loads(failed.stdout)["findings"]
    assert (finding["kind"], finding["leaf"], finding["position"]) == ("altered", 32, 33)


def test_a_log_that_was_altered_by_hand_differs_from_what_is_read_and_verify_names_the_row(
    database_url: str, tmp_path: Path
) -> None:
    told = ListLog()
    tell_story(told)
    into_ledger(told, database_url)
    project(told, database_url, PROJECTIONS)
    grown(database_url)
    env = environment(tmp_path / "state", DRUMBEAT_DATABASE_URL=database_url)
    verify = ("verify", "--workers", "1", "--json")
    assert drumbeat_inside(*verify, env=env).returncode == Exit.DONE
    assert drumbeat_inside("audit", "check", env=env).returncode == Exit.DONE
    ended = next(row for row in told.rows if b'"outcome":"no_answer"' in row.bytes)
    forged = ended.bytes.replace(b'"outcome":"no_answer"', b'"outcome":"completed"')
    with closing(psycopg.connect(database_url, autocommit=True)) as hand, altering_the_log(hand):
        hand.execute("UPDATE ledger.events SET bytes = %s WHERE position = %s", [forged, ended.position])
    checked = drumbeat_inside("audit", "check", "--json", env=env)
    (finding,) = json.loads(checked.stdout)["findings"]
    assert (checked.returncode, finding["kind"], finding["position"]) == (Exit.REFUSED, "altered", ended.position)
    verified = drumbeat_inside(*verify, env=env)
    assert verified.returncode == Exit.REFUSED
    differing = {one["table"]: one for one in json.loads(verified.stdout) if one["samples"]}
    (sample,) = differing["attempts"]["samples"]
    assert sample["before"]["outcome"] == "no_answer"
    assert sample["after"]["outcome"] == "completed"
    assert {"contacts", "dashboard_counters"} <= differing.keys()


def test_heads_that_were_kept_show_a_tail_that_was_cut_off(
    env: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    with closing(psycopg.connect(database_url, autocommit=True)) as hand, altering_the_log(hand):
        hand.execute("DELETE FROM ledger.events WHERE position > 20")
        hand.execute("TRUNCATE ledger.tree_leaves, ledger.tree_nodes, ledger.tree_events")
        hand.execute("DELETE FROM ledger.tree_heads WHERE tree_size > 20")
    grown(database_url)
    nothing = tmp_path / "nothing"
    nothing.touch()
    unaware = drumbeat_inside("audit", "check", "--heads", str(nothing), env=env)
    assert unaware.returncode == Exit.DONE
    aware = drumbeat_inside("audit", "check", env=env)
    assert aware.returncode == Exit.REFUSED
    assert "cut off: a head was signed for 40 leaves, and the tree has 20: 20 were cut off" in aware.stdout


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--heads", "/nowhere/audit.heads", "there is no file /nowhere/audit.heads"),
        ("--public-key", "x", "--public-key is 'x', but must be 32 bytes as Base64"),
    ],
)
def test_a_wrong_argument_is_told_in_one_line(env: dict[str, str], option: str, value: str, words: str) -> None:
    answer = drumbeat_inside("audit", "check", option, value, env=env)
    assert (answer.returncode, answer.stderr) == (Exit.WRONG_USE, f"drumbeat: {words}\n")


def test_a_file_that_holds_no_heads_is_named_with_its_line(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "other"
    file.write_text("{}\n")
    answer = drumbeat_inside("audit", "check", "--heads", str(file), env=env)
    assert answer.returncode == Exit.WRONG_USE
    assert f"{file}, line 1: " in answer.stderr


def test_a_key_is_made_and_its_public_part_is_shown(env: dict[str, str], tmp_path: Path) -> None:
    unnamed = drumbeat_inside("audit", "make-key", env=env)
    assert unnamed.returncode == Exit.WRONG_USE
    assert "DRUMBEAT_AUDIT_KEY_FILE" in unnamed.stderr
    made = drumbeat_inside("audit", "make-key", str(tmp_path / "audit.key"), env=env)
    assert len(b64decode(made.stdout)) == 32
    named = env | {"DRUMBEAT_AUDIT_KEY_FILE": str(tmp_path / "audit.key")}
    assert drumbeat_inside("audit", "make-key", env=named).stdout == made.stdout
    others = drumbeat_inside("audit", "check", env=named)
    assert others.returncode == Exit.REFUSED
    assert "is not signed by the key" in others.stdout


def test_a_signing_key_that_others_may_read_ends_a_command_with_its_name(
    env: dict[str, str], tmp_path: Path
) -> None:
    key = tmp_path / "audit.key"
    drumbeat_inside("audit", "make-key", str(key), env=env)
    key.chmod(0o644)
    answer = drumbeat_inside("audit", "check", env=env | {"DRUMBEAT_AUDIT_KEY_FILE": str(key)})
    assert answer.returncode == Exit.UNFIT
    assert f"{key} has mode 0644" in answer.stderr
