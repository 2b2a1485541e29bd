"""Whether everything agrees: a plain count over the log, the rows, the counters, and a rebuild from zero."""

from contextlib import closing
from typing import Any

import psycopg

from drumbeat.access.master_keys import MasterKeys
from drumbeat.bootstrap import PROJECTIONS
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.transport.source import LogSource
from support.rebuilding import all_rows
from support.sealing import MASTER, keys_in

Connection = psycopg.Connection[Any]

_FACTS = """
CREATE TEMPORARY TABLE fact AS
SELECT position, type, stream_id, version, event ->> 'campaignid' AS campaign_id, event -> 'data' AS data
FROM (SELECT *, convert_from(bytes, 'UTF8')::jsonb AS event FROM ledger.events) AS read
"""
_TWICE = {
    "an enrolment": "SELECT stream_id FROM fact WHERE type = 'contact.enrolled.v1' GROUP BY 1 HAVING count(*) > 1",
    "a placed call": "SELECT stream_id, data -> 'attempt' FROM fact WHERE type = 'contact.call_placed.v1'"
    " GROUP BY 1, 2 HAVING count(*) > 1",
    "an ended call": "SELECT stream_id, data -> 'attempt' FROM fact WHERE type = 'contact.call_ended.v1'"
    " GROUP BY 1, 2 HAVING count(*) > 1",
    "an end": "SELECT stream_id FROM fact WHERE type IN ('contact.finished.v1', 'contact.reopened.v1')"
    " GROUP BY 1 HAVING sum(CASE type WHEN 'contact.finished.v1' THEN 1 ELSE -1 END) > 1",
    "a campaign's end": "SELECT stream_id FROM fact"
    " WHERE type IN ('campaign.completed.v1', 'campaign.reopened.v1')"
    " GROUP BY 1 HAVING sum(CASE type WHEN 'campaign.completed.v1' THEN 1 ELSE -1 END) > 1",
}
"""What may be in the log once only, and who has it more often."""

_IN_LOG = {
    "contacts": "SELECT campaign_id, count(*) FROM fact AS one WHERE type = 'contact.enrolled.v1' AND NOT EXISTS"
    " (SELECT FROM fact WHERE stream_id = one.stream_id AND type = 'contact.removed.v1') GROUP BY 1",
    "attempts": "SELECT campaign_id, count(*) FROM fact WHERE type = 'contact.call_placed.v1' GROUP BY 1",
    "calls_received": "SELECT campaign_id, count(*) FROM fact WHERE type = 'contact.call_received.v1' GROUP BY 1",
    "attempts_in_flight": "SELECT campaign_id, sum(CASE type WHEN 'contact.call_placed.v1' THEN 1 ELSE -1 END)"
    " FROM fact WHERE type IN ('contact.call_placed.v1', 'contact.call_ended.v1') GROUP BY 1",
}
_IN_ROWS = {
    "contacts": "SELECT campaign_id::text, count(*) FROM live.contacts WHERE NOT removed GROUP BY 1",
    "attempts": "SELECT campaign_id::text, count(*) FROM live.attempts WHERE direction = 'placed' GROUP BY 1",
    "calls_received": "SELECT campaign_id::text, count(*) FROM live.attempts"
    " WHERE direction <> 'placed' GROUP BY 1",
    "attempts_in_flight": "SELECT campaign_id::text, count(*) FROM live.attempts"
    " WHERE direction = 'placed' AND outcome IS NULL GROUP BY 1",
}
_COUNTED = "SELECT campaign_id::text, value FROM live.dashboard_counters WHERE metric = %s AND key = ''"
_BY_LABEL = """
SELECT campaign_id::text, sum(value) FROM live.dashboard_counters WHERE metric = 'contacts_by_label' GROUP BY 1
"""
_BY_OUTCOME = """
SELECT coalesce(
    (SELECT data ->> 'to' FROM fact AS corrected WHERE corrected.type = 'contact.call_outcome_corrected.v1'
     AND corrected.stream_id = ended.stream_id AND corrected.data -> 'attempt' = ended.data -> 'attempt'
     ORDER BY position DESC LIMIT 1), data ->> 'outcome') AS outcome, count(*)
FROM fact AS ended WHERE type = 'contact.call_ended.v1' GROUP BY 1
"""
_OUTCOME_ROWS = "SELECT outcome, count(*) FROM live.attempts WHERE outcome IS NOT NULL GROUP BY 1"
_OUTCOME_COUNTERS = (
    "SELECT key, sum(value) FROM live.dashboard_counters WHERE metric = 'attempts_by_outcome' GROUP BY 1"
)


def caught_up(url: str) -> bool:
    """Whether every read model stands at the end of the log."""
    with closing(psycopg.connect(url)) as connection:
        return _positions(connection) == {_head(connection)}


def everything_agrees(url: str, master: MasterKeys = MASTER) -> None:
    """Fails when anything is doubled, lost, parked, or told differently by two who should say the same.

    The read models are at the end of the log, and nobody writes any more. `master`: what opens the persons' keys.
    """
    with closing(psycopg.connect(url)) as connection:
        assert _positions(connection) == {_head(connection)}
        assert connection.execute("SELECT * FROM readmodel.parked_events").fetchall() == []
        connection.execute(_FACTS)
        for what, query in _TWICE.items():
            assert connection.execute(query).fetchall() == [], f"{what} is in the log twice"
        for metric, query in _IN_LOG.items():
            in_log = _numbers(connection, query)
            assert _numbers(connection, _IN_ROWS[metric]) == in_log, metric
            assert _numbers(connection, _COUNTED, metric) == in_log, metric
        assert _numbers(connection, _BY_LABEL) == _numbers(connection, _IN_LOG["contacts"])
        outcomes = _numbers(connection, _BY_OUTCOME)
        assert _numbers(connection, _OUTCOME_ROWS) == outcomes == _numbers(connection, _OUTCOME_COUNTERS)
    _rebuilt_rows_are_the_same(url, master)


def _numbers(connection: Connection, query: str, *arguments: object) -> dict[Any, int]:
    return {row[0]: int(row[1]) for row in connection.execute(query, arguments or None) if row[1]}


def _head(connection: Connection) -> int:
    row = connection.execute("SELECT coalesce(max(position), 0) FROM ledger.events").fetchone()
    return int(row[0]) if row else 0


def _positions(connection: Connection) -> set[int]:
    found = connection.execute("SELECT position FROM readmodel.checkpoints WHERE generation = 'gen_1'")
    return {int(row[0]) for row in found}


def _rebuilt_rows_are_the_same(url: str, master: MasterKeys) -> None:
    with closing(LogSource(url)) as source:
        options = ProjectorOptions(generation="rebuilt", poll_seconds=0.01)
        Projector(source, url, PROJECTIONS, options, ask=keys_in(url, master)).run_until(source.high_water())
    for projection in PROJECTIONS:
        live, rebuilt = (all_rows(url, projection, generation) for generation in ("gen_1", "rebuilt"))
        assert live == rebuilt, projection.name
