"""Campaigns as of earlier moments at hand: walled off, bounded, found again, and right where events are not."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID, uuid5

import httpx
import psycopg
import pytest
from psycopg import sql

from drumbeat.events import campaign, contact, sender
from drumbeat.events.values import CampaignSource, ContactPrivate
from drumbeat.eventstore.connections import LogConnection, open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.bookkeeping import READMODEL
from drumbeat.projections.models import FOR_READERS
from drumbeat.readapi.folding import Asked, fold, make_tables
from drumbeat.readapi.ledger import LedgerReads
from drumbeat.readapi.statements import on_own_views
from support.reading import Reading, as_of, get, problem, said
from support.sealing import MASTER
from support.story import FOREIGN, NOW, SPRING, drafted, tell_story
from support.whole import whole_system

pytestmark = pytest.mark.postgres


OF_NOW: dict[str, Any] = {"as_of": None, "freshness": None}
"""What a story that was written at another time than it tells of has otherwise."""


@pytest.fixture
def reading(database_url: str) -> Reading:
    """The story, projected."""
    made = Reading(database_url, now=NOW)
    tell_story(made.log)
    made.applied()
    return made


@contextmanager
def world(reading: Reading, workspace_id: str = "default") -> Iterator[LogConnection]:
    """A session with the spring campaign folded to its end, as the read API makes it."""
    with (
        closing(LedgerReads(reading.database_url, MASTER, connections=2, wait_seconds=5)) as ledger,
        closing(open_connection(reading.database_url, settings={}, role=Role.READ)) as connection,
    ):
        make_tables(connection)
        end = len(reading.log.rows)
        contacts = [stream for stream in reading.log.versions if stream != SPRING]
        fold(connection, ledger, Asked(workspace_id, SPRING, end), contacts, most_events=10_000)
        yield connection


def own(connection: LogConnection) -> list[tuple[str, str]]:
    """Every table and view of the session's own, and its kind."""
    return connection.execute(
        "SELECT relname, relkind::text FROM pg_class WHERE relnamespace = pg_my_temp_schema() "
        "AND relkind IN ('r', 'v') AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid "
        "AND attname = 'workspace_id') ORDER BY 1"
    ).fetchall()


def test_a_world_shows_its_workspace_and_nothing_when_another_or_none_is_set(reading: Reading) -> None:
    with world(reading) as connection:
        found = own(connection)
        assert {name for name, kind in found if kind == "r"} == {
            table for projection in FOR_READERS for table in projection.tables()
        }
        assert len([name for name, kind in found if kind == "v"]) >= len(FOR_READERS)
        for name, _ in found:
            asked = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
            for workspace in ("other", "", None):
                with connection.transaction():
                    if workspace is not None:
                        connection.execute("SELECT set_config('drumbeat.workspace_id', %s, true)", [workspace])
                    assert connection.execute(asked).fetchone() == (0,), (name, workspace)
        with connection.transaction():
            connection.execute("SELECT set_config('drumbeat.workspace_id', 'default', true)")
            assert connection.execute("SELECT count(*) FROM live_contacts").fetchone() == (60,)


def test_nothing_of_another_workspace_is_folded(reading: Reading) -> None:
    # The streams of the other one's campaign were named to it, too.
    with world(reading) as connection:
        connection.execute("SELECT set_config('drumbeat.workspace_id', 'other', false)")
        assert connection.execute("SELECT count(*) FROM live_contacts").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM campaigns").fetchone() == (0,)
        with reading.client() as client:
            asked = f"/campaigns/{FOREIGN}"
            assert problem(client.get(asked, params={"as_of": "9"}))["code"] == "unknown-campaign"


def test_a_world_holds_the_rows_that_the_read_models_hold(reading: Reading) -> None:
    with (
        world(reading) as connection,
        closing(psycopg.connect(reading.database_url, autocommit=True)) as everything,
    ):
        connection.execute("SELECT set_config('drumbeat.workspace_id', 'default', false)")
        compared = 0
        for name, kind in own(connection):
            if kind != "v":
                continue
            view = sql.Identifier(name.removeprefix("live_"))
            columns = [
                one.name
                for one in everything.execute(sql.SQL("SELECT * FROM live.{}").format(view)).description or ()
            ]
            rows = sql.SQL("SELECT {columns} FROM {view} t{where} ORDER BY t::text")
            named = sql.SQL(", ").join(sql.SQL("t.{}::text").format(sql.Identifier(one)) for one in columns)
            where = "" if "campaign_id" not in columns else f" WHERE campaign_id = '{SPRING}'"
            here = connection.execute(rows.format(columns=named, view=sql.Identifier(name), where=sql.SQL(where)))
            there = everything.execute(
                rows.format(columns=named, view=sql.SQL("live.{}").format(view), where=sql.SQL(where))
            )
            found = here.fetchall()
            assert found == there.fetchall(), name
            compared += len(found)
        assert compared > 300


