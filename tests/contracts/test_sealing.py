"""What is personal is sealed under its person's key, for its place in one event, and opens nowhere else."""

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumbeat.access.master_keys import MasterKeySet
from drumbeat.access.person_keys import KeysAway, KnownKeys, read_keys
from drumbeat.access.sealing import opening
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.commands.ledger import LedgerUnavailable, Once
from drumbeat.events import Event, Fact, MalformedEvent
from drumbeat.events.calls import ContactCallEnded
from drumbeat.events.codec import decode, encode
from drumbeat.events.contact import ContactEnrolled, ContactPaused
from drumbeat.events.errors import NotSealed
from drumbeat.events.evaluations import ContactAnalysisAnswered
from drumbeat.events.light import decode_light
from drumbeat.events.private import Withheld, find_sealed, put_in_place
from drumbeat.events.values import AnswerPrivate, CallOutcome, CallPrivate, CampaignSource, ContactPrivate
from drumbeat.eventstore.ledger import EventStoreLedger
from support.given import event, uid
from support.sealing import KEYS, MASTER, key_of, keys_in, sealed_bytes

ADA = ContactPrivate(
    name="Ada Lovelace", phone="+351912345678", email="ada@example.org", profile={"city": "Porto"}
)
ENROLLED = ContactEnrolled(reference="r-1", source=CampaignSource.API, private=ADA)
SAID = CallPrivate(summary="Ada wants a letter", transcript_reference="transcripts/1")
ENDED = ContactCallEnded(attempt=1, outcome=CallOutcome.COMPLETED, duration_seconds=9, private=SAID)
PAUSED = ContactPaused()

texts = st.text(max_size=60)
privates: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        ContactPrivate,
        name=st.none() | texts,
        phone=st.none() | texts,
        email=st.none() | texts,
        profile=st.dictionaries(texts, texts, max_size=4),
        withheld=st.none(),
    ).map(lambda private: ENROLLED.model_copy(update={"private": private})),
    st.builds(
        CallPrivate, summary=st.none() | texts, transcript_reference=st.none() | texts, withheld=st.none()
    ).map(lambda private: ENDED.model_copy(update={"private": private})),
    (st.booleans() | st.integers(-(2**53), 2**53) | texts | st.lists(texts).map(tuple)).map(
        lambda value: ContactAnalysisAnswered(
            analysis_id=uid("a"), conversation_id=uid("c"), private=AnswerPrivate(value=value)
        )
    ),
)
opener = opening(KEYS([str(event(ENROLLED).person_id)]))


@given(privates)
def test_what_was_sealed_opens_as_it_was_for_both_decoders(fact: Fact) -> None:
    written = event(fact)
    raw = sealed_bytes(written)
    assert decode(raw, opener) == written
    sealed = find_sealed(raw)
    assert sealed is not None
    assert sealed.person_id == written.person_id
    light = decode_light(fact.TYPE, put_in_place(raw, sealed, opener(sealed))).data.private
    private: Any = fact.private  # type: ignore[attr-defined]
    assert {name: getattr(light, name) for name in type(private).model_fields} == dict(private)


@given(privates)
def test_without_a_key_nothing_personal_is_seen_and_everything_else_is(fact: Fact) -> None:
    raw = sealed_bytes(event(fact))
    for why, read in ((Withheld.SEALED, decode(raw)), (Withheld.ERASED, decode(raw, opening({})))):
        private: Any = read.fact.private  # type: ignore[attr-defined]
        assert private.model_dump(exclude_unset=True) == {"withheld": why}
        assert read.fact.model_copy(update={"private": None}) == fact.model_copy(update={"private": None})
    assert decode_light(fact.TYPE, raw).data.private.withheld == "sealed"


@given(st.floats(0, 1))
def test_a_sealed_object_that_was_altered_or_moved_does_not_open(where: float) -> None:
    first = event(ENROLLED)
    raw = sealed_bytes(first)
    blob = find_sealed(raw)
    assert blob is not None
    moved = sealed_bytes(replace(first, id=uuid4()))
    other_stream = sealed_bytes(replace(first, stream_id=uid("another stream")))
    for elsewhere in (moved, other_stream):
        there = find_sealed(elsewhere)
        assert there is not None
        with pytest.raises(MalformedEvent, match="altered, or sealed for another event"):
            decode(put_in_place(elsewhere, there, raw[blob.start : blob.end]), opener)
    # Of the last letters not every bit counts.
    at = int(where * (len(blob.blob) - 5))
    other = b"B" if blob.blob[at : at + 1] == b"A" else b"A"
    altered = raw.replace(blob.blob, blob.blob[:at] + other + blob.blob[at + 1 :])
    with pytest.raises(MalformedEvent, match="altered, or sealed for another event"):
        decode(altered, opener)


