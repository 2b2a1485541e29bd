"""The tree follows the log: dense leaves over holes, in order, by one writer, under published heads."""

import json
import stat
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from drumbeat.audit.checking import check
from drumbeat.audit.following import Heads, TreeFollower
from drumbeat.audit.merkle import leaf_hash
from drumbeat.audit.published import HeadFile, HeadsUnreadable
from drumbeat.audit.signing import SigningKeyFile, SigningKeyUnfit
from drumbeat.audit.stored import Leaf, heads_above, last_leaf, leaf_at, newest_head
from drumbeat.eventstore.connections import LogConnection, open_connection
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.roles import Role
from support.auditing import KEY, SIGNED_AT, checker, consistency_hashes, grown, inclusion_hashes
from support.following import append_and_hold, reported
from support.machine import until
from support.tampering import altering_the_log
from support.threads import running

pytestmark = pytest.mark.postgres
CHECK = checker()


@pytest.fixture
def reader(database_url: str) -> Iterator[LogConnection]:
    """Whoever looks at the tree."""
    with closing(open_connection(database_url, settings={}, role=Role.READ)) as connection:
        yield connection


def events_in(url: str) -> list[tuple[int, bytes]]:
    with closing(psycopg.connect(url)) as connection:
        found = connection.execute("SELECT position, bytes FROM ledger.events ORDER BY position").fetchall()
    return [(position, bytes(raw)) for position, raw in found]


def root_of_log(url: str) -> bytes:
    root: bytes = CHECK.root_of([CHECK.leaf_hash(*event) for event in events_in(url)])
    return root


def skip_positions(connection: LogConnection, count: int) -> None:
    """Positions that are handed out and never used, as an append that fails leaves them."""
    connection.execute("SELECT nextval('ledger.events_position') FROM generate_series(1, %s)", [count])


@contextmanager
def following(url: str, **how: Any) -> Iterator[TreeFollower]:
    follower = TreeFollower(url, Heads(**{"clock": lambda: SIGNED_AT, "key": KEY, "seconds": 0.0, **how}))
    with running(follower.run):
        yield follower


def test_leaves_are_dense_over_positions_with_holes_and_every_one_is_proven(
    database_url: str, ledger: EventStoreLedger, other: LogConnection, reader: LogConnection
) -> None:
    for _ in range(20):
        ledger.append(reported(4))
        skip_positions(other, 3)
    assert grown(database_url) == 80
    events = events_in(database_url)
    assert events[-1][0] > 130
    head = newest_head(reader)
    assert head is not None
    assert (head.tree_size, head.head.root_hash) == (80, root_of_log(database_url))
    for number, (position, raw) in enumerate(events):
        assert leaf_at(reader, position) == Leaf(number, position, leaf_hash(position, raw))
        answer = {
            "position": position,
            "bytes": b64encode(raw).decode(),
            "leaf_index": number,
            "audit_path": [b64encode(one).decode() for one in inclusion_hashes(reader, number, 80)],
            "head": head.document(),
        }
        assert CHECK.is_right(answer, KEY.public_key)
    assert leaf_at(reader, events[3][0] + 1) is None, "there is no event in a hole"


def test_what_comes_later_becomes_more_leaves_and_earlier_heads_stay_its_beginning(
    database_url: str, ledger: EventStoreLedger, reader: LogConnection
) -> None:
    for count in (1, 30, 1, 40, 200, 3):
        ledger.append(reported(count))
        grown(database_url, batch_events=17)
        assert grown(database_url) == grown(database_url, batch_events=1), "nothing is left to do"
    heads = heads_above(reader, 0)
    assert [head.tree_size for head in heads] == [1, 31, 32, 72, 272, 275]
    assert [head.head.timestamp_ms for head in heads] == sorted({head.head.timestamp_ms for head in heads})
    for earlier in heads:
        for later in heads[heads.index(earlier) :]:
            hashes = consistency_hashes(reader, earlier.tree_size, later.tree_size)
            answer = {
                "first": earlier.document(),
                "second": later.document(),
                "consistency": [b64encode(one).decode() for one in hashes],
            }
            assert CHECK.is_right(answer, KEY.public_key)
    assert check(database_url).intact


def test_a_tree_in_one_step_and_one_in_many_are_the_same(database_url: str, ledger: EventStoreLedger) -> None:
    ledger.append_bulk(reported(1_500))
    grown(database_url, batch_events=1_500)
    rows = tree_rows(database_url)
    with closing(psycopg.connect(database_url, autocommit=True)) as owner, altering_the_log(owner):
        owner.execute("TRUNCATE ledger.tree_leaves, ledger.tree_nodes, ledger.tree_heads, ledger.tree_events")
    grown(database_url, batch_events=11)
    assert tree_rows(database_url) == rows


