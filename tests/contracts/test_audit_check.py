"""A log that was altered by hand in the database: each change is found, by us and by the auditors' program."""

import json
import random
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drumbeat.audit.checking import check
from drumbeat.audit.differences import MOST_TOLD
from drumbeat.audit.heads import SignedHead, TreeHead
from drumbeat.audit.signing import SigningKey
from drumbeat.audit.stored import heads_above
from drumbeat.audit.verdict import Kind, Report
from drumbeat.eventstore.connections import LogConnection, open_connection
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.roles import Role
from drumbeat.transport.source import SourceUnavailable
from support.auditing import CHECKER, KEY, checker, grown, inclusion_hashes
from support.following import append_and_hold, reported
from support.machine import until
from support.tampering import altering_the_log
from support.threads import running

pytestmark = pytest.mark.postgres
CHECK = checker()
LEAVES = 140

Hand = psycopg.Connection[Any]


@dataclass(slots=True)
class Audited:
    """A log with its tree, and what an auditor took away before anything was altered."""

    url: str
    hand: Hand
    positions: list[int]
    heads: list[SignedHead]
    proofs: list[dict[str, Any]]

    def check(self, **how: Any) -> Report:
        return check(self.url, **{"public_key": KEY.public_key, **how})

    def found(self) -> list[tuple[Kind, int | None, int | None]]:
        return [(one.kind, one.leaf, one.position) for one in self.check().findings]

    def events(self) -> list[tuple[int, bytes]]:
        rows = self.hand.execute("SELECT position, bytes FROM ledger.events ORDER BY position").fetchall()
        return [(position, bytes(raw)) for position, raw in rows]

    def alter(self, statement: str, *values: Any) -> None:
        with altering_the_log(self.hand):
            self.hand.execute(statement.encode(), values)

    def place(self, leaf: int, position: int) -> None:
        """Give the event of a leaf another position."""
        self.move(self.positions[leaf], position)

    def move(self, position: int, to: int) -> None:
        """Give the event at a position another one."""
        self.alter(
            "WITH moved AS (DELETE FROM ledger.events WHERE position = %s RETURNING *) "
            "INSERT INTO ledger.events OVERRIDING SYSTEM VALUE "
            "SELECT %s, stream_id, version, type, bytes, recorded_at FROM moved",
            position,
            to,
        )

    def give(self, leaf: int, raw: bytes) -> None:
        """Give the event of a leaf other bytes."""
        self.alter("UPDATE ledger.events SET bytes = %s WHERE position = %s", raw, self.positions[leaf])

    def raw(self, leaf: int) -> bytes:
        return self.events()[leaf][1]

    def located_by_the_auditors_program(self) -> tuple[bool, set[int], set[int]]:
        """Whether the log's root is the signed one; positions whose proof fails; positions that nothing proves."""
        now = dict(self.events())
        root = CHECK.root_of([CHECK.leaf_hash(*event) for event in now.items()])
        failing = set()
        for proof in self.proofs:
            raw = now.get(proof["position"])
            shown = {**proof, "bytes": b64encode(raw).decode()} if raw is not None else None
            if shown is None or not CHECK.is_right(shown, KEY.public_key):
                failing.add(proof["position"])
        return (
            root == self.heads[-1].head.root_hash,
            failing,
            now.keys() - {one["position"] for one in self.proofs},
        )


@pytest.fixture
def audited(database_url: str) -> Iterator[Audited]:
    """Seven heads over 140 events whose positions have a hole after each 20."""
    with (
        closing(psycopg.connect(database_url, autocommit=True)) as hand,
        closing(EventStoreLedger(database_url)) as ledger,
        closing(open_connection(database_url, settings={}, role=Role.READ)) as reader,
    ):
        for _ in range(7):
            ledger.append(reported(20))
            hand.execute("SELECT nextval('ledger.events_position') FROM generate_series(1, 2)")
            grown(database_url)
        heads = heads_above(reader, 0)
        made = Audited(database_url, hand, [], heads, [])
        for leaf, (position, raw) in enumerate(made.events()):
            path = [b64encode(one).decode() for one in inclusion_hashes(reader, leaf, LEAVES)]
            shown = {"position": position, "bytes": b64encode(raw).decode(), "leaf_index": leaf}
            made.positions.append(position)
            made.proofs.append({**shown, "audit_path": path, "head": heads[-1].document()})
        assert made.check(kept=heads).intact
        assert made.located_by_the_auditors_program() == (True, set(), set())
        yield made


