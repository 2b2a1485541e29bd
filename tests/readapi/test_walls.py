"""The database's own wall around a workspace: whatever is asked, the reading role sees the rows of one."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from drumbeat.bootstrap import PROJECTIONS
from drumbeat.eventstore.connections import LogConnection
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.bookkeeping import GENERATION
from drumbeat.projections.engine.install import NotInstalled, install
from drumbeat.projections.engine.projector import Projector
from drumbeat.readapi import activity, attempts, campaigns, contacts, history
from drumbeat.readapi.statements import glance
from support.postgres import TestServer
from support.projecting import EPOCH, ListLog
from support.reading import ALL, Reading
from support.story import tell_story
from support.toys import SEEN, TALLIES
from support.walls import Relation, acting_as, columns_of, login, privileges, relations
from support.walls import attempts as attempts_on

pytestmark = pytest.mark.postgres

TIMERS = {
    "campaign_watch",
    "contact_watch",
    "contact_addresses",
    "suppressed_addresses",
    "watched_senders",
    "spam_scores",
    "progress",
}
HELD = {"campaign_watch", "contact_watch", "watched_senders"}
BOOKS = {"SELECT", "INSERT", "UPDATE", "DELETE"}
MAY = {
    "readmodel.checkpoints": {Role.PROJECT: BOOKS, Role.OPERATE: {"SELECT"}},
    "readmodel.live_checkpoints": {role: {"SELECT"} for role in (Role.READ, Role.POLICIES, Role.PROJECT)},
    "readmodel.live_parked_events": {Role.PROJECT: BOOKS - {"INSERT"}},
    "readmodel.builds": {
        Role.PROJECT: BOOKS,
        Role.OPERATE: {
            "SELECT(generation, mark, slices, events, started_at, cancelled_at, stage, passing)",
            "UPDATE(cancelled_at)",
        },
    },
    "readmodel.slices": {Role.PROJECT: BOOKS, Role.OPERATE: {"SELECT"}},
    "readmodel.projections": {Role.PROJECT: BOOKS, Role.OPERATE: {"SELECT"}},
    "readmodel.rebuilds": {
        Role.PROJECT: {"SELECT", "UPDATE"},
        Role.OPERATE: {"SELECT", "INSERT", "UPDATE(cancelling, ended_at, outcome)"},
    },
    "readmodel.switches": {Role.PROJECT: {"SELECT", "UPDATE"}, Role.OPERATE: {"SELECT", "INSERT"}},
    "readmodel.parked_events": {Role.PROJECT: BOOKS},
    "readmodel.parked_events_id_seq": dict[Role, set[str]](),
}
"""The books of the read models, and what each role may do with them."""


def of_read_models(database_url: str) -> list[Relation]:
    return [one for one in relations(database_url) if one.schema in {"readmodel", "live", GENERATION}]


def with_workspaces(database_url: str) -> list[Relation]:
    return [
        one
        for one in of_read_models(database_url)
        if one.schema != "readmodel" and "workspace_id" in columns_of(database_url, one)
    ]


def test_every_table_of_the_read_models_says_what_each_role_may_do(database_url: str) -> None:
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        install(connection, PROJECTIONS)
    walled = with_workspaces(database_url)
    assert len(walled) > 30
    for relation in of_read_models(database_url):
        expected = MAY.get(str(relation))
        if expected is None:
            expected = {Role.READ: {"SELECT"}} if relation in walled else {}
            if relation.name in TIMERS:
                held = {"UPDATE(position)"} if relation.name in HELD else set()
                expected = {**expected, Role.POLICIES: {"SELECT"} | held}
        for role in set(Role) - ({Role.PROJECT} if str(relation) not in MAY else set()):
            assert privileges(database_url, role, relation) == expected.get(role, set()), f"{role} on {relation}"


def test_every_table_with_workspaces_has_the_policy_and_every_view_looks_with_the_askers_eyes(
    story: Reading,
) -> None:
    with closing(psycopg.connect(story.database_url)) as connection:
        for one in with_workspaces(story.database_url):
            found = connection.execute(
                "SELECT relrowsecurity, relforcerowsecurity, pg_get_userbyid(relowner), "
                "coalesce(reloptions @> ARRAY['security_invoker=true'], false), "
                "ARRAY(SELECT polname FROM pg_policy WHERE polrelid = pg_class.oid ORDER BY 1)::text[] "
                "FROM pg_class WHERE oid = %s::regclass",
                [str(one)],
            ).fetchone()
            policies = ["held_by_policies", "of_workspace", "seen_by_policies"] if one.kind == "r" else []
            assert found == (one.kind == "r", False, Role.PROJECT, one.kind == "v", policies), str(one)


def test_a_new_projection_is_walled_off_and_a_table_without_workspaces_is_shown_to_nobody(
    database_url: str,
) -> None:
    with closing(psycopg.connect(database_url, autocommit=True)) as connection:
        install(connection, [TALLIES, SEEN])
    seen = Relation(GENERATION, "seen", "r")
    assert {one.name for one in with_workspaces(database_url)} >= {"tallies", "marks", "toy_counters"}
    assert privileges(database_url, Role.READ, Relation(GENERATION, "tallies", "r")) == {"SELECT"}
    assert privileges(database_url, Role.READ, seen) == set()
    with acting_as(database_url, Role.READ) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(sql.SQL("SELECT * FROM {}").format(seen.quoted))


def test_a_query_without_a_filter_sees_the_workspace_that_is_set_and_nothing_when_none_is(story: Reading) -> None:
    seen_anything = False
    with (
        closing(psycopg.connect(story.database_url)) as everything,
        acting_as(story.database_url, Role.READ) as connection,
    ):
        for one in with_workspaces(story.database_url):
            asked = sql.SQL("SELECT workspace_id, count(*) FROM {} GROUP BY 1").format(one.quoted)
            there: dict[str, int] = dict(everything.execute(asked).fetchall())
            assert connection.execute(asked).fetchall() == [], str(one)
            for workspace in ("default", "other", "nobody's", "", "%"):
                with connection.transaction():
                    connection.execute("SELECT set_config('drumbeat.workspace_id', %s, true)", [workspace])
                    own = {workspace: there[workspace]} if workspace in there else {}
                    assert dict(connection.execute(asked).fetchall()) == own, (str(one), workspace)
            # It ended with the transaction.
            assert connection.execute(asked).fetchall() == [], str(one)
            seen_anything = seen_anything or set(there) >= {"default", "other"}
    assert seen_anything


def test_the_reading_role_changes_nothing(story: Reading) -> None:
    with acting_as(story.database_url, Role.READ) as connection:
        connection.execute("SELECT set_config('drumbeat.workspace_id', 'default', false)")
        for one in of_read_models(story.database_url):
            if one.kind != "r":
                continue
            for kind, statement in attempts_on(one, columns_of(story.database_url, one)):
                if kind != "SELECT":
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(statement)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT * FROM {} FOR UPDATE").format(one.quoted))
        for forged in ("CREATE VIEW live.forged AS SELECT 1", f"CREATE TABLE {GENERATION}.forged (x int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forged.encode())
        connection.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            connection.execute("SELECT * FROM live.campaigns")


def test_policies_hold_timers_and_change_none(database_url: str) -> None:
    with closing(psycopg.connect(database_url, autocommit=True)) as owner:
        install(owner, PROJECTIONS)
        owner.execute(
            f"INSERT INTO {GENERATION}.watched_senders VALUES ('w', %s, %s, 'active', 0, 1)".encode(),
            [uuid4(), uuid4()],
        )
    with acting_as(database_url, Role.POLICIES) as connection:
        held = connection.execute("SELECT position FROM live.watched_senders FOR UPDATE SKIP LOCKED")
        assert held.fetchall() == [(1,)]
        for change in ("UPDATE live.watched_senders SET position = 2", "DELETE FROM live.watched_senders"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(change.encode())


def test_a_projector_whose_login_may_only_project_runs_once_read_models_were_made(database_url: str) -> None:
    with login(database_url, Role.PROJECT) as url:
        projector = Projector(ListLog(), url, ALL)
        with pytest.raises(NotInstalled, match="drumbeat migrate"):
            projector.run_until(0)
        with closing(psycopg.connect(database_url, autocommit=True)) as connection:
            install(connection, ALL)
        projector.run_until(0)


BIG = ("campaigns", "contacts", "contact_cards", "attempts", "activity", "history", "dashboard_counters")
MULTIPLIED = """
INSERT INTO {table} SELECT (jsonb_populate_record(one, jsonb_build_object(
    'workspace_id', 'w' || n %% 10, 'campaign_id', md5((n %% 200)::text)::uuid, 'contact_id', md5('c' || n)::uuid,
    'position', n, 'placed_position', n, 'key', n::text))).*