def test_the_session_of_a_world_changes_no_read_model(reading: Reading) -> None:
    with world(reading) as connection:
        for statement in (
            "DELETE FROM gen_1.contacts",
            "UPDATE live.contacts SET name = 'x'",
            "INSERT INTO readmodel.checkpoints SELECT * FROM readmodel.checkpoints",
            "CREATE TABLE live.forged (x int)",
            "CREATE TABLE public.forged (x int)",
        ):
            with pytest.raises(psycopg.Error) as refused:
                connection.execute(statement.encode())
            assert isinstance(
                refused.value, psycopg.errors.InsufficientPrivilege | psycopg.errors.ObjectNotInPrerequisiteState
            ), statement


def test_every_view_of_a_projection_has_its_twin_and_statements_keep_the_rest() -> None:
    assert on_own_views(b"SELECT x.live FROM live.contacts JOIN live.a_b ON alive.x") == (
        b"SELECT x.live FROM live_contacts JOIN live_a_b ON alive.x"
    )
    assert {projection.name for projection in FOR_READERS} >= {"contacts", "attempts", "campaigns"}


@contextmanager
def as_of_clients(reading: Reading, **deps: Any) -> Iterator[tuple[httpx.Client, int]]:
    with reading.client(**deps) as client:
        yield client, len(reading.log.rows)


