"""A workspace in memory that carries out commands, for tests of handlers."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.commands.campaign import DraftCampaign, LaunchCampaign
from drumbeat.commands.command import Command, Done
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.commands.goals import DefineGoal
from drumbeat.commands.imports import StartImport
from drumbeat.commands.loop import Idempotency
from drumbeat.commands.senders import AssignSender, RegisterSender
from drumbeat.events import Cause, Event, Fact, Principal
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CampaignKind, CampaignSource, Channel, GoalRole
from support.given import NOW, uid
from support.memory_ledger import MemoryLedger

CAMPAIGN = uid("campaign")
SENDER = uid("sender")
GOAL = uid("goal")
ADA = Principal(workspace_id="default", actor="ada", cause=Cause.USER, correlation_id=uid("correlation"))


class FixedKeys:
    """A key for every workspace that no test needs to know."""

    def key(self, workspace_id: str) -> bytes:
        return workspace_id.encode().ljust(32, b".")


@dataclass
class World:
    """A ledger, the clock of its commands, and who gives them."""

    now: datetime = NOW
    who: Principal = ADA
    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger(clock=lambda: NOW))

    @property
    def commands(self) -> Commands:
        """What carries out commands here."""
        return Commands(self.ledger, FixedKeys())

    def do(self, command: Command, *, key: str | None = None) -> Done:
        """Carry out a command."""
        idempotency = None if key is None else Idempotency(key=key)
        return self.commands.execute(command, self.who, now=self.now, idempotency=idempotency)

    def refused(self, command: Command, code: RefusalCode | str, *, key: str | None = None) -> Refused:
        """Carry out a command that must be refused, and leave no trace."""
        before = len(self.ledger.log)
        with pytest.raises(Refused) as caught:
            self.do(command, key=key)
        assert caught.value.code == code, str(caught.value)
        assert len(self.ledger.log) == before
        return caught.value

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def elsewhere(self) -> "World":
        """The same ledger, as somebody of another workspace sees it."""
        return World(self.now, replace(self.who, workspace_id="other"), self.ledger)

    def facts(self, stream_id: UUID) -> list[Fact]:
        """What a stream holds."""
        return [event.fact for event in self.events(stream_id)]

    def events(self, stream_id: UUID) -> list[Event[Fact]]:
        """A stream."""
        return [event for event in self.ledger.log if event.stream_id == stream_id]


def row(number: int = 1, **changes: Any) -> ContactRow:
    """A person to enrol."""
    return ContactRow(**({"reference": f"r-{number}", "phone": f"+35191{number:07}"} | changes))


def contact(number: int = 1) -> UUID:
    """The stream of `row(number)`."""
    return contact_id(CAMPAIGN, f"r-{number}")


def drafted(**settings: Any) -> World:
    """A voice agent's campaign with a number and a primary goal, and nobody enrolled."""
    world = World()
    world.do(DraftCampaign(campaign_id=CAMPAIGN, kind=CampaignKind.VOICE_AGENT, name="Spring", settings=settings))
    world.do(DefineGoal(campaign_id=CAMPAIGN, goal_id=GOAL, name="Deposit", role=GoalRole.PRIMARY))
    world.do(
        RegisterSender(sender_id=SENDER, channel=Channel.PHONE, friendly_name="Desk", address="+351210000000")
    )
    world.do(AssignSender(campaign_id=CAMPAIGN, sender_id=SENDER))
    return world


def running(contacts: int = 1, **settings: Any) -> World:
    """The same, launched with so many contacts."""
    world = drafted(**settings)
    world.do(EnrolContacts(campaign_id=CAMPAIGN, rows=tuple(row(n) for n in range(1, contacts + 1))))
    world.do(LaunchCampaign(campaign_id=CAMPAIGN))
    return world


def importing() -> World:
    """A history whose recording has begun."""
    world = World()
    world.do(
        DraftCampaign(
            campaign_id=CAMPAIGN, kind=CampaignKind.VOICE_AGENT, name="Bank", source=CampaignSource.IMPORT
        )
    )
    world.do(DefineGoal(campaign_id=CAMPAIGN, goal_id=GOAL, name="Deposit", role=GoalRole.PRIMARY))
    world.do(StartImport(campaign_id=CAMPAIGN, file_hash="f", mapping_hash="m"))
    return world
