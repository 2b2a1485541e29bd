"""What each role may do in the database, and that it can do nothing else: tried on everything in the catalogue."""

import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from drumbeat.eventstore.connections import DatabaseUnavailable, open_connection
from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.migrations import LEDGER, RolesMissing
from drumbeat.eventstore.roles import Role, RoleUnusable, as_role
from support.following import reported
from support.postgres import FOR_TESTS, MIGRATION_SETS, TestServer, with_database
from support.walls import Relation, acting_as, attempts, columns_of, login, privileges, relations

pytestmark = pytest.mark.postgres

APPENDS = "INSERT(stream_id, version, type, bytes)"
MAY = {
    "ledger.events": {
        Role.WRITE: {"SELECT", APPENDS},
        Role.READ: {"SELECT"},
        Role.AUDIT: {"SELECT(position, bytes)"},
    },
    "ledger.events_position": {Role.WRITE: {"SELECT"}, Role.READ: {"SELECT"}},
    "ledger.idempotency_keys": {Role.WRITE: {"SELECT"}},
    "ledger.snapshots": {Role.WRITE: {"SELECT", "INSERT"}},
    "ledger.relay_checkpoints": {Role.RELAY: {"SELECT", "INSERT", "UPDATE"}, Role.READ: {"SELECT"}},
    "ledger.tree_leaves": {
        Role.AUDIT: {"SELECT", "INSERT", "UPDATE(positions, hashes)"},
        Role.READ: {"SELECT"},
    },
    "ledger.tree_nodes": {Role.AUDIT: {"SELECT", "INSERT", "UPDATE(hashes)"}, Role.READ: {"SELECT"}},
    "ledger.tree_events": {Role.AUDIT: {"SELECT", "INSERT"}, Role.READ: {"SELECT"}},
    "ledger.tree_heads": {Role.AUDIT: {"SELECT", "INSERT"}, Role.READ: {"SELECT"}},
    "intake.uploads": {Role.WRITE: {"SELECT", "INSERT", "UPDATE"}},
    "intake.uploads_number_seq": {},
    "intake.refused_rows": {Role.WRITE: {"SELECT", "INSERT"}},
    "access.api_keys": {
        Role.WRITE: {
            "SELECT",
            "INSERT",
            "UPDATE(secret_hash, old_secret_hash, old_secret_until, rotated_at, revoked_at)",
        },
        Role.KEYS: {"SELECT", "UPDATE(last_used_at)"},
    },
    "access.workspaces": {Role.WRITE: {"SELECT", "INSERT"}},
    "access.workspace_keys": {Role.WRITE: {"SELECT", "INSERT(workspace_id, key)"}},
    "access.person_keys": {
        Role.WRITE: {"SELECT", "INSERT(person_id, workspace_id, master, wrapped)"},
        Role.READ: {"SELECT"},
    },
    "access.person_keys_key_no_seq": {},
    "access.person_campaigns": {Role.WRITE: {"SELECT", "INSERT"}},
    "public.drumbeat_migrations": {role: {"SELECT"} for role in Role},
}
"""Everything in the log's database, and what each role may do with it. Nothing is granted that does not stand
here, and a new table stands here or fails the test."""


@pytest.fixture
def log_url(database_url: str) -> str:
    """A log with some events."""
    with closing(EventStoreLedger(database_url)) as ledger:
        ledger.append(reported(3))
    return database_url


def in_the_log(database_url: str) -> list[Relation]:
    return [one for one in relations(database_url) if one.schema not in {"readmodel", "live"}]


def test_every_table_of_the_log_says_what_each_role_may_do(database_url: str) -> None:
    for relation in in_the_log(database_url):
        for role in Role:
            may = MAY[str(relation)].get(role, set())
            assert privileges(database_url, role, relation) == may, f"{role} on {relation}"


