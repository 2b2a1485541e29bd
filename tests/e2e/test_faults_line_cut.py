"""The line to the database breaks in the middle of a command, an append or a read of the log.

Whoever asked hears so within a bound; asked again under the same key, everything has happened once.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest

from drumbeat.aggregates.campaign import CAMPAIGN
from drumbeat.commands.campaign import DraftCampaign, RenameCampaign
from drumbeat.commands.command import Command, Done
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.loop import Idempotency
from drumbeat.events.values import CampaignKind
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.opsapi.follow import Choice, follow
from drumbeat.transport.source import LogSource, SourceUnavailable
from support.given import NOW, uid
from support.proxy import Line, line_to
from support.sealing import MASTER
from support.whole import ADA, OneKey

pytestmark = pytest.mark.postgres
SPRING = uid("spring")
BOUND_SECONDS = 5.0
BEFORE_OR_AFTER = pytest.mark.parametrize("answered", [False, True], ids=["unheard", "unanswered"])


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    with line_to(database_url) as made:
        yield made


@pytest.fixture
def ledger(line: Line) -> Iterator[EventStoreLedger]:
    with closing(EventStoreLedger(line.url, patience_seconds=2.0, master=MASTER)) as made:
        yield made


def give(ledger: EventStoreLedger, command: Command, key: str | None = None) -> Done:
    idempotency = None if key is None else Idempotency(key=key, kept_for=None)
    return Commands(ledger, OneKey()).execute(command, ADA, now=NOW, idempotency=idempotency)


def drafted(ledger: EventStoreLedger, campaign_id: UUID = SPRING) -> None:
    give(ledger, DraftCampaign(campaign_id=campaign_id, kind=CampaignKind.VOICE_AGENT, name="Spring"))


def counted(url: str) -> dict[str, int]:
    """A plain count over the log."""
    with closing(psycopg.connect(url)) as connection:
        return dict(connection.execute("SELECT type, count(*) FROM ledger.events GROUP BY type").fetchall())


@contextmanager
def within_bound() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < BOUND_SECONDS


@BEFORE_OR_AFTER
def test_a_command_whose_append_is_cut_off_has_its_effect_once_under_its_key(
    line: Line, ledger: EventStoreLedger, database_url: str, answered: bool
) -> None:
    drafted(ledger)
    rename = RenameCampaign(campaign_id=SPRING, name="Summer")
    trip = line.trip(b"campaign.renamed.v1", answered=answered)
    with within_bound(), pytest.raises(LedgerUnavailable):
        give(ledger, rename, "one")
    assert trip.tripped.is_set()
    again = give(ledger, rename, "one")
    assert (again.repeated, again.version) == (answered, 2)
    assert counted(database_url)["campaign.renamed.v1"] == 1
    assert give(ledger, RenameCampaign(campaign_id=SPRING, name="Autumn"), "two").version == 3


@BEFORE_OR_AFTER
def test_a_command_without_a_key_that_is_cut_off_can_be_looked_up(
    line: Line, ledger: EventStoreLedger, answered: bool
) -> None:
    drafted(ledger)
    line.trip(b"campaign.renamed.v1", answered=answered)
    with within_bound(), pytest.raises(LedgerUnavailable):
        give(ledger, RenameCampaign(campaign_id=SPRING, name="Summer", expected_version=1))
    assert ledger.load(CAMPAIGN, SPRING).version == (2 if answered else 1)


@pytest.mark.parametrize(
    ("needle", "answered"),
    [(b"contact.enrolled.v1", False), (b"contact.enrolled.v1", True), (b"COMMIT", False), (b"COMMIT", True)],
)
def test_a_bulk_append_that_is_cut_off_is_written_whole_or_not_at_all(
    line: Line, ledger: EventStoreLedger, database_url: str, needle: bytes, answered: bool
) -> None:
    drafted(ledger)
    enrol = EnrolContacts(
        campaign_id=SPRING, rows=tuple(ContactRow(reference=f"person {number}") for number in range(500))
    )
    trip = line.trip(needle, answered=answered)
    with within_bound(), pytest.raises(LedgerUnavailable):
        give(ledger, enrol, "enrol")
    assert trip.tripped.is_set()
    is_in = needle == b"COMMIT" and answered
    assert counted(database_url).get("contact.enrolled.v1", 0) == (500 if is_in else 0)
    again = give(ledger, enrol, "enrol")
    assert again.repeated == is_in
    assert [row["result"] for row in again.results] == ["accepted"] * 500
    assert counted(database_url) == {
        "campaign.drafted.v1": 1,
        "campaign.audience_opened.v1": 1,
        "contact.enrolled.v1": 500,
    }


@BEFORE_OR_AFTER
def test_a_command_of_several_appends_that_is_cut_off_between_them_goes_on_under_its_key(
    line: Line, ledger: EventStoreLedger, database_url: str, answered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drumbeat.commands.enrolment.ROWS_AN_APPEND", 200)
    drafted(ledger)
    enrol = EnrolContacts(campaign_id=SPRING, rows=tuple(ContactRow(reference=f"person {n}") for n in range(600)))
    line.trip(b"COMMIT", answered=answered, passes=1)
    with within_bound(), pytest.raises(LedgerUnavailable):
        give(ledger, enrol, "enrol")
    assert counted(database_url)["contact.enrolled.v1"] == (400 if answered else 200)
    again = give(ledger, enrol, "enrol")
    assert [row["result"] for row in again.results] == ["accepted"] * 600
    assert counted(database_url)["contact.enrolled.v1"] == 600


def test_while_the_line_is_cut_everything_says_so_within_a_bound_and_then_goes_on(
    line: Line, ledger: EventStoreLedger
) -> None:
    drafted(ledger)
    source = LogSource(line.url)
    assert len(source.read(0, 10).rows) == 1
    asked: list[Callable[[], Any]] = [
        lambda: ledger.load(CAMPAIGN, SPRING),
        lambda: ledger.load_many(CAMPAIGN, [SPRING]),
        lambda: ledger.answered("default", "key", b"request"),
        lambda: ledger.read_stream("default", SPRING),
        lambda: ledger.position_at(NOW),
        ledger.head,
        ledger.check,
        ledger.forget_expired_keys,
        lambda: give(ledger, RenameCampaign(campaign_id=SPRING, name="Summer"), "key"),
        lambda: give(ledger, EnrolContacts(campaign_id=SPRING, rows=(ContactRow(reference="ann"),))),
    ]
    line.cut()
    for ask in asked:
        with within_bound(), pytest.raises(LedgerUnavailable):
            ask()
    with within_bound(), pytest.raises(SourceUnavailable):
        source.read(1, 10)
    line.mend()
    for ask in asked:
        ask()
    assert [row.type for row in source.read(1, 10).rows] == [
        "campaign.renamed.v1",
        "campaign.audience_opened.v1",
        "contact.enrolled.v1",
    ]
    source.close()


def test_a_read_of_the_log_that_stalls_half_way_holds_up_its_own_thread_alone(
    line: Line, ledger: EventStoreLedger
) -> None:
    drafted(ledger)
    give(ledger, EnrolContacts(campaign_id=SPRING, rows=tuple(ContactRow(reference=f"p{n}") for n in range(800))))
    stall = line.stall_after(100_000)
    with closing(LogSource(line.url)) as source:
        reading = threading.Thread(target=source.read, args=(0, 1_000))
        reading.start()
        assert stall.reached.wait(BOUND_SECONDS)
        began = time.monotonic()
        reading.join(0.2)
        assert reading.is_alive()
        assert time.monotonic() - began < BOUND_SECONDS
        stall.over.set()
        reading.join(BOUND_SECONDS)
        assert not reading.is_alive()


def test_who_follows_the_log_from_the_command_line_waits_for_it_and_misses_nothing(
    line: Line, ledger: EventStoreLedger
) -> None:
    drafted(ledger)
    stop, seen = threading.Event(), []
    with closing(LogSource(line.url)) as source:
        for position, event in follow(source, Choice(workspace_id="default"), after=0, stop=stop):
            seen.append((position, event.type))
            if len(seen) == 1:
                line.cut()
                threading.Timer(0.7, line.mend).start()
                threading.Timer(0.9, lambda: give(ledger, RenameCampaign(campaign_id=SPRING, name="x"))).start()
            else:
                stop.set()
    assert seen == [(1, "campaign.drafted.v1"), (2, "campaign.renamed.v1")]


class Stubborn:
    """Gives its commands one after another, each under a key, each until it is answered."""

    def __init__(self, ledger: EventStoreLedger, name: str, count: int) -> None:
        self._ledger, self._name, self._count = ledger, name, count
        self.refusals: list[Exception] = []
        self.tried_again = 0

    def run(self) -> None:
        for number in range(self._count):
            command = RenameCampaign(campaign_id=SPRING, name=f"{self._name} {number}")
            while not self._given(command, f"{self._name}:{number}"):
                self.tried_again += 1
                time.sleep(0.002)

    def _given(self, command: Command, key: str) -> bool:
        try:
            give(self._ledger, command, key)
        except LedgerUnavailable:
            return False
        return True


def test_what_is_asked_again_under_its_key_happens_once_and_a_follower_sees_it_once(
    line: Line, ledger: EventStoreLedger, database_url: str
) -> None:
    drafted(ledger)
    chance = random.Random(7)
    # A stream is read anew after each loss: some connections must carry it whole.
    line.allowance = lambda: chance.choice([chance.randint(2_000, 20_000), chance.randint(60_000, 150_000)])
    writers = [Stubborn(ledger, f"writer {number}", 40) for number in range(3)]
    threads = [threading.Thread(target=writer.run, daemon=True) for writer in writers]
    for thread in threads:
        thread.start()
    seen: list[int] = []
    source, lost = LogSource(line.url), 0
    while any(thread.is_alive() for thread in threads) or len(seen) < 121:
        try:
            seen += [row.position for row in source.read(seen[-1] if seen else 0, 7).rows]
            source.wait(0.01)
        except SourceUnavailable:
            lost += 1
    source.close()
    assert line.cuts > 10
    assert lost > 0
    assert sum(writer.tried_again for writer in writers) > 0
    with closing(psycopg.connect(database_url)) as connection:
        rows = connection.execute(
            "SELECT position, convert_from(bytes, 'UTF8')::jsonb #>> '{data,after}' FROM ledger.events"
            " ORDER BY position"
        ).fetchall()
    assert [position for position, _ in rows] == seen
    names = [name for _, name in rows if name is not None]
    assert sorted(names) == sorted(f"writer {w} {n}" for w in range(3) for n in range(40))