def test_a_log_that_nobody_altered_is_as_it_was(audited: Audited) -> None:
    report = audited.check(kept=audited.heads)
    assert (report.intact, report.leaves, report.events, report.agreeing_heads) == (True, LEAVES, LEAVES, 7)
    assert report.lines()[-1] == "the log is as it was"
    assert report.document()["findings"] == []


@pytest.mark.parametrize("leaf", [0, 1, 31, 32, 77, LEAVES - 1])
def test_an_altered_event_is_found_and_named(audited: Audited, leaf: int) -> None:
    audited.give(leaf, audited.raw(leaf).replace(b"feed", b"food"))
    position = audited.positions[leaf]
    assert audited.found() == [(Kind.ALTERED, leaf, position)]
    assert audited.located_by_the_auditors_program() == (False, {position}, set())
    (finding,) = audited.check().findings
    assert f"at position {position} (leaf {leaf}) was altered; it says that it is " in finding.words


@pytest.mark.parametrize("leaf", [0, 31, 32, 77, LEAVES - 1])
def test_a_removed_event_is_found_and_named(audited: Audited, leaf: int) -> None:
    position = audited.positions[leaf]
    audited.alter("DELETE FROM ledger.events WHERE position = %s", position)
    assert audited.found() == [(Kind.REMOVED, leaf, position)]
    assert audited.located_by_the_auditors_program() == (False, {position}, set())


@pytest.mark.parametrize("after", [20, 60, 120])
def test_an_inserted_event_is_found_and_named(audited: Audited, after: int) -> None:
    hole = audited.positions[after - 1] + 1
    assert hole not in audited.positions
    audited.alter(
        "INSERT INTO ledger.events (position, stream_id, version, type, bytes) OVERRIDING SYSTEM VALUE "
        "VALUES (%s, gen_random_uuid(), 1, 'x', '{}')",
        hole,
    )
    assert audited.found() == [(Kind.INSERTED, after, hole)]
    assert audited.located_by_the_auditors_program() == (False, set(), {hole})


def test_an_event_before_the_first_is_found(audited: Audited) -> None:
    audited.alter(
        "INSERT INTO ledger.events (position, stream_id, version, type, bytes) OVERRIDING SYSTEM VALUE "
        "VALUES (0, gen_random_uuid(), 1, 'x', '{}')"
    )
    assert audited.found() == [(Kind.INSERTED, 0, 0)]


@pytest.mark.parametrize(("one", "other"), [(0, 1), (31, 32), (5, 130)])
def test_events_that_changed_places_are_found_and_named(audited: Audited, one: int, other: int) -> None:
    first, second = audited.positions[one], audited.positions[other]
    audited.place(one, 10_000)
    audited.place(other, first)
    audited.move(10_000, second)
    assert audited.found() == [(Kind.REORDERED, other, first), (Kind.REORDERED, one, second)]
    assert audited.located_by_the_auditors_program() == (False, {first, second}, set())
    words = [finding.words for finding in audited.check().findings]
    assert words[0] == f"the event of position {second} (leaf {other}) stands at position {first}"


def test_an_event_that_was_moved_into_a_hole_is_found_at_its_new_place(audited: Audited) -> None:
    hole = audited.positions[59] + 1
    audited.place(12, hole)
    assert audited.found() == [(Kind.REORDERED, 12, hole)]
    assert audited.located_by_the_auditors_program() == (False, {audited.positions[12]}, {hole})


