"""What is none of ours: records of another producer in our topics, and events of another version in the log."""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from kafka import KafkaProducer
from kafka.errors import KafkaError

from chaos.diary import Diary
from drumbeat.events.sender import SenderSpamScoreReported
from drumbeat.transport.cluster import Cluster
from support.given import event
from support.sealing import sealed_bytes

_PATIENCE_SECONDS: Final = 60.0
_OURS: Final = SenderSpamScoreReported(score=1, source="feed")


def event_bytes(stream_id: UUID, kind: str, version: int = 1) -> tuple[str, bytes]:
    """Type and bytes of an event that nobody here can apply: of an unknown type, or with data that do not fit."""
    document: dict[str, Any] = json.loads(_good(stream_id, version))
    if kind == "unknown-type":
        document["type"] = "sender.teleported.v7"
    else:
        document["data"] = {"score": ["not", "a", "number"]}
    return document["type"], json.dumps(document, separators=(",", ":")).encode()


def _good(stream_id: UUID, version: int) -> bytes:
    return sealed_bytes(replace(event(_OURS, version=version, stream_id=stream_id, campaign_id=None), id=uuid4()))


@dataclass(slots=True)
class Poisoner:
    """Works beside the storm, so that it waits for nobody. `close` waits until all is done."""

    url: str
    cluster: Cluster
    diary: Diary
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4, "poisoner"))
    _jobs: list["Future[None]"] = field(default_factory=list)

    def foreign(self, kind: str) -> None:
        """Send a record of this kind. Until a broker has it, it is sent again."""
        self._jobs.append(self._pool.submit(self._send, kind))

    def poison(self, kind: str) -> None:
        """Append an event of this kind to the log, and a good one behind it, which must wait for it."""
        self._jobs.append(self._pool.submit(self._append, kind))

    def end_sessions(self, name: str) -> None:
        """End every session that a process has with Postgres, if that can be reached now."""
        self._jobs.append(self._pool.submit(self._end_sessions, name))

    def close(self) -> None:
        """Wait for what is under way. Raises what went wrong."""
        self._pool.shutdown()
        for job in self._jobs:
            job.result()

    def _send(self, kind: str) -> None:
        record = self._record(kind)
        for _ in range(5):
            with (
                suppress(KafkaError),
                closing(KafkaProducer(**self.cluster.options("foreign"), acks="all")) as them,
            ):
                sent = them.send(**record).get(_PATIENCE_SECONDS)
                self.diary.note("sent", kind, partition=f"{sent.topic}/{sent.partition}", offset=sent.offset)
                return
        raise AssertionError(f"no broker took a foreign record ({kind})")

    def _record(self, kind: str) -> dict[str, Any]:
        # A position that a reader has passed: what claims a place in the log that others have is a repeat to it.
        stream_id, topic = uuid4(), self.cluster.topic("senders")
        told = [("position", b"1"), ("type", _OURS.TYPE.encode()), ("content-type", b"application/json")]
        record = {"topic": topic, "key": str(stream_id).encode(), "headers": told}
        match kind:
            case "no-cloudevent":
                return {**record, "value": b"\x00\xffnot JSON at all"}
            case "no-headers":
                return {**record, "value": _good(stream_id, 1), "headers": []}
            case "null-value":
                return {**record, "value": None}
            case "another-key":
                return {**record, "value": _good(uuid4(), 1)}
        type_name, value = event_bytes(stream_id, kind)
        return {**record, "value": value, "headers": [told[0], ("type", type_name.encode()), told[2]]}

    def _end_sessions(self, name: str) -> None:
        with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=5) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [name]
            )
            self.diary.note("cut off", name, sessions=ended.rowcount)

    def _append(self, kind: str) -> None:
        stream_id = uuid4()
        events = [event_bytes(stream_id, kind), (_OURS.TYPE, _good(stream_id, 2))]
        arguments = [[stream_id] * 2, [1, 2], [name for name, _ in events], [raw for _, raw in events]]
        for _ in range(600):
            # An answer may be lost after the commit: the same stream cannot be written twice.
            with suppress(psycopg.OperationalError), psycopg.connect(self.url, connect_timeout=5) as connection:
                with suppress(psycopg.errors.UniqueViolation):
                    connection.execute("SELECT ledger.append_many(%s, %s, %s, %s)", arguments)
                self.diary.note("appended", kind, stream=str(stream_id))
                return
        raise AssertionError("the log took no event")