def test_a_persons_sealed_object_does_not_open_under_the_key_of_another() -> None:
    raw = sealed_bytes(event(ENROLLED))
    assert event(ENROLLED).person_id is not None
    with pytest.raises(MalformedEvent):
        decode(raw, opening({str(event(ENROLLED).person_id): key_of("somebody else")}))


@pytest.mark.parametrize("written", [event(ENROLLED), replace(event(ENROLLED), person_id=None)])
def test_nothing_personal_is_ever_written_in_clear(written: Event[Fact]) -> None:
    with pytest.raises(NotSealed):
        encode(written)


def test_what_was_withheld_is_not_written_as_if_nothing_had_been_known() -> None:
    read = decode(sealed_bytes(event(ENROLLED)))
    with pytest.raises(NotSealed):
        encode(read, lambda _event, _clear: (1, b"AAAA"))


def test_a_text_that_looks_like_a_sealed_object_is_a_text() -> None:
    trick = '"private":{"person":"00000000-0000-4000-8000-000000000000","key":1,"sealed":"AAAA"}'
    raw = sealed_bytes(event(PAUSED.model_copy(update={"reason": trick})))
    assert find_sealed(raw) is None
    assert decode(raw).fact == ContactPaused(reason=trick)


# -- the ledger on Postgres


@pytest.fixture
def ledger(database_url: str) -> Iterator[EventStoreLedger]:
    with closing(EventStoreLedger(database_url, master=MASTER)) as made:
        yield made


def contents(database_url: str) -> bytes:
    """Every value of every table of the log's database, as a dump of it would have them."""
    found = []
    with closing(psycopg.connect(database_url)) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('ledger', 'access')"
        ).fetchall()
        assert {"ledger.events", "access.person_keys"} <= {name for (name,) in tables}
        for (name,) in tables:
            rows = connection.execute(f"SELECT * FROM {name}".encode(), binary=True).fetchall()
            found += [bytes(v) if isinstance(v, bytes) else str(v).encode() for row in rows for v in row]
    return b"\n".join(found)


@pytest.mark.postgres
@pytest.mark.parametrize("append", ["append", "append_bulk"])
def test_the_database_of_the_log_holds_nothing_personal_and_no_key_that_opens_it(
    database_url: str, ledger: EventStoreLedger, append: str
) -> None:
    written = [event(ENROLLED), event(ENDED, version=2), event(PAUSED, version=3)]
    once = Once(workspace_id="default", key="k", request_hash=b"h", answer=b"{}")
    getattr(ledger, append)(written, once=once)
    held = contents(database_url)
    for word in ("Lovelace", "912345678", "ada@example", "wants a letter", "transcripts/1"):
        assert word.encode() not in held
    with closing(psycopg.connect(database_url)) as connection:
        ((_, key),) = read_keys(connection, MASTER, [str(written[0].person_id)]).values()
    assert key not in held
    assert [recorded.event for recorded in ledger.read_stream("default", written[0].stream_id)] == written


@pytest.mark.postgres
def test_a_loaded_stream_knows_whom_it_is_about_and_nothing_of_them(ledger: EventStoreLedger) -> None:
    written = event(ENROLLED)
    ledger.append([written])
    for state in (
        ledger.load(CONTACT, written.stream_id).state,
        ledger.load_many(CONTACT, [written.stream_id])[written.stream_id].state,
    ):
        assert state is not None
        assert state.person_id == written.person_id


