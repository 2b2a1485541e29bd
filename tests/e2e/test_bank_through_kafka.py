"""The bank file through Kafka into a second database: the same totals, and the same answer to every question."""

from contextlib import ExitStack, closing
from typing import Any

import httpx
import psycopg
import pytest

from drumbeat.bootstrap import PROJECTIONS
from drumbeat.eventstore.healing import FromLog
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.transport.cluster import Cluster
from drumbeat.transport.topic_definitions import topics_of
from support.bank import IMPORTED_AT, Bank
from support.machine import until
from support.postgres import TestServer
from support.reading import Reading, get
from support.relaying import relaying
from support.sealing import MASTER, keys_in
from support.topics import PARTITIONS, Topics, consuming, topics

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.long, pytest.mark.timeout(280)]

CONTACTS = 41_188
VIEWS = (
    "SELECT viewname, array_agg(attname::text ORDER BY attname) FROM pg_views"
    " JOIN pg_attribute ON attrelid = format('live.%I', viewname)::regclass AND attnum > 0"
    " WHERE schemaname = 'live' GROUP BY 1 ORDER BY 1"
)


def test_every_question_has_the_same_answer_whether_the_log_or_kafka_fed_the_read_models(
    bank: Bank, postgres_server: TestServer, kafka_cluster: Cluster
) -> None:
    with ExitStack() as stack:
        second = stack.enter_context(postgres_server.fresh_database())
        there = stack.enter_context(topics(kafka_cluster))
        head = _published(bank, there)
        heal = stack.enter_context(closing(FromLog(bank.url)))
        projector = stack.enter_context(consuming(there, second, PROJECTIONS, heal=heal, ask=keys_in(bank.url)))
        projector.run_until(head, timeout_seconds=200)
        assert projector.stats.parked == 0
        assert _rows(second) == _rows(bank.url)
        clients = [
            stack.enter_context(Reading(url, now=IMPORTED_AT).client(ledger_url=bank.url))
            for url in (bank.url, second)
        ]
        _ask_everything(bank, *clients)


def _published(bank: Bank, there: Topics) -> int:
    with closing(EventStoreLedger(bank.url, master=MASTER)) as ledger:
        head = ledger.head()
    wanted = topics_of(there.cluster, PARTITIONS, 1)
    with relaying(bank.url, there.cluster, wanted, overdue_seconds=30) as running:
        assert until(lambda: running.relay.stats.position >= head, 120)
    return head


def _rows(url: str) -> dict[str, tuple[int, int]]:
    """Of every view of readers: how many rows, and a sum over the hashes of all of them."""
    found = {}
    with closing(psycopg.connect(url)) as connection:
        for view, columns in connection.execute(VIEWS).fetchall():
            row = connection.execute(
                f"SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)"
                f" FROM (SELECT {', '.join(columns)} FROM live.{view}) AS t"
            ).fetchone()
            assert row is not None
            found[view] = (int(row[0]), int(row[1]))
    assert found["contacts"][0] == CONTACTS
    return found


NOT_OF_READ_MODELS = ("/health", "/openapi", "/audit")
"""What is answered from elsewhere; so is what changed between two positions."""


def _ask_everything(bank: Bank, log_fed: httpx.Client, kafka_fed: httpx.Client) -> None:
    contacts = _same_contacts(f"/campaigns/{bank.campaign_id}/contacts", log_fed, kafka_fed)
    some = [contacts[index] for index in (0, CONTACTS // 2, CONTACTS - 1)]
    asked = 0
    for path in log_fed.get("/openapi.json").json()["paths"]:
        for contact in some if "{contact_id}" in path else some[:1]:
            url = path.replace("{campaign_id}", str(bank.campaign_id)).replace("{contact_id}", contact)
            if "{" in url or url.startswith(NOT_OF_READ_MODELS) or url in {"/metrics", "/"} or "/diff" in url:
                continue
            first, second = (_answer(client, url) for client in (log_fed, kafka_fed))
            assert first == second, url
            asked += 1
    assert asked >= 12


def _same_contacts(path: str, log_fed: httpx.Client, kafka_fed: httpx.Client) -> list[str]:
    """Every page of one, and every tenth and the last beside the other's: that all rows are the same is known."""
    contacts: list[str] = []
    cursor: dict[str, str] = {}
    number = 0
    while True:
        url = str(httpx.URL(path).copy_merge_params({"limit": 500, **cursor}))
        page = get(kafka_fed, url)
        contacts += [row["contact_id"] for row in page["items"]]
        is_last = page["next_cursor"] is None
        if number % 10 == 0 or is_last:
            assert _answer(log_fed, url) == _answer(kafka_fed, url), url
        if is_last:
            assert len(contacts) == len(set(contacts)) == CONTACTS
            return contacts
        cursor = {"cursor": page["next_cursor"]}
        number += 1


def _answer(client: httpx.Client, url: str) -> Any:
    answer = client.get(url)
    assert answer.status_code in {200, 404}, (url, answer.text)
    if answer.headers["content-type"].startswith("text/csv"):
        return answer.status_code, answer.text
    body = answer.json()
    if isinstance(body, dict):
        # Recorded in microseconds in the log, in milliseconds on Kafka.
        freshness = body.pop("freshness", {})
        assert freshness.pop("lag_events", 0) in {0, None}
        body["freshness"] = {name: str(value)[:23] for name, value in freshness.items()}
        body.pop("correlation_id", None)
    return answer.status_code, body
