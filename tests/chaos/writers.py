"""Who writes while the storm blows: diallers at full speed, each command until it is answered; and who reads."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from uuid import UUID, uuid4

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
from drumbeat.eventstore.ledger import EventStoreLedger
from support.keys import asking
from support.sealing import MASTER

CONTACTS: Final = 400
"""People of each campaign: they are enrolled at once, by the hundred, and called one by one."""

_OUTCOMES: Final = (CallOutcome.COMPLETED, CallOutcome.NO_ANSWER, CallOutcome.LEFT_MESSAGE, CallOutcome.FAILED)


@dataclass(slots=True)
class Answered:
    """What the ledger has confirmed: it must be in the log, once."""

    calls: Counter[UUID] = field(default_factory=Counter)
    """Placed and ended, by campaign."""
    contacts: Counter[UUID] = field(default_factory=Counter)
    tried_again: int = 0
    failures: list[str] = field(default_factory=list)


class Writer:
    """One dialler: campaign after campaign, a call at a time. For one thread."""

    def __init__(self, commands: Commands, seed: int, answered: Answered, stop: threading.Event) -> None:
        self._commands = commands
        self._chance = random.Random(seed)
        self._answered = answered
        self._stop = stop

    def run(self) -> None:
        """Until told to stop; what was begun is ended."""
        try:
            while not self._stop.is_set():
                self._campaign()
        except BaseException as error:  # noqa: BLE001  told by whoever judges
            self._answered.failures.append(f"a dialler ended: {error!r}")

    def _campaign(self) -> None:
        give = self._give
        campaign_id = give(DraftCampaign(kind=CampaignKind.VOICE_AGENT, name="storm")).stream_id
        sender = give(RegisterSender(channel=Channel.PHONE, friendly_name="one", address="+12125550100"))
        give(AssignSender(campaign_id=campaign_id, sender_id=sender.stream_id))
        give(DefineGoal(campaign_id=campaign_id, name="a tour", role=GoalRole.PRIMARY))
        rows = tuple(ContactRow(reference=f"r{number}") for number in range(CONTACTS))
        enrolled = give(EnrolContacts(campaign_id=campaign_id, rows=rows)).results
        self._answered.contacts[campaign_id] = len(enrolled)
        give(LaunchCampaign(campaign_id=campaign_id))
        for row in enrolled:
            if self._stop.is_set():
                return
            self._call(campaign_id, UUID(row["contact_id"]))

    def _call(self, campaign_id: UUID, contact_id: UUID) -> None:
        self._give(PlaceCall(campaign_id=campaign_id, contact_id=contact_id))
        outcome = self._chance.choice(_OUTCOMES)
        ended = EndCall(
            campaign_id=campaign_id,
            contact_id=contact_id,
            attempt=1,
            outcome=outcome,
            duration_seconds=self._chance.randrange(300),
            conversation_id=uuid4() if outcome is CallOutcome.COMPLETED else None,
        )
        self._give(ended)
        self._answered.calls[campaign_id] += 1

    def _give(self, command: Command) -> Done:
        idempotency = Idempotency(key=str(uuid4()))
        while True:
            try:
                return self._commands.execute(
                    command, provider("dialler"), now=bootstrap.now(), idempotency=idempotency
                )
            except LedgerUnavailable:
                self._answered.tried_again += 1
                time.sleep(0.05)


@contextmanager
def writing(url: str, seed: int, count: int) -> Iterator[Answered]:
    """So many diallers; when this ends, everything that they began is in the log, or `failures` says why not."""
    answered, stop = Answered(), threading.Event()
    with closing(EventStoreLedger(url, master=MASTER)) as ledger:
        commands = bootstrap.commands(url, ledger)
        threads = [
            threading.Thread(target=Writer(commands, seed + number, answered, stop).run, name=f"writer-{number}")
            for number in range(count)
        ]
        for thread in threads:
            thread.start()
        try:
            yield answered
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
        answered.failures += ["a dialler is stuck" for thread in threads if thread.is_alive()]


class Reader:
    """Looks at dashboards through the API all the time. What is answered is whole, or says that it is not."""

    def __init__(self, address: str, key: str, answered: Answered) -> None:
        self._address, self._key, self._answered = address, key, answered
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        chance = random.Random(0)
        while not stop.wait(0.05):
            known = list(self._answered.contacts)
            if known:
                self._look(chance.choice(known))

    def _look(self, campaign_id: UUID) -> None:
        try:
            asked = asking(f"{self._address}/campaigns/{campaign_id}/dashboard", self._key)
            with urlopen(asked, timeout=20) as answer:
                self._judge(campaign_id, json.loads(answer.read()))
                self.answers["200"] += 1
        except HTTPError as error:
            self.answers[str(error.code)] += 1
            with error:
                if error.code not in {404, 503}:
                    self.wrong.append(f"{campaign_id}: {error.code} {error.read()!r}")
        except (URLError, OSError, ValueError):
            self.answers["none"] += 1

    def _judge(self, campaign_id: UUID, told: Any) -> None:
        by_label = sum(row["contacts"]["value"] for row in told["contacts_by_label"])
        if by_label != told["contacts"]["value"]:
            self.wrong.append(f"{campaign_id}: {told['contacts']['value']} contacts, {by_label} by label")


@contextmanager
def reading(address: str, key: str, answered: Answered) -> Iterator[Reader]:
    """One reader, who shows a key."""
    reader, stop = Reader(address, key, answered), threading.Event()
    thread = threading.Thread(target=reader.run, args=[stop], name="reader")
    thread.start()
    try:
        yield reader
    finally:
        stop.set()
        thread.join(30)