@pytest.mark.postgres
def test_a_person_has_one_key_however_many_make_it_at_once(database_url: str, ledger: EventStoreLedger) -> None:
    person = uid("somebody")
    streams = [uid(f"stream {number}") for number in range(16)]
    threads = [
        threading.Thread(target=ledger.append, args=[[replace(event(ENROLLED, stream_id=one), person_id=person)]])
        for one in streams
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in streams:
        [read] = ledger.read_stream("default", one)
        assert read.event.fact == ENROLLED
    with closing(psycopg.connect(database_url)) as connection:
        assert connection.execute("SELECT count(*) FROM access.person_keys").fetchone() == (1,)


@pytest.mark.postgres
def test_bulk_appends_over_the_same_people_in_any_order_do_not_deadlock(ledger: EventStoreLedger) -> None:
    persons = [uid(f"person {number}") for number in range(40)]

    def several(round_: int) -> list[Event[Fact]]:
        ordered = persons if round_ % 2 else persons[::-1]
        return [replace(event(ENROLLED, stream_id=uuid4()), person_id=person) for person in ordered]

    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for round_ in range(4):
                ledger.append_bulk(several(number + round_))
        except BaseException as error:  # noqa: BLE001  told by the thread that asks
            failures.append(error)

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.postgres
def test_an_append_whose_person_was_erased_meanwhile_is_sealed_anew(
    database_url: str, ledger: EventStoreLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = event(ENROLLED)
    assert written.person_id is not None
    erased: list[UUID] = []
    insert = ledger._recorder.insert_events

    def erase_first(*arguments: Any, **named: Any) -> Any:
        if not erased:
            erased.append(uid("once"))
            with closing(psycopg.connect(database_url, autocommit=True)) as connection:
                connection.execute("DELETE FROM access.person_keys")
        return insert(*arguments, **named)

    monkeypatch.setattr(ledger._recorder, "insert_events", erase_first)
    ledger.append([written], once=Once(workspace_id="default", key="k", request_hash=b"h", answer=b"{}"))
    assert erased
    [read] = ledger.read_stream("default", written.stream_id)
    assert read.event == written


@pytest.mark.postgres
def test_an_erasure_waits_for_an_append_that_holds_the_key(database_url: str, ledger: EventStoreLedger) -> None:
    ledger.append([event(ENROLLED)])
    person = event(ENROLLED).person_id
    with (
        closing(psycopg.connect(database_url)) as appending,
        closing(psycopg.connect(database_url, autocommit=True)) as erasing,
    ):
        row = appending.execute("SELECT key_no FROM access.person_keys").fetchone()
        assert row is not None
        held = appending.execute("SELECT access.hold_person_keys(%s, %s)", [[person], [row[0]]]).fetchone()
        assert held == (True,)
        erasing.execute("SET lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            erasing.execute("DELETE FROM access.person_keys")
        # Rewrapping does not.
        erasing.execute("UPDATE access.person_keys SET master = 'another'")
        appending.rollback()
        erasing.execute("DELETE FROM access.person_keys")


@pytest.mark.postgres
def test_without_master_keys_nothing_personal_is_appended_and_the_rest_is(database_url: str) -> None:
    with closing(EventStoreLedger(database_url)) as ledger:
        with pytest.raises(NotSealed):
            ledger.append([event(ENROLLED)])
        assert ledger.append([event(PAUSED)]).position == 1


@pytest.mark.postgres
def test_other_master_keys_seal_nothing_more_for_a_known_person_and_open_nothing(
    database_url: str, ledger: EventStoreLedger
) -> None:
    ledger.append([event(ENROLLED)])
    with closing(EventStoreLedger(database_url, master=MasterKeySet([b"o" * 32]))) as other:
        with pytest.raises(LedgerUnavailable, match="lack master key"):
            other.append([event(ENDED, version=2)])
        with pytest.raises(LedgerUnavailable, match="lack master key"):
            other.read_stream("default", event(ENROLLED).stream_id)


@pytest.mark.postgres
def test_keys_whose_database_is_away_are_asked_for_later(database_url: str, ledger: EventStoreLedger) -> None:
    ledger.append([event(ENROLLED)])
    person = str(event(ENROLLED).person_id)
    urls = ["postgresql://nobody@127.0.0.1:1/nothing", database_url]
    with closing(KnownKeys(lambda: psycopg.connect(urls.pop(0), autocommit=True), MASTER)) as ask:
        with pytest.raises(KeysAway, match="cannot be read"):
            ask([person])
        assert ask([person]) == keys_in(database_url)([person])
        assert ask([str(uuid4())]) == {}
