"""What the log keeps of an event: CloudEvents 1.0 that others read, old versions raised, unknown ones named."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from drumbeat.aggregates.sender import SENDER
from drumbeat.events import FACTS, Event, Fact, UnknownEventType
from drumbeat.events.calls import ContactCallEnded
from drumbeat.events.light import decode_light
from drumbeat.events.sender import SenderRegistered, SenderSpamScoreReported
from drumbeat.events.values import CallOutcome, CallPrivate, Channel
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.transport.source import LogSource
from support.given import CAMPAIGN_ID, NOW, event, uid
from support.sealing import MASTER, sealed_bytes

pytestmark = pytest.mark.postgres


@pytest.fixture
def ledger(database_url: str) -> Iterator[EventStoreLedger]:
    real = EventStoreLedger(database_url, master=MASTER)
    yield real
    real.close()


def kept_bytes(database_url: str) -> list[bytes]:
    with psycopg.connect(database_url) as connection:
        return [row[0] for row in connection.execute("SELECT bytes FROM ledger.events ORDER BY position")]


def test_the_cloudevents_sdk_reads_what_the_log_keeps(database_url: str, ledger: EventStoreLedger) -> None:
    fact = ContactCallEnded(
        attempt=2,
        outcome=CallOutcome.CALLBACK,
        duration_seconds=61,
        callback_at=NOW,
        conversation_id=uid("conversation"),
        private=CallPrivate(summary="Grüße, “quoted” \\ and\nbroken"),
    )
    ledger.append([event(fact, stream_id=uid("contact"))])
    read = JSONFormat().read(CloudEvent, kept_bytes(database_url)[0])
    assert read.get_specversion() == "1.0"
    assert read.get_type() == "contact.call_ended.v1"
    assert read.get_source() == "/drumbeat/default"
    assert read.get_subject() == str(uid("contact"))
    assert read.get_time() == NOW
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("streamversion") == 1
    assert read.get_extension("workspaceid") == "default"
    assert read.get_extension("campaignid") == str(CAMPAIGN_ID)
    assert read.get_extension("actor") == "ada"
    assert read.get_extension("cause") == "user"
    assert read.get_extension("correlationid") == str(uid("correlation"))
    data: Any = read.get_data()
    assert data["private"].keys() == {"person", "key", "sealed"}
    assert data["outcome"] == "callback"


def test_the_bytes_are_written_once_and_handed_out_as_they_are(
    database_url: str, ledger: EventStoreLedger
) -> None:
    written = event(SenderSpamScoreReported(score=7, source="feed"), stream_id=uid("sender"))
    ledger.append([written])
    source = LogSource(database_url)
    assert [row.bytes for row in source.read(0, 10).rows] == kept_bytes(database_url) == [sealed_bytes(written)]
    source.close()


def _insert(database_url: str, type_name: str, document: dict[str, Any]) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO ledger.events (stream_id, version, type, bytes) VALUES (%s, %s, %s, %s)",
            [document["subject"], document["streamversion"], type_name, json.dumps(document).encode()],
        )


def _document(event_: Event[Fact], **changes: Any) -> dict[str, Any]:
    return {**json.loads(sealed_bytes(event_)), **changes}


def test_an_event_of_an_old_version_is_raised_when_it_is_read_and_its_bytes_stay(
    database_url: str, ledger: EventStoreLedger
) -> None:
    registered = SenderRegistered(channel=Channel.PHONE, friendly_name="Main", address="+351210000000")
    ledger.append([event(registered, stream_id=uid("sender"))])
    newer = event(SenderSpamScoreReported(score=6, source="x"), version=2, stream_id=uid("sender"))
    older = _document(newer, type="sender.spam_score_reported.v1", data={"score": 6})
    _insert(database_url, "sender.spam_score_reported.v1", older)
    recorded = ledger.read_stream("default", uid("sender"))[1]
    assert recorded.event.fact == SenderSpamScoreReported(score=6, source="carrier_feed")
    light = decode_light("sender.spam_score_reported.v1", kept_bytes(database_url)[1])
    assert (light.data.score, light.data.source) == (6, "carrier_feed")
    assert ledger.load(SENDER, uid("sender")).version == 2
    assert json.loads(kept_bytes(database_url)[1])["data"] == {"score": 6}


def test_an_unknown_type_or_version_in_the_log_is_named_when_it_is_read(
    database_url: str, ledger: EventStoreLedger
) -> None:
    known = event(SenderSpamScoreReported(score=6, source="x"), stream_id=uid("sender"))
    unknown = "sender.spam_score_reported.v9"
    _insert(database_url, unknown, _document(known, type=unknown))
    with pytest.raises(UnknownEventType, match=r"sender\.spam_score_reported\.v9"):
        ledger.load(SENDER, uid("sender"))
    with pytest.raises(UnknownEventType, match=r"sender\.spam_score_reported\.v9"):
        ledger.load_many(SENDER, [uid("sender")])
    with pytest.raises(UnknownEventType, match=r"sender\.spam_score_reported\.v9"):
        ledger.read_stream("default", uid("sender"))
    assert unknown not in FACTS


def test_a_timeline_has_places_and_times_and_belongs_to_its_workspace(ledger: EventStoreLedger) -> None:
    before = datetime.now(UTC)
    scores = [SenderSpamScoreReported(score=score, source="x") for score in (1, 2, 3)]
    ledger.append(
        [event(fact, version=version, stream_id=uid("sender")) for version, fact in enumerate(scores, start=1)]
    )
    timeline = ledger.read_stream("default", uid("sender"))
    assert [entry.position for entry in timeline] == [1, 2, 3]
    assert [entry.event.fact for entry in timeline] == scores
    assert all(before <= entry.recorded_at <= datetime.now(UTC) for entry in timeline)
    assert ledger.read_stream("another", uid("sender")) == []
    assert ledger.read_stream("default", uid("nobody")) == []


def test_an_instant_means_the_highest_position_with_everything_below_it_recorded_by_then(
    database_url: str, ledger: EventStoreLedger
) -> None:
    def at(minute: int) -> datetime:
        return datetime(2026, 3, 2, 9, minute, tzinfo=UTC)

    with psycopg.connect(database_url) as connection:
        # The fourth was recorded before the third: positions and times cross where appends do.
        for minute in (1, 2, 4, 3, 5):
            connection.execute(
                "INSERT INTO ledger.events (stream_id, version, type, bytes, recorded_at) "
                "VALUES (%s, 1, 'x', '', %s)",
                [uuid4(), at(minute)],
            )
    assert [ledger.position_at(at(minute)) for minute in range(7)] == [0, 1, 2, 2, 4, 5, 5]
    assert ledger.position_at(datetime(2020, 1, 1, tzinfo=UTC)) == 0
    assert ledger.head() == 5


def test_the_head_of_an_empty_log_is_0(ledger: EventStoreLedger) -> None:
    assert ledger.head() == 0
    assert ledger.position_at(datetime.now(UTC)) == 0


def test_expired_keys_are_forgotten_and_policies_keys_are_not(database_url: str, ledger: EventStoreLedger) -> None:
    from drumbeat.commands.ledger import Once

    def keep(key: str, expires_at: datetime | None) -> None:
        once = Once(workspace_id="default", key=key, request_hash=b"", answer=b"", expires_at=expires_at)
        ledger.append([], once=once)

    keep("expired", datetime(2020, 1, 1, tzinfo=UTC))
    keep("of a policy", None)
    assert ledger.forget_expired_keys() == 1
    assert ledger.answered("default", "of a policy", b"") is not None