def temporary_tables(url: str) -> int:
    """How many worlds there are in the database."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_class WHERE relname = 'contact_cards' AND relpersistence = 't'"
        ).fetchone()
    return row[0] if row else 0


def test_no_more_worlds_are_kept_than_the_setting_says_and_who_made_room_is_folded_again(reading: Reading) -> None:
    with as_of_clients(reading, as_of_kept=2) as (client, end):
        first = {at: get(client, f"/campaigns/{SPRING}/dashboard", as_of=str(at)) for at in range(end - 6, end)}
        assert temporary_tables(reading.database_url) <= 2
        for at, answer in first.items():
            assert get(client, f"/campaigns/{SPRING}/dashboard", as_of=str(at)) == answer
    assert comes_to(0, reading.database_url)


def comes_to(worlds: int, url: str) -> bool:
    """Whether there are so many worlds soon: a session that ends takes its tables along a moment later."""
    deadline = time.monotonic() + 30
    while temporary_tables(url) != worlds:
        if time.monotonic() > deadline:
            return False
    return True


def test_a_session_that_ended_is_folded_again(reading: Reading) -> None:
    with as_of_clients(reading) as (client, end):
        before = said(as_of(client, f"/campaigns/{SPRING}/contacts", end))
        with closing(psycopg.connect(reading.database_url, autocommit=True)) as connection:
            ended = connection.execute(
                "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
        assert ended is not None
        assert ended[0] > 1
        assert said(as_of(client, f"/campaigns/{SPRING}/contacts", end)) == before


def test_a_question_that_is_wrong_leaves_the_world_at_hand(reading: Reading) -> None:
    with as_of_clients(reading) as (client, end):
        asked = {"as_of": str(end)}
        get(client, f"/campaigns/{SPRING}", **asked)
        wrong = client.get(f"/campaigns/{SPRING}/contacts", params={**asked, "cursor": "x"})
        assert problem(wrong)["code"] == "malformed-cursor"
        assert temporary_tables(reading.database_url) == 1
        assert get(client, f"/campaigns/{SPRING}/contacts", **asked)["items"]


def test_many_at_once_are_answered_right_or_told_to_come_again(reading: Reading) -> None:
    answers: list[tuple[int, httpx.Response]] = []
    with as_of_clients(reading, as_of_kept=1) as (client, end):
        expected = {at: get(client, f"/campaigns/{SPRING}", as_of=str(at)) for at in (end, end - 30)}

        def ask(at: int) -> None:
            answers.append((at, client.get(f"/campaigns/{SPRING}", params={"as_of": str(at)})))

        threads = [threading.Thread(target=ask, args=[at]) for at in [end, end - 30] * 8]
        for thread in threads:
            thread.start()
        live = [client.get(f"/campaigns/{SPRING}").status_code for _ in range(10)]
        for thread in threads:
            thread.join()
    assert live == [200] * 10
    assert len(answers) == 16
    for at, answer in answers:
        if answer.status_code == 503:
            assert problem(answer)["code"] == "as-of-busy"
            assert answer.headers["retry-after"]
        else:
            assert answer.json() == expected[at]
    assert any(answer.status_code == 200 for _, answer in answers)


def test_the_right_to_temporary_tables_is_the_reading_roles_own(reading: Reading) -> None:
    with closing(psycopg.connect(reading.database_url, autocommit=True)) as owner:
        (name,) = owner.execute("SELECT current_database()").fetchone() or ("",)
        of = sql.Identifier(name)
        owner.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(of))
        with as_of_clients(reading) as (client, end):
            document = problem(client.get(f"/campaigns/{SPRING}", params={"as_of": str(end)}))
            assert document["code"] == "not-ready"
            assert "drumbeat_read may not make temporary tables" in document["detail"]
            assert get(client, f"/campaigns/{SPRING}")["name"] == "Spring"
            owner.execute((READMODEL.folder / "0005_worlds.sql").read_bytes())
            assert get(client, f"/campaigns/{SPRING}", as_of=str(end))["name"] == "Spring"


def id_of(name: str) -> UUID:
    """An id that follows from a name."""
    return uuid5(SPRING, name)


def test_events_that_fail_are_set_aside_as_the_projector_sets_them_aside(database_url: str) -> None:
    reading = Reading(database_url, now=NOW)
    number, other = (id_of(name) for name in ("number", "other"))
    reading.log.tell(SPRING, drafted("Spring"), campaign_id=SPRING)
    for index in range(5):
        enrolled = contact.ContactEnrolled(
            reference=f"r-{index}", source=CampaignSource.API, private=ContactPrivate(name=f"n {index}")
        )
        reading.log.tell(id_of(f"c {index}"), enrolled, campaign_id=SPRING)
    # A number that was never registered, and then is renamed and retired: its projection refuses.
    reading.log.tell(number, sender.SenderRenamed(before="a", after="b"), campaign_id=None)
    registered = sender.SenderRegistered(channel="phone", friendly_name="Lisbon", address="+351210000001")
    reading.log.tell(other, registered, campaign_id=None)
    assigned = [campaign.CampaignSenderAssigned(sender_id=one) for one in (number, other)]
    reading.log.tell(SPRING, *assigned, campaign_id=SPRING)
    unheard_of = reading.log.rows[1].bytes.replace(b"enrolled.v1", b"unheard_of.v1")
    unheard_of = unheard_of.replace(b'"streamversion":1', b'"streamversion":2')
    reading.log.tell_raw("contact.unheard_of.v1", unheard_of)
    paused = contact.ContactPaused()
    reading.log.versions[id_of("c 0")] = 2
    reading.log.tell(id_of("c 0"), paused, campaign_id=SPRING)
    reading.log.tell(id_of("c 1"), paused, campaign_id=SPRING)
    reading.applied()
    with as_of_clients(reading) as (client, end):
        for path in ("", "/contacts?count=true", "/senders", "/dashboard", "/history", "/activity"):
            live = client.get(f"/campaigns/{SPRING}{path}")
            then = as_of(client, f"/campaigns/{SPRING}{path}", live.headers["drumbeat-as-of"])
            assert set(live.json()) == set(then.json()) > {"as_of", "freshness"}
            assert {**live.json(), **OF_NOW} == {**then.json(), **OF_NOW}, path
        assert get(client, f"/campaigns/{SPRING}/contacts?paused=true&count=true", as_of=str(end))["count"] == 1


def test_a_campaign_is_folded_when_it_is_asked_for_and_only_then(database_url: str) -> None:
    with whole_system(database_url) as system:
        of = system.running_campaign("a", "b")
        system.project()
        with Reading(database_url, now=system.now).client() as client:
            get(client, f"/campaigns/{of}/dashboard")
            assert temporary_tables(database_url) == 0
            for path in ("", "/dashboard", "/contacts"):
                get(client, f"/campaigns/{of}{path}", as_of="4")
            assert temporary_tables(database_url) == 1