def test_an_event_that_was_written_over_by_another_is_found_with_what_became_of_both(audited: Audited) -> None:
    raw = audited.raw(40)
    audited.alter("DELETE FROM ledger.events WHERE position = %s", audited.positions[40])
    audited.give(90, raw)
    assert audited.found() == [
        (Kind.REORDERED, 40, audited.positions[90]),
        (Kind.REMOVED, 90, audited.positions[90]),
    ]


def test_a_copy_over_another_event_is_an_alteration(audited: Audited) -> None:
    audited.give(90, audited.raw(40))
    assert audited.found() == [(Kind.ALTERED, 90, audited.positions[90])]


def test_all_kinds_at_once_are_each_named(audited: Audited) -> None:
    hole = audited.positions[99] + 2
    audited.give(3, b"{}")
    audited.alter("DELETE FROM ledger.events WHERE position = %s", audited.positions[50])
    audited.alter(
        "INSERT INTO ledger.events (position, stream_id, version, type, bytes) OVERRIDING SYSTEM VALUE "
        "VALUES (%s, gen_random_uuid(), 1, 'x', '{}')",
        hole,
    )
    audited.place(70, audited.positions[79] + 1)
    assert audited.found() == [
        (Kind.ALTERED, 3, audited.positions[3]),
        (Kind.REMOVED, 50, audited.positions[50]),
        (Kind.REORDERED, 70, audited.positions[79] + 1),
        (Kind.INSERTED, 100, hole),
    ]


def test_a_tail_that_was_cut_off_with_its_tree_is_found_against_a_head_that_was_kept_elsewhere(
    audited: Audited,
) -> None:
    cut = audited.positions[100]
    for statement in (
        f"DELETE FROM ledger.events WHERE position >= {cut}",
        "TRUNCATE ledger.tree_leaves, ledger.tree_nodes, ledger.tree_events",
        "DELETE FROM ledger.tree_heads WHERE tree_size > 100",
    ):
        audited.alter(statement)
    assert grown(audited.url) == 100
    assert audited.check().intact, "nothing in the database tells"
    report = audited.check(kept=audited.heads)
    assert [(one.kind, one.leaf) for one in report.findings] == [(Kind.CUT_OFF, 100)]
    assert "signed for 140 leaves, and the tree has 100: 40 were cut off" in report.findings[0].words


@pytest.mark.parametrize("leaf", [0, 65, 139])
def test_events_and_tree_that_were_changed_together_are_found_between_two_heads(
    audited: Audited, leaf: int
) -> None:
    audited.give(leaf, b"{}")
    audited.alter("TRUNCATE ledger.tree_leaves, ledger.tree_nodes, ledger.tree_events")
    assert grown(audited.url, key=None) == LEAVES
    report = audited.check(kept=audited.heads)
    first = leaf // 20 * 20
    assert [(one.kind, one.leaf) for one in report.findings] == [(Kind.HEAD_DIFFERS, first)]
    assert f"from leaf {first} to {first + 19}" in report.findings[0].words
    assert audited.located_by_the_auditors_program() == (False, {audited.positions[leaf]}, set())


def test_a_leaf_that_was_changed_alone_is_told_apart_from_a_changed_event(audited: Audited) -> None:
    audited.alter(
        "UPDATE ledger.tree_leaves SET hashes = set_byte(hashes, 0, 255 - get_byte(hashes, 0)) WHERE number = 1"
    )
    findings = audited.check(kept=audited.heads).findings
    assert {one.kind for one in findings} == {Kind.TREE_DAMAGED}
    assert (findings[0].leaf, findings[0].position) == (32, audited.positions[32])
    assert findings[0].words.startswith("leaf 32 was changed in the tree; the log gives the root that was signed")
    assert audited.located_by_the_auditors_program() == (True, set(), set()), "the log itself is as it was"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger.tree_leaves WHERE number = 1",
        "DELETE FROM ledger.tree_leaves WHERE number = 0",
        "UPDATE ledger.tree_leaves SET hashes = substr(hashes, 1, 31) WHERE number = 2",
        "UPDATE ledger.tree_leaves SET hashes = '', positions = '' WHERE number = 4",
        "UPDATE ledger.tree_leaves SET hashes = substr(hashes, 1, 32), positions = substr(positions, 1, 8)",
        "UPDATE ledger.tree_leaves SET positions = substr(positions, 9) || substr(positions, 1, 8) WHERE number=1",
        "UPDATE ledger.tree_nodes SET hashes = set_byte(hashes, 0, 255 - get_byte(hashes, 0))",
        "DELETE FROM ledger.tree_nodes",
    ],
)
def test_a_tree_that_was_damaged_is_named_as_that(audited: Audited, statement: str) -> None:
    audited.alter(statement)
    assert Kind.TREE_DAMAGED in [one.kind for one in audited.check().findings]