def test_nobody_else_may_call_a_function_of_ours(database_url: str) -> None:
    with closing(psycopg.connect(database_url)) as connection:
        found = connection.execute(
            "SELECT p.oid::int, p.oid::regprocedure::text, p.prosecdef, p.proconfig "
            "FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace "
            "WHERE n.nspname IN ('ledger', 'access', 'intake', 'readmodel', 'live')"
        ).fetchall()
        assert found
        with acting_as(database_url, Role.RELAY) as nobody_of_the_log:
            for oid, name, definer, settings in found:
                asked = ["drumbeat_relay", oid]
                answer = nobody_of_the_log.execute("SELECT has_function_privilege(%s, %s::oid, 'EXECUTE')", asked)
                assert answer.fetchone() == (False,), name
                # What acts as its owner must find there what its author meant, and nothing of the caller's.
                assert not definer or settings == ["search_path=pg_catalog, pg_temp"], name


@pytest.mark.parametrize("role", list(Role))
def test_what_a_role_may_not_do_with_a_table_is_refused_when_tried(log_url: str, role: Role) -> None:
    with acting_as(log_url, role) as connection:
        for relation in in_the_log(log_url):
            if relation.kind != "r":
                continue
            may = privileges(log_url, role, relation)
            for kind, statement in attempts(relation, columns_of(log_url, relation)):
                if not any(one.startswith(kind) for one in may):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(statement)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE SCHEMA forged",
        "CREATE TABLE ledger.forged (x int)",
        "CREATE TABLE access.forged (x int)",
        "CREATE TABLE public.forged (x int)",
        "CREATE FUNCTION ledger.append_one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION ledger.refuse_change() CASCADE",
        "ALTER FUNCTION ledger.keep_key SECURITY INVOKER",
        "DROP SCHEMA ledger CASCADE",
        "CREATE ROLE forged SUPERUSER",
        "ALTER SEQUENCE ledger.events_position RESTART",
        "SELECT setval('ledger.events_position', 1)",
        "SELECT nextval('ledger.events_position')",
        "SET session_replication_role = replica",
        "SET ROLE drumbeat",
        "SET SESSION AUTHORIZATION drumbeat",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_no_role_has_a_way_around(log_url: str, role: Role, statement: str) -> None:
    with acting_as(log_url, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.parametrize("role", list(Role))
def test_a_role_cannot_become_another(log_url: str, role: Role) -> None:
    with acting_as(log_url, role) as connection:
        for other in set(Role) - {role}:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SET ROLE {other}".encode())
        # Nor does it fall back to its login, which may do nothing at all.
        connection.execute("RESET ROLE")
        assert connection.execute("SELECT current_user").fetchone() == (role.value,)
        connection.execute("SET ROLE NONE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT count(*) FROM ledger.events")


def test_commands_can_be_carried_out_by_a_login_that_may_do_nothing_else(log_url: str) -> None:
    with login(log_url, Role.WRITE, Role.READ) as url, closing(EventStoreLedger(url)) as ledger:
        ledger.check()
        assert ledger.append(reported(1)).position == 4
        assert ledger.append(reported(2)).position == 6
        assert ledger.append_bulk(reported(20)).position == 26
        assert ledger.forget_expired_keys() == 0


@pytest.mark.parametrize(
    "forged",
    [
        (
            "INSERT INTO ledger.events (position, stream_id, version, type, bytes) OVERRIDING SYSTEM VALUE "
            "VALUES (1000, gen_random_uuid(), 1, 'x', '')"
        ),
        (
            "INSERT INTO ledger.events (stream_id, version, type, bytes, recorded_at) "
            "VALUES (gen_random_uuid(), 1, 'x', '', '2020-01-01')"
        ),
        "COPY ledger.events (position, stream_id, version, type, bytes) FROM STDIN",
        "COPY ledger.events (stream_id, version, type, bytes, recorded_at) FROM STDIN",
        "COPY ledger.events FROM STDIN",
    ],
)
def test_neither_a_position_nor_the_time_of_recording_can_be_forged(log_url: str, forged: str) -> None:
    with acting_as(log_url, Role.WRITE) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(forged.encode())


def test_an_answer_that_was_kept_cannot_be_changed(log_url: str) -> None:
    keep = "SELECT ledger.keep_key('w', 'k', 'hash', %s, NULL, NULL, NULL)"
    with acting_as(log_url, Role.WRITE) as connection:
        assert connection.execute(keep, [b"first"]).fetchone() == (True,)
        assert connection.execute(keep, [b"second"]).fetchone() == (False,)
        assert connection.execute("SELECT answer FROM ledger.idempotency_keys").fetchone() == (b"first",)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.events SET type = 'x'",
        "UPDATE ledger.events SET type = 'x' WHERE false",
        "DELETE FROM ledger.events",
        "DELETE FROM ledger.events WHERE position = 1",
        "TRUNCATE ledger.events",
        "MERGE INTO ledger.events e USING (SELECT 1) o ON true WHEN MATCHED THEN DELETE",
        (
            "INSERT INTO ledger.events (stream_id, version, type, bytes) SELECT stream_id, version, 'x', '' "
            "FROM ledger.events ON CONFLICT (stream_id, version) DO UPDATE SET type = 'x'"
        ),
    ],
)
def test_not_even_the_owner_changes_the_log(log_url: str, statement: str) -> None:
    with (
        closing(psycopg.connect(log_url, autocommit=True)) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        owner.execute(statement.encode())


def test_databases_of_one_new_server_are_migrated_at_once(tmp_path: Path) -> None:
    settings = {**FOR_TESTS, "shared_buffers": "16MB"}
    with EmbeddedServer(tmp_path / "postgres", settings=settings, durable=False) as server:
        with closing(psycopg.connect(server.url, autocommit=True)) as connection:
            for number in range(6):
                connection.execute(f"CREATE DATABASE at_once_{number}".encode())
        failures: list[BaseException] = []

        def migrate(number: int) -> None:
            try:
                for migrations in MIGRATION_SETS:
                    migrations.migrate(with_database(server.url, f"at_once_{number}"))
            except BaseException as error:  # noqa: BLE001  told by the assertion
                failures.append(error)

        threads = [threading.Thread(target=migrate, args=[number]) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        with closing(psycopg.connect(server.url)) as connection:
            found = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'drumbeat\\_%'").fetchall()
        assert {name for (name,) in found} == set(Role)


def test_a_login_that_may_not_take_our_roles_is_told_what_it_needs(database_url: str) -> None:
    with login(database_url) as url:
        with pytest.raises(RolesMissing, match=r"drumbeat_write.*CREATEROLE"):
            LEDGER.migrate(url)
        with pytest.raises(RoleUnusable, match="GRANT drumbeat_write TO"):
            open_connection(url, settings={}, role=Role.WRITE)
        with closing(EventStoreLedger(url)) as ledger, pytest.raises(Exception, match="cannot be drumbeat_write"):
            ledger.append(reported(1))


def test_a_login_that_may_make_roles_and_own_a_database_migrates_it(postgres_server: TestServer) -> None:
    with (
        login(postgres_server.url, *Role) as owner_url,
        closing(psycopg.connect(postgres_server.url, autocommit=True)) as control,
    ):
        owner = owner_url.split("//")[1].split("@")[0]
        name = f"owned_by_{owner}"
        control.execute(f"CREATE DATABASE {name} OWNER {owner}".encode())
        try:
            url = with_database(owner_url, name)
            for migrations in MIGRATION_SETS:
                migrations.migrate(url)
            with closing(EventStoreLedger(url)) as ledger:
                assert ledger.append(reported(2)).position == 2
        finally:
            control.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_options_of_a_url_are_kept_beside_the_role(database_url: str) -> None:
    url = f"{database_url}&options=-c%20work_mem%3D7MB"
    with closing(psycopg.connect(as_role(url, Role.READ))) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)
        assert connection.execute("SELECT current_user").fetchone() == (Role.READ.value,)


def test_a_role_that_is_missing_is_waited_for_like_a_database_that_is_away(database_url: str) -> None:
    with login(database_url) as url:
        with closing(EventStoreLedger(url)) as ledger, pytest.raises(Exception) as raised:  # noqa: PT011
            ledger.head()
        assert isinstance(raised.value.__cause__, DatabaseUnavailable)
