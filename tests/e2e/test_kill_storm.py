"""kill -9 of every process, again and again, while calls are placed and reported: nothing lost, nothing twice."""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from drumbeat import bootstrap
from drumbeat.access import provider
from drumbeat.commands.calls import EndCall, PlaceCall
from drumbeat.commands.campaign import DraftCampaign, LaunchCampaign
from drumbeat.commands.command import Command, Done
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.commands.goals import DefineGoal
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.loop import Idempotency
from drumbeat.commands.senders import AssignSender, RegisterSender
from drumbeat.events.values import CallOutcome, CampaignKind, Channel, GoalRole
from drumbeat.eventstore.embedded import EmbeddedServer
from drumbeat.settings import Settings
from support.machine import Machine, machine, until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
CONTACTS = 400
KILLS = 10
OUTCOMES = (CallOutcome.COMPLETED, CallOutcome.NO_ANSWER, CallOutcome.LEFT_MESSAGE, CallOutcome.FAILED)


class Client:
    """A dialler outside: gives every command under a key, again and again until it is answered."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self.stop = threading.Event()
        self.calls = 0

    def give(self, command: Command) -> Done:
        idempotency = Idempotency(key=str(uuid4()))
        while True:
            try:
                return self._commands.execute(
                    command, provider("dialler"), now=bootstrap.now(), idempotency=idempotency
                )
            except LedgerUnavailable:
                time.sleep(0.05)

    def work(self, campaign_id: UUID, contacts: list[UUID]) -> None:
        """Call each contact once, until told to stop."""
        for number, contact_id in enumerate(contacts):
            if self.stop.is_set():
                return
            self.give(PlaceCall(campaign_id=campaign_id, contact_id=contact_id))
            outcome = OUTCOMES[number % len(OUTCOMES)]
            ended = EndCall(
                campaign_id=campaign_id,
                contact_id=contact_id,
                attempt=1,
                outcome=outcome,
                duration_seconds=number,
                conversation_id=uuid4() if outcome is CallOutcome.COMPLETED else None,
            )
            self.give(ended)
            self.calls += 1


def begin(client: Client) -> tuple[UUID, list[UUID]]:
    campaign_id = client.give(DraftCampaign(kind=CampaignKind.VOICE_AGENT, name="storm")).stream_id
    sender = client.give(RegisterSender(channel=Channel.PHONE, friendly_name="one", address="+12125550100"))
    client.give(AssignSender(campaign_id=campaign_id, sender_id=sender.stream_id))
    client.give(DefineGoal(campaign_id=campaign_id, name="a tour", role=GoalRole.PRIMARY))
    rows = tuple(ContactRow(reference=f"r{number}") for number in range(CONTACTS))
    enrolled = client.give(EnrolContacts(campaign_id=campaign_id, rows=rows))
    client.give(LaunchCampaign(campaign_id=campaign_id))
    return campaign_id, [UUID(row["contact_id"]) for row in enrolled.results]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "state", tmp_path / "up.log") as running:
        yield running


def counts(url: str, campaign_id: UUID) -> dict[str, int]:
    """Plain counts over the log, by type."""
    statement = "SELECT type, count(*) FROM ledger.events WHERE bytes LIKE %s GROUP BY type"
    with closing(psycopg.connect(url)) as connection:
        rows = connection.execute(statement, [f'%"campaignid":"{campaign_id}"%'.encode()]).fetchall()
        return {name: int(count) for name, count in rows}


@pytest.mark.long
def test_nothing_is_lost_or_counted_twice_whatever_is_killed_when(up: Machine) -> None:
    url = EmbeddedServer(up.home / "postgres").url
    chance = random.Random(20_26)
    with bootstrap.ledger(Settings(home=up.home), url) as ledger:
        client = Client(bootstrap.commands(url, ledger))
        campaign_id, contacts = begin(client)
        worker = threading.Thread(target=client.work, args=(campaign_id, contacts))
        worker.start()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.1, 0.8))
            victim = up.pid_of(chance.choice(("api", "project", "policies", "postgres")))
            if victim is not None:
                os.kill(victim, signal.SIGKILL)
        client.stop.set()
        worker.join(60)
        assert not worker.is_alive()
        assert client.calls > 0
        assert until(lambda: up.get("/health/ready") is not None), up.said
        head = ledger.head()
    path = f"/campaigns/{campaign_id}/dashboard"
    assert until(lambda: up.get(f"{path}?at_least={head}") is not None), up.said
    numbers, logged = up.get(path), counts(url, campaign_id)
    assert numbers["attempts"]["value"] == logged["contact.call_placed.v1"] == client.calls
    assert numbers["recorded"]["value"] == logged["contact.call_ended.v1"] == client.calls
    assert sum(row["contacts"]["value"] for row in numbers["contacts_by_label"]) == CONTACTS
    pending = next(row["contacts"]["value"] for row in numbers["contacts_by_label"] if row["label"] == "Pending")
    assert pending == CONTACTS - client.calls