FROM (SELECT picked AS one FROM {table} AS picked LIMIT 1) AS picked, generate_series(1, %(rows)s) AS n
ON CONFLICT DO NOTHING
"""


@pytest.fixture(scope="module")
def big(postgres_server: TestServer) -> Iterator[LogConnection]:
    """Ten workspaces of twenty campaigns, a hundred rows of everything each, for the reader of one workspace."""
    with postgres_server.fresh_database() as url:
        reading = Reading(url)
        tell_story(reading.log)
        reading.applied()
        with closing(psycopg.connect(url, autocommit=True)) as owner:
            for name in BIG:
                table = sql.Identifier(GENERATION, name)
                owner.execute(sql.SQL(MULTIPLIED).format(table=table), {"rows": 20_000})
                owner.execute(sql.SQL("ANALYZE {}").format(table))
        with acting_as(url, Role.READ) as connection:
            connection.execute("SELECT set_config('drumbeat.workspace_id', 'w3', false)")
            connection.execute("SELECT set_config('timezone', 'UTC', false)")
            yield connection


LISTINGS = {
    "campaigns": campaigns.LISTING,
    "contacts": contacts.LISTING,
    "attempts": attempts.LISTING,
    "activity": activity.LISTING,
    "history": history.LISTING,
    "history of a workspace": history.OF_WORKSPACE,
}
AFTER = {str: "m", int: 7, float: 50.0, UUID: UUID(int=7), datetime: EPOCH}


@pytest.mark.parametrize("is_first", [True, False], ids=["first page", "later page"])
@pytest.mark.parametrize("name", LISTINGS)
def test_pages_are_read_along_indexes_behind_the_wall(big: LogConnection, name: str, is_first: bool) -> None:
    listing = LISTINGS[name]
    for (sort, is_down), statement in listing.statements.pages.items():
        given: dict[str, Any] = dict.fromkeys(re.findall(r"%\((\w+)\)", statement.decode()))
        given |= {"workspace_id": "w3", "campaign_id": campaign_of_w3(big), "limit": 51, "removed": False}
        given |= {"active_goals": [], "now": EPOCH}
        if not is_first:
            given |= {"after_key": AFTER[listing.key_types[sort]], "after_id": AFTER[listing.id_type]}
        said = plan(big, b"EXPLAIN (VERBOSE) " + statement, given)
        assert "drumbeat.workspace_id" in said
        assert "Index" in said, (sort, is_down)
        for table in BIG:
            assert f"Seq Scan on {GENERATION}.{table} " not in said, (sort, is_down, said)


@pytest.mark.parametrize("name", ["dashboard", "heatmap"])
def test_a_glance_is_read_along_indexes_behind_the_wall(big: LogConnection, name: str) -> None:
    statement = glance(name)
    big.execute("SELECT set_config('plan_cache_mode', 'force_generic_plan', false)")
    big.execute(b"PREPARE %b (text, uuid) AS %b" % (name.encode(), statement.sql))
    asked = f"EXPLAIN (VERBOSE) EXECUTE {name}('w3', '{campaign_of_w3(big)}')"
    said = plan(big, asked.encode(), None)
    big.execute("RESET plan_cache_mode")
    assert "drumbeat.workspace_id" in said
    for table in BIG:
        assert f"Seq Scan on {GENERATION}.{table} " not in said, said


def campaign_of_w3(connection: LogConnection) -> UUID:
    (found,) = connection.execute("SELECT campaign_id FROM live.contacts LIMIT 1").fetchone() or (None,)
    assert isinstance(found, UUID)
    return found


def plan(connection: LogConnection, explain: bytes, given: dict[str, Any] | None) -> str:
    return "\n".join(line for (line,) in connection.execute(explain, given, prepare=False))