def tree_rows(url: str) -> list[Any]:
    with closing(psycopg.connect(url)) as connection:
        return [
            connection.execute("SELECT * FROM ledger.tree_leaves ORDER BY number").fetchall(),
            connection.execute("SELECT * FROM ledger.tree_nodes ORDER BY level, number").fetchall(),
            connection.execute("SELECT * FROM ledger.tree_events ORDER BY position").fetchall(),
        ]


def test_an_append_under_way_holds_back_later_events_so_that_leaves_keep_the_order_of_positions(
    database_url: str, ledger: EventStoreLedger, other: LogConnection, reader: LogConnection
) -> None:
    append_and_hold(other)
    ledger.append(reported(2))
    assert grown(database_url, key=None) == 0
    other.execute("COMMIT")
    assert grown(database_url) == 3
    assert [position for position, _ in events_in(database_url)] == [1, 2, 3]
    head = newest_head(reader)
    assert head is not None
    assert head.head.root_hash == root_of_log(database_url)


def test_one_follower_leads_while_many_run_and_writers_append(
    database_url: str, ledger: EventStoreLedger, reader: LogConnection
) -> None:
    with following(database_url) as one, following(database_url) as another, following(database_url) as third:
        followers = (one, another, third)
        assert until(lambda: any(follower.stats.leading for follower in followers))
        for _ in range(50):
            ledger.append(reported(5))
            assert sum(follower.stats.leading for follower in followers) == 1
        assert until(lambda: (last_leaf(reader) or Leaf(-1, 0, b"")).number == 249)
        assert until(lambda: (head := newest_head(reader)) is not None and head.tree_size == 250)
    assert check(database_url).intact
    head = newest_head(reader)
    assert head is not None
    assert head.head.root_hash == root_of_log(database_url)


def test_a_follower_whose_session_is_ended_leads_again_where_it_was(
    database_url: str, ledger: EventStoreLedger, other: LogConnection, reader: LogConnection
) -> None:
    ledger.append(reported(40))
    with following(database_url) as follower:
        assert until(lambda: follower.stats.leaves == 40)
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1685218663 "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        ledger.append(reported(40))
        assert until(lambda: follower.stats.leaves == 80)
        assert until(lambda: follower.stats.fault is None)
    assert check(database_url).intact


@pytest.mark.long
def test_a_follower_does_not_build_on_an_event_that_was_altered(
    database_url: str, ledger: EventStoreLedger, other: LogConnection
) -> None:
    ledger.append(reported(10))
    grown(database_url)
    (last, raw) = events_in(database_url)[-1]
    alter = "UPDATE ledger.events SET bytes = %s WHERE position = %s"
    with altering_the_log(other):
        other.execute(alter, [b"{}", last])
    ledger.append(reported(10))
    with following(database_url) as follower:
        assert until(lambda: follower.stats.fault is not None)
        assert f"position {last}" in str(follower.stats.fault)
        assert (follower.stats.leaves, follower.stats.leading) == (0, False)
        with altering_the_log(other):
            other.execute(alter, [raw, last])
        assert until(lambda: follower.stats.leaves == 20)
    assert check(database_url).intact


def test_what_is_no_event_becomes_a_leaf_too_and_an_id_that_stands_twice_stops_nothing(
    database_url: str, ledger: EventStoreLedger, other: LogConnection
) -> None:
    events = reported(2)
    ledger.append(events)
    twice = "SELECT ledger.append_one(gen_random_uuid(), 1, 'x', %s)"
    for raw in (b"", b"\x00\xff", f'{{"id":"{events[0].id}"}}'.encode()):
        other.execute(twice, [raw])
    assert grown(database_url) == 5
    assert check(database_url).intact


def test_heads_are_signed_by_the_clock_while_the_log_grows_and_not_while_it_rests(
    database_url: str, ledger: EventStoreLedger, reader: LogConnection
) -> None:
    ledger.append(reported(3))
    now = [datetime(2026, 3, 5, 12, tzinfo=UTC)]
    with following(database_url, clock=lambda: now[0], seconds=3_600.0) as follower:
        assert until(lambda: follower.stats.head_leaves == 3)
        ledger.append(reported(4))
        assert until(lambda: follower.stats.leaves == 7)
        assert follower.stats.head_leaves == 3, "the next head is due in an hour"
    # The clock was set back meanwhile: a later head has no earlier time.
    now[0] -= timedelta(days=1)
    with following(database_url, clock=lambda: now[0], seconds=3_600.0) as follower:
        assert until(lambda: follower.stats.head_leaves == 7)
    heads = heads_above(reader, 0)
    assert [head.tree_size for head in heads] == [3, 7]
    assert heads[1].head.timestamp_ms == heads[0].head.timestamp_ms + 1
    assert all(head.is_signed_by(KEY.public_key) for head in heads)