def test_a_head_of_another_key_or_of_another_root_is_named(audited: Audited) -> None:
    stranger = SigningKey(Ed25519PrivateKey.generate())
    of_another = stranger.sign(audited.heads[2].head)
    of_another_root = KEY.sign(TreeHead(60, 1, bytes(32)))
    report = audited.check(kept=[of_another, of_another_root])
    assert {one.kind for one in report.findings} == {Kind.HEAD_NOT_SIGNED, Kind.HEAD_DIFFERS}
    assert audited.check(kept=[of_another], public_key=None).intact, "without a key it is believed to be its own"


def test_more_differences_than_are_told_are_counted(database_url: str) -> None:
    with (
        closing(psycopg.connect(database_url, autocommit=True)) as hand,
        closing(EventStoreLedger(database_url)) as ledger,
    ):
        ledger.append_bulk(reported(MOST_TOLD + 100))
        grown(database_url, batch_events=1_000)
        with altering_the_log(hand):
            hand.execute("UPDATE ledger.events SET bytes = '{}'")
        report = check(database_url)
        assert (len(report.findings), report.untold, report.intact) == (MOST_TOLD, 100, False)
        assert report.lines()[-2] == "and 100 more differences"


def test_a_check_beside_writers_and_a_growing_tree_finds_nothing(database_url: str) -> None:
    def appending(ledger: EventStoreLedger) -> Callable[[Any], None]:
        def run(stop: Any) -> None:
            while not stop.is_set():
                ledger.append(reported(random.randint(1, 9)))
                grown(database_url, batch_events=50)

        return run

    with closing(EventStoreLedger(database_url)) as ledger:
        ledger.append(reported(30))
        grown(database_url)
        with running(appending(ledger)):
            reports = [check(database_url, public_key=KEY.public_key) for _ in range(25)]
    assert all(report.intact for report in reports), [report.lines() for report in reports]
    assert reports[-1].leaves > reports[0].leaves


def test_an_append_under_way_is_waited_for_and_nothing_is_held_against_it(
    audited: Audited, other: LogConnection
) -> None:
    append_and_hold(other)
    reports: list[Report] = []
    with running(lambda _stop: reports.append(audited.check())):
        assert not until(lambda: bool(reports), 0.5)
        with pytest.raises(SourceUnavailable, match="under way"):
            audited.check(patience_seconds=0.1)
        other.execute("COMMIT")
        assert until(lambda: bool(reports))
    assert reports[0].intact


def test_the_program_says_by_its_exit_code_whether_files_are_proven(audited: Audited, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.json", tmp_path / "wrong.json"
    right.write_text(json.dumps(audited.proofs[7]))
    wrong.write_text(json.dumps({**audited.proofs[7], "bytes": b64encode(b"{}").decode()}))
    key = b64encode(KEY.public_key).decode()

    def ask(*files: Path) -> tuple[int, str]:
        command: list[str | Path] = [sys.executable, CHECKER, key, *files]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    assert ask(right) == (0, f"{right}: proven\n")
    assert ask(right, wrong) == (1, f"{right}: proven\n{wrong}: NOT PROVEN\n")
