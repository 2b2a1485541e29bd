"""Dialler, import, projector, policies and readers at once, over a line that breaks all the time.

Nobody is restarted and nobody is told: each finds the database again by itself, and in the end everything agrees.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
import pytest

from drumbeat.bootstrap import PROJECTIONS
from drumbeat.commands.calls import EndCall, PlaceCall
from drumbeat.commands.command import Command
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.loop import Idempotency
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CallOutcome
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.intake.call_history import ImportReport, import_call_history
from drumbeat.intake.mapping_files import parse_mapping
from drumbeat.intake.patience import Patience
from drumbeat.policies.clock import Clock
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.transport.source import LogSource
from support.agreement import caught_up, everything_agrees
from support.given import NOW, uid
from support.machine import until
from support.proxy import Line, line_to
from support.reading import Reading, problem
from support.sealing import MASTER, keys_in
from support.whole import ADA, OneKey, whole_system

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

PEOPLE, IMPORTED = 25, 300
SPRING = uid("spring")
ANYBODY = contact_id(SPRING, "person 0")
QUESTIONS = (
    "/campaigns?at_least=1",
    *(
        f"/campaigns/{SPRING}{question}"
        for question in (
            "",
            "/dashboard",
            "/heatmap",
            "/contacts?count=true",
            f"/contacts/{ANYBODY}",
            "/attempts?limit=500",
            "/senders",
            "/activity",
            "/history",
        )
    ),
)
MAPPING = """
name = "A log"
shape = "row_per_call"
[contact]
reference = "id"
[outcome]
column = "end"
values = { talked = "completed", busy = "busy" }
"""


class Storm:
    """What runs over the line. The clock is moved by the test alone."""

    def __init__(self, line: Line, folder: Path) -> None:
        self.line = line
        self.now: datetime = NOW
        self.stop = threading.Event()
        self.failures: list[BaseException] = []
        self.answers: Counter[int] = Counter()
        self.tried_again = 0
        self.report: ImportReport | None = None
        self._folder = folder
        self._dial_done = threading.Event()

    def project(self) -> None:
        options = ProjectorOptions(poll_seconds=0.01, batch_events=40, longest_pause_seconds=0.2)
        with closing(LogSource(self.line.url)) as source:
            Projector(source, self.line.url, PROJECTIONS, options, ask=keys_in(self.line.url)).run(self.stop)

    def watch_the_clock(self) -> None:
        with closing(EventStoreLedger(self.line.url, patience_seconds=1.0, master=MASTER)) as ledger:
            clock = Clock(Commands(ledger, OneKey()))
            clock.run(lambda: open_connection(self.line.url, settings={}), lambda: self.now, self.stop, 0.02)

    def dial(self) -> None:
        """Call everybody once; each command under a key, until it is answered."""
        outcomes = random.Random(3)
        with closing(EventStoreLedger(self.line.url, patience_seconds=1.0, master=MASTER)) as ledger:
            commands = Commands(ledger, OneKey())
            for number in range(PEOPLE):
                ours = {"campaign_id": SPRING, "contact_id": contact_id(SPRING, f"person {number}")}
                ended = EndCall(
                    **ours,
                    attempt=1,
                    outcome=outcomes.choice([CallOutcome.COMPLETED, CallOutcome.BUSY, CallOutcome.NO_ANSWER]),
                    duration_seconds=20,
                )
                self._insist(commands, PlaceCall(**ours, sender_id=uid("number")), f"place {number}")
                self._insist(commands, ended, f"end {number}")
                time.sleep(0.03)

    def import_history(self) -> None:
        file = self._folder / "log.csv"
        calls = "".join(
            f"p{n % (IMPORTED // 2)},{'busy' if n < IMPORTED // 2 else 'talked'}\n" for n in range(IMPORTED)
        )
        file.write_text("id,end\n" + calls)
        with closing(EventStoreLedger(self.line.url, patience_seconds=1.0, master=MASTER)) as ledger:
            self.report = import_call_history(
                file,
                parse_mapping(MAPPING, "log"),
                commands=Commands(ledger, OneKey()),
                principal=ADA,
                clock=lambda: NOW,
                refused_rows=self._folder / "refused.csv",
                patience=Patience(first_pause_seconds=0.02, longest_pause_seconds=0.1),
            )

    def read(self, client: httpx.Client) -> None:
        """Whatever is answered is whole, or says that the database is away."""
        for path in cycle(QUESTIONS):
            if self.stop.wait(0.005):
                return
            answer = client.get(path)
            self.answers[answer.status_code] += 1
            if answer.status_code != 200:
                assert (answer.status_code, problem(answer)["code"]) == (503, "database-away"), path
            elif path.endswith("/dashboard"):
                seen = answer.json()
                assert sum(one["contacts"]["value"] for one in seen["contacts_by_label"]) == PEOPLE
                assert seen["contacts"]["value"] == PEOPLE

    def _insist(self, commands: Commands, command: Command, key: str) -> None:
        while True:
            try:
                commands.execute(command, ADA, now=NOW, idempotency=Idempotency(key=key, kept_for=None))
            except LedgerUnavailable:
                self.tried_again += 1
                time.sleep(0.005)
            else:
                return

    @contextmanager
    def running(self, *works: Callable[[], None]) -> Iterator[list[threading.Thread]]:
        """Each in a thread of its own; whatever one raises fails the test."""

        def guarded(work: Callable[[], None]) -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  told by the test's own thread
                self.failures.append(error)

        threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield threads
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(20)
        assert self.failures == []
        assert not any(thread.is_alive() for thread in threads)


def prepared(url: str) -> None:
    """A running campaign, shown by the read models."""
    with whole_system(url) as whole:
        whole.running_campaign(*(f"person {number}" for number in range(PEOPLE)), max_retries=0)
        whole.project()


@pytest.mark.long
def test_over_a_line_that_keeps_breaking_everybody_goes_on_and_everything_agrees(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drumbeat.intake.call_history.CHUNK_ROWS", 50)
    prepared(database_url)
    chance = random.Random(11)
    with line_to(database_url) as line:
        storm = Storm(line, tmp_path)
        line.allowance = lambda: chance.choice([chance.randint(3_000, 12_000), chance.randint(50_000, 400_000)])
        with (
            Reading(line.url, now=NOW).client(wait_for_connection_seconds=0.5) as client,
            storm.running(
                storm.dial,
                storm.import_history,
                storm.project,
                storm.watch_the_clock,
                lambda: storm.read(client),
            ) as threads,
        ):
            working = threads[:2]
            while any(thread.is_alive() for thread in working) and not storm.failures:
                cut_for_a_moment(line, chance)
            storm.now += timedelta(hours=3)
            for _ in range(3):
                cut_for_a_moment(line, chance)
            line.allowance = lambda: None
            line.cut()
            line.mend()
            assert until(lambda: has_completed(database_url) and caught_up(database_url), 40), storm.failures
            assert until(lambda: client.get("/campaigns").status_code == 200)
    assert line.cuts > 30
    assert storm.tried_again > 0
    assert min(storm.answers[200], storm.answers[503]) > 0
    assert storm.report is not None
    assert (storm.report.accepted, storm.report.contacts, storm.report.calls) == (
        IMPORTED,
        IMPORTED // 2,
        IMPORTED,
    )
    everything_agrees(database_url)
    assert numbers_of(database_url, "contact.call_placed.v1") == {
        SPRING: PEOPLE,
        storm.report.campaign_id: IMPORTED,
    }
    assert numbers_of(database_url, "contact.finished.v1") == {
        SPRING: PEOPLE,
        storm.report.campaign_id: IMPORTED // 2,
    }


def cut_for_a_moment(line: Line, chance: random.Random) -> None:
    time.sleep(chance.uniform(0.1, 0.5))
    line.cut()
    time.sleep(chance.uniform(0.0, 0.2))
    line.mend()


def has_completed(url: str) -> bool:
    return numbers_of(url, "campaign.completed.v1").get(SPRING) == 1


def numbers_of(url: str, type_name: str) -> dict[UUID, int]:
    """How many events of a type each campaign has in the log."""
    with closing(psycopg.connect(url)) as connection:
        rows = connection.execute(
            "SELECT (convert_from(bytes, 'UTF8')::jsonb ->> 'campaignid')::uuid, count(*) FROM ledger.events"
            " WHERE type = %s GROUP BY 1",
            [type_name],
        )
        return dict(rows.fetchall())
