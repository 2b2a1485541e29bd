"""Records that no projector can apply arrive in the topic of dead letters, whole and as the contract says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid5

import jsonschema
import pytest

from drumbeat import settings
from drumbeat.eventstore.healing import cannot_heal
from drumbeat.opsapi.projecting import copying
from drumbeat.projections.dead_letter_outbox import Outbox
from drumbeat.projections.dead_letters import Choice, dead_letters
from drumbeat.transport.cluster import Cluster, KafkaUnfit, quieten_the_library
from drumbeat.transport.dead_letter_records import DEAD_LETTER_TYPE, decode_dead_letter
from drumbeat.transport.dead_letter_topic import DeadLetterTopic
from support.dead_letters import dead_letter_topic, dead_letters_on
from support.kafka import Broker
from support.machine import until
from support.projecting import CAMPAIGN, ListLog
from support.topics import PARTITIONS, Topics, consuming, topics
from support.toys import ENROLLED, MARK, POISON, SEEN, TALLIES

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]
ROOT = Path(__file__).parents[2]
ONE, TWO = (uuid5(CAMPAIGN, name) for name in ("one", "two"))


@contextmanager
def copies(cluster: Cluster, url: str) -> Iterator[Any]:
    """What copies beside a projector, as the settings have it."""
    variables = {
        "DRUMBEAT_KAFKA_BOOTSTRAP": cluster.bootstrap,
        "DRUMBEAT_KAFKA_TOPIC_PREFIX": cluster.topic_prefix,
        "DRUMBEAT_KAFKA_OTHER_PARTITIONS": str(PARTITIONS[""]),
    }
    with copying(settings.read(variables), url) as stats:
        yield stats


def write_what_cannot_be_applied(there: Topics) -> dict[str, bytes | None]:
    """One record of each kind that no projector can apply, between others that it can; reason and value."""
    log = ListLog()
    log.tell(ONE, ENROLLED)
    there.publish(log.rows)
    row = log.rows[0]
    topic, number = there.partition(ONE)
    unknown = row.bytes.replace(b"contact.enrolled.v1", b"contact.enrolled.v9").replace(
        b'"streamversion":1', b'"streamversion":2'
    )
    wrong = b'{"subject":"%s","streamversion":3,"data":7}' % str(ONE).encode()
    headers = [("position", b"2"), ("type", b"contact.enrolled.v9"), ("content-type", b"application/json")]
    there.send(row, value=b"no json", headers=headers)
    there.send(row, value=unknown, headers=headers)
    there.send(row, value=wrong, headers=[("position", b"3"), ("type", b"contact.paused.v1"), headers[2]])
    there.send(row, value=None)
    there.producer.send(topic, b'{"order": 7}', key=b"order-7", partition=number)
    there.producer.send(topic, row.bytes, key=b"somebody else", headers=headers, partition=number)
    later = ListLog()
    later.tell(TWO, ENROLLED, MARK)
    there.publish([one._replace(position=one.position + 3) for one in later.rows])
    return {
        "the value is no CloudEvent": b"no json",
        "unknown event type 'contact.enrolled.v9'": unknown,
        "malformed event of type 'contact.paused.v1'": wrong,
        "the record has no value": b"",
        "the record has no header": b'{"order": 7}',
        "the key is b'somebody else'": row.bytes,
    }


def test_each_kind_of_record_that_cannot_be_applied_arrives_once_and_fits_the_contract(
    database_url: str, kafka_cluster: Cluster
) -> None:
    with topics(kafka_cluster) as there:
        values = write_what_cannot_be_applied(there)
        with (
            consuming(there, database_url, [TALLIES, SEEN], heal=cannot_heal) as projector,
            copies(kafka_cluster, database_url) as stats,
        ):
            projector.run_until(5, timeout_seconds=30)
            assert until(lambda: stats.copied == projector.stats.parked)
        records = dead_letters_on(kafka_cluster)
    schema = json.loads((ROOT / "streams" / "schemas" / f"{DEAD_LETTER_TYPE}.json").read_text())
    for record in records:
        jsonschema.validate(json.loads(record.value), schema, format_checker=jsonschema.FormatChecker())
        assert dict(record.headers)["type"] == DEAD_LETTER_TYPE.encode()
    letters = [decode_dead_letter(record.value) for record in records]
    assert [record.key for record in records] == [letter.key for letter in letters]
    assert len({letter.id for letter in letters}) == len(letters)
    topic, number = there.partition(ONE)
    assert {(one.source_topic, one.source_partition) for one in letters} == {(topic, number)}
    for reason, value in values.items():
        found = [letter for letter in letters if letter.reason.startswith(reason)]
        assert {letter.record for letter in found} == {value}, reason
        # Unknown and malformed events stop their stream for every projection that looks; the rest is nobody's.
        names = {"unknown": ["seen", "tallies"], "malformed": ["seen", "tallies"]}.get(reason.split()[0], ["*"])
        assert sorted(letter.projection for letter in found) == names, reason
    with dead_letters(database_url) as parked:
        assert all(one.published_at is not None for one in parked.everything(Choice()))


def test_what_waits_behind_poison_arrives_behind_it_under_the_same_key(
    database_url: str, kafka_cluster: Cluster
) -> None:
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON, MARK, MARK)
    with topics(kafka_cluster) as there:
        there.publish(log.rows)
        with consuming(there, database_url, [TALLIES, SEEN], heal=cannot_heal) as projector:
            projector.run_until(len(log.rows), timeout_seconds=30)
        with closing(
            Outbox(database_url, lambda: DeadLetterTopic(kafka_cluster, dead_letter_topic(kafka_cluster)))
        ) as one:
            assert one.copy() == 3
        letters = [decode_dead_letter(record.value) for record in dead_letters_on(kafka_cluster)]
    assert [(letter.position, letter.stream_id) for letter in letters] == [(2, ONE), (3, ONE), (4, ONE)]
    assert [letter.record for letter in letters] == [row.bytes for row in log.rows[1:]]


def test_a_topic_that_is_missing_is_named_and_nothing_is_made(database_url: str, kafka_cluster: Cluster) -> None:
    with pytest.raises(KafkaUnfit, match=r"dead-letters: is missing; `drumbeat streams create` makes it"):
        DeadLetterTopic(kafka_cluster, dead_letter_topic(kafka_cluster))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_brokers_that_are_away_delay_dead_letters_and_lose_none(
    database_url: str, kafka_broker: Callable[..., Broker]
) -> None:
    quieten_the_library()
    broker = kafka_broker()
    cluster = broker.cluster()
    log = ListLog()
    log.tell(ONE, ENROLLED, POISON, MARK, MARK)
    with topics(cluster) as there:
        there.publish(log.rows)
        with consuming(there, database_url, [TALLIES, SEEN], heal=cannot_heal) as projector:
            projector.run_until(len(log.rows), timeout_seconds=30)
    outbox = Outbox(database_url, lambda: DeadLetterTopic(cluster, dead_letter_topic(cluster), overdue_seconds=2))
    stop = threading.Event()
    thread = threading.Thread(target=outbox.run, args=[stop])
    broker.kill()
    thread.start()
    try:
        assert until(lambda: outbox.stats.fault is not None)
        assert cluster.bootstrap in str(outbox.stats.fault)
        broker.start()
        assert until(lambda: outbox.stats.copied == 3, 60)
    finally:
        stop.set()
        thread.join()
    letters = [decode_dead_letter(record.value) for record in dead_letters_on(cluster)]
    assert list(dict.fromkeys(letter.position for letter in letters)) == [2, 3, 4]
