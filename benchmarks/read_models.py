"""The read models of a benchmark's database: emptied for the next run, and compared."""

from contextlib import closing
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.live_events import CAMPAIGN, EVENTS_A_CONTACT
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.projections.engine.bookkeeping import GENERATION
from drumbeat.projections.engine.install import install


def emptied(url: str) -> None:
    """Make the tables of all read models anew."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(GENERATION)))
        for table in ("checkpoints", "projections"):
            connection.execute(sql.SQL("DELETE FROM readmodel.{}").format(sql.Identifier(table)))
        install(connection, PROJECTIONS)


def tables(connection: psycopg.Connection[Any]) -> list[str]:
    """The tables' names."""
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", [GENERATION])
    return [str(name) for (name,) in found.fetchall()]


def everything(url: str) -> dict[str, list[str]]:
    """All rows by table, but counters that stand at nothing."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        found = {}
        for table in tables(connection):
            statement = sql.SQL("SELECT to_jsonb(t)::text FROM {}.{} t ORDER BY 1")
            rows = connection.execute(statement.format(sql.Identifier(GENERATION), sql.Identifier(table)))
            found[table] = [str(row) for (row,) in rows.fetchall() if '"value": 0,' not in str(row)]
        return found


def check(url: str, contacts: int) -> None:
    """Every event counted: what the dashboard says is what was written."""
    with closing(psycopg.connect(url)) as connection:
        rows = connection.execute(
            "SELECT metric, value FROM live.dashboard_counters WHERE campaign_id = %s AND key = ''", [CAMPAIGN]
        ).fetchall()
        events = connection.execute("SELECT count(*) FROM ledger.events").fetchone()
    counted = {str(metric): int(value) for metric, value in rows}
    assert (counted["contacts"], counted["attempts"], counted["conversations"]) == (
        contacts,
        2 * contacts,
        contacts,
    )
    assert events is not None
    assert events[0] >= EVENTS_A_CONTACT * contacts
