"""The whole system in one process, on a real Postgres, with a clock that the test moves."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from drumbeat.bootstrap import PROJECTIONS
from drumbeat.commands.calls import EndCall, PlaceCall
from drumbeat.commands.campaign import DraftCampaign, LaunchCampaign
from drumbeat.commands.command import Command, Done
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.commands.goals import DefineGoal
from drumbeat.commands.loop import Idempotency
from drumbeat.commands.senders import AssignSender, RegisterSender
from drumbeat.events import Cause, Principal
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CallOutcome, CampaignKind, Channel, GoalRole, Vocabulary
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.eventstore.roles import Role
from drumbeat.policies.clock import Clock, Ticked
from drumbeat.projections.engine.projector import Projector, ProjectorOptions
from drumbeat.transport.source import LogSource
from support.given import NOW, uid
from support.sealing import MASTER, keys_in

ADA = Principal(workspace_id="default", actor="ada", cause=Cause.USER, correlation_id=uid("correlation"))


class OneKey:
    """Every workspace has the same key: hashes are the same in every run."""

    def key(self, workspace_id: str) -> bytes:
        """The key."""
        return workspace_id.ljust(32, ".").encode()


@dataclass(slots=True)
class Whole:
    """Commands, projector and policies over one database. For one thread.

    `connection` is the policies', `looking` sees everything.
    """

    url: str
    ledger: EventStoreLedger
    commands: Commands
    projector: Projector
    policies: Clock
    connection: psycopg.Connection[Any]
    looking: psycopg.Connection[Any]
    now: datetime = NOW
    done: list[Done] = field(default_factory=list)

    def do(self, command: Command, principal: Principal = ADA, idempotency: Idempotency | None = None) -> Done:
        """Carry out a command now. Raises `Refused`."""
        done = self.commands.execute(command, principal, now=self.now, idempotency=idempotency)
        self.done.append(done)
        return done

    def project(self) -> None:
        """Bring the read models up to the log."""
        self.projector.run_until(self.ledger.head())

    def tick(self) -> Ticked:
        """Bring the read models up to the log, then let the policies look once."""
        self.project()
        return self.policies.tick(self.connection, self.now)

    def settle(self, rounds: int = 20) -> None:
        """Project and tick until nothing more follows; fails when that takes too long."""
        for _ in range(rounds):
            if not self.tick().effective:
                self.project()
                return
        raise AssertionError(f"the policies still act after {rounds} rounds")

    def pass_time(self, **by: float) -> None:
        """Move the clock on, then let what is due happen."""
        self.now += timedelta(**by)
        self.settle()

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return self.looking.execute(query, arguments).fetchall()

    def types(self, stream_id: UUID) -> list[str]:
        """The type names of a stream's events, without their version."""
        return [
            recorded.event.fact.TYPE.rsplit(".", 1)[0]
            for recorded in self.ledger.read_stream("default", stream_id)
        ]

    def running_campaign(self, *references: str, name: str = "spring", **settings: Any) -> UUID:
        """A launched voice_agent campaign with a primary goal, a number and these contacts; its id."""
        campaign_id = uid(name)
        self.do(
            DraftCampaign(
                campaign_id=campaign_id,
                kind=CampaignKind.VOICE_AGENT,
                name=name,
                vocabulary=Vocabulary.VOICE_AGENT,
                settings={"agent": "Ava", **settings},
            )
        )
        self.do(
            DefineGoal(campaign_id=campaign_id, goal_id=uid("goal"), name="Appointment", role=GoalRole.PRIMARY)
        )
        sender = RegisterSender(
            sender_id=uid("number"), channel=Channel.PHONE, friendly_name="Main", address="+351210000000"
        )
        if not self.ledger.read_stream("default", uid("number")):
            self.do(sender)
        self.do(AssignSender(campaign_id=campaign_id, sender_id=uid("number")))
        self.enrol(campaign_id, *references)
        self.do(LaunchCampaign(campaign_id=campaign_id))
        return campaign_id

    def enrol(
        self, campaign_id: UUID, *references: str, phone: Callable[[str], str | None] = lambda _r: None
    ) -> Done:
        """Enrol people by reference."""
        rows = tuple(ContactRow(reference=reference, phone=phone(reference)) for reference in references)
        return self.do(EnrolContacts(campaign_id=campaign_id, rows=rows))

    def call(
        self, campaign_id: UUID, reference: str, outcome: CallOutcome, seconds: int = 60, attempt: int = 1
    ) -> None:
        """Place a call and end it at once."""
        contact = contact_id(campaign_id, reference)
        self.do(PlaceCall(campaign_id=campaign_id, contact_id=contact, sender_id=uid("number")))
        self.do(
            EndCall(
                campaign_id=campaign_id,
                contact_id=contact,
                attempt=attempt,
                outcome=outcome,
                duration_seconds=seconds,
            )
        )


@contextmanager
def whole_system(url: str) -> Iterator[Whole]:
    """Everything wired over a migrated, empty database."""
    with (
        closing(EventStoreLedger(url, connections=8, master=MASTER)) as ledger,
        closing(LogSource(url)) as source,
        open_connection(url, settings={}, role=Role.POLICIES) as connection,
        psycopg.connect(url, autocommit=True) as looking,
    ):
        commands = Commands(ledger, OneKey())
        projector = Projector(source, url, PROJECTIONS, ProjectorOptions(poll_seconds=0.002), ask=keys_in(url))
        projector.run_until(0)
        yield Whole(url, ledger, commands, projector, Clock(commands), connection, looking)