def test_without_a_key_the_tree_grows_and_no_head_is_signed(
    database_url: str, ledger: EventStoreLedger, reader: LogConnection
) -> None:
    ledger.append(reported(3))
    with following(database_url, key=None) as follower:
        assert until(lambda: follower.stats.leaves == 3)
    assert newest_head(reader) is None
    assert check(database_url).intact


def test_heads_are_published_each_once_also_those_that_could_not_be_before(
    database_url: str, ledger: EventStoreLedger, reader: LogConnection, tmp_path: Path
) -> None:
    blocked = tmp_path / "elsewhere"
    blocked.write_text("a file where a folder must be")
    file = HeadFile(blocked / "audit.heads")
    with following(database_url, file=file) as follower:
        ledger.append(reported(3))
        assert until(lambda: "heads are not published" in str(follower.stats.fault))
        ledger.append(reported(3))
        assert until(lambda: follower.stats.head_leaves == 6)
        blocked.unlink()
        assert until(lambda: [head.tree_size for head in file.heads()][-1:] == [6])
        assert until(lambda: follower.stats.fault is None)
    with following(database_url, file=file) as follower:
        ledger.append(reported(1))
        assert until(lambda: [head.tree_size for head in file.heads()][-1:] == [7])
    assert file.heads() == heads_above(reader, 0)


def test_half_a_head_at_the_end_of_the_file_is_written_anew(
    database_url: str, ledger: EventStoreLedger, reader: LogConnection, tmp_path: Path
) -> None:
    file = HeadFile(tmp_path / "audit.heads")
    for _ in range(2):
        ledger.append(reported(1))
        grown(database_url)
    first, second = heads_above(reader, 0)
    file.append([first, second])
    whole = file.path.read_text()
    file.path.write_text(whole[:-20])
    assert file.heads() == [first]
    file.append([second])
    assert file.path.read_text() == whole
    file.path.write_text("x" * 10_000)
    with pytest.raises(HeadsUnreadable, match="does not end in heads"):
        file.append([second])
    assert file.path.read_text() == "x" * 10_000


@pytest.mark.parametrize("line", ["{}", "[]", "no JSON", '{"tree_size": "1"}', '{"tree_size": -1}'])
def test_a_file_of_something_else_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    head = {"timestamp": 1, "sha256_root_hash": "AAAA", "tree_head_signature": "", "public_key": ""}
    text = json.dumps({**head, **json.loads(line)}) if line.startswith("{") and line != "{}" else line
    path = tmp_path / "audit.heads"
    path.write_text(f"\n{text}\n")
    with pytest.raises(HeadsUnreadable, match=r"audit\.heads, line 2: "):
        HeadFile(path).heads()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.tree_leaves SET hashes = 'x'",
        "UPDATE ledger.tree_leaves SET hashes = substr(hashes, 1, 32)",
        "UPDATE ledger.tree_leaves SET positions = '\\x01' || substr(positions, 2)",
        "UPDATE ledger.tree_leaves SET number = number + 1",
        "UPDATE ledger.tree_nodes SET hashes = set_byte(hashes, 0, 255 - get_byte(hashes, 0))",
        "UPDATE ledger.tree_heads SET root_hash = 'x'",
        "UPDATE ledger.tree_events SET position = 1",
        "DELETE FROM ledger.tree_leaves WHERE false",
        "DELETE FROM ledger.tree_nodes",
        "DELETE FROM ledger.tree_heads",
        "DELETE FROM ledger.tree_events",
        "TRUNCATE ledger.tree_leaves",
        "TRUNCATE ledger.tree_heads",
    ],
)
def test_not_even_the_owner_changes_the_tree(database_url: str, ledger: EventStoreLedger, statement: str) -> None:
    ledger.append(reported(40))
    grown(database_url)
    with (
        closing(psycopg.connect(database_url, autocommit=True)) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        owner.execute(statement.encode())


def test_a_signing_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = SigningKeyFile(tmp_path / "home" / "audit.key")
    assert file.make()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    key = file.read().public_key
    assert not file.make()
    assert file.read().public_key == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_signing_key_that_others_may_read_is_refused_by_its_name_and_mode(tmp_path: Path, mode: int) -> None:
    file = SigningKeyFile(tmp_path / "audit.key")
    file.make()
    file.path.chmod(mode)
    with pytest.raises(SigningKeyUnfit, match=rf"{file.path} has mode {mode:04o}, but must be .* 0600"):
        file.read()


def test_what_is_no_ed25519_key_is_refused_by_its_name(tmp_path: Path) -> None:
    file = SigningKeyFile(tmp_path / "audit.key")
    with pytest.raises(SigningKeyUnfit, match=r"audit\.key, cannot be read: No such file"):
        file.read()
    for text in ("", "not PEM", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        file.path.write_text(text)
        file.path.chmod(0o600)
        with pytest.raises(SigningKeyUnfit, match=r"audit\.key holds something else"):
            file.read()
