"""Random commands on a running system: somebody who commands at random, over some campaigns."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.refusals import Refused
from drumbeat.commands import calls, campaign, contacts, suppressions
from drumbeat.commands.command import Command
from drumbeat.commands.evaluations import EvaluateGoal
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CallOutcome, Channel, GoalResult
from support.given import uid
from support.whole import Whole

PEOPLE = "abcde"
OUTCOMES = [outcome for outcome in CallOutcome if outcome is not CallOutcome.NOT_RECORDED]
FAILURES = {CallOutcome.FAILED, CallOutcome.ISSUE_DIALING}
HOUR = timedelta(hours=1)


def number_of(reference: str) -> str:
    """The phone number of a person."""
    return f"+35191000{ord(reference[0]):04}"


class World:
    """Some campaigns, and somebody who commands at random. Every person may be a contact of each campaign."""

    def __init__(self, system: Whole, seed: int) -> None:
        self.system = system
        self.rng = random.Random(seed)
        self.campaigns = [self._begin(f"campaign {number}") for number in range(3)]

    def _begin(self, name: str) -> UUID:
        pick = self.rng.choice
        settings: dict[str, Any] = {
            "completion_timeout_seconds": pick([0, 600, 3600]),
            "max_retries": pick([0, 1, 2]),
            "retry_interval_seconds": pick([60, 3600]),
            "drain_deadline_seconds": pick([0, 600, 3600]),
            "callback_retry": pick(["auto", "manual"]),
        }
        end = pick([None, 5, 30])
        if end is not None:
            settings["end_at"] = (self.system.now + end * HOUR).isoformat()
        created = self.system.running_campaign("x", name=name, **settings)
        self.system.enrol(created, *PEOPLE[:3], phone=number_of)
        return created

    def act(self) -> None:
        """One random command, or a moment of time."""
        chosen = self.rng.choice(self.campaigns)
        person = contact_id(chosen, self.rng.choice(PEOPLE))
        try:
            match self.rng.random():
                case x if x < 0.1:
                    self.system.now += timedelta(minutes=self.rng.choice([1, 11, 61]))
                    self.system.settle(40)
                case x if x < 0.17:
                    self.system.enrol(chosen, self.rng.choice(PEOPLE), phone=number_of)
                case x if x < 0.3:
                    self.system.do(self._of_campaign(chosen))
                case _:
                    for command in self._of_contact(chosen, person):
                        self.system.do(command)
        except Refused:
            return

    def _of_contact(self, chosen: UUID, person: UUID) -> Iterator[Command]:
        of: Any = {"campaign_id": chosen, "contact_id": person}
        pick, state = self.rng.choice, self.system.ledger.load(CONTACT, person).state
        attempt = max(1, len(state.attempts) if state else 1)
        outcome, talk = pick(OUTCOMES), UUID(int=self.rng.getrandbits(128))
        permanent = outcome in FAILURES and self.rng.random() < 0.4
        kind = pick(["place"] * 6 + ["end"] * 6 + ["correct"] * 3 + ["receive", "retry", "judge", "control"])
        match kind:
            case "place":
                yield calls.PlaceCall(**of)
            case "end":
                yield calls.EndCall(
                    **of, attempt=attempt, outcome=outcome, permanent=permanent, conversation_id=talk
                )
            case "correct" if state is not None and state.attempts:
                earlier = self.rng.randint(1, attempt)
                report = state.attempts[earlier - 1].report
                if report is not None:
                    to: Any = {"attempt": earlier, "from_": report.outcome, "to": outcome, "reason": "misheard"}
                    yield calls.CorrectOutcome(**of, **to, permanent=permanent or None, duration_seconds=7)
            case "receive":
                yield calls.ReceiveCall(**of, conversation_id=talk, duration_seconds=9)
            case "retry":
                yield contacts.RetryContact(**of)
            case "judge":
                yield EvaluateGoal(**of, goal_id=uid("goal"), result=pick(list(GoalResult)))
            case "control":
                ends = [contacts.OptOutContact(**of), contacts.RemoveContact(**of, reason="asked")]
                yield pick([contacts.PauseContact(**of), contacts.ResumeContact(**of)] * 3 + ends)

    def _of_campaign(self, chosen: UUID) -> Command:
        of: Any = {"campaign_id": chosen}
        later = self.system.now + self.rng.choice([10, 60]) * HOUR
        address: Any = {"channel": Channel.PHONE, "address": number_of(self.rng.choice(PEOPLE)), "reason": "asked"}
        commands: list[Command] = [
            *[campaign.PauseCampaign(**of), campaign.ReopenCampaign(**of, end_at=later)] * 2,
            *[campaign.ResumeCampaign(**of)] * 6,
            campaign.CompleteCampaign(**of),
            campaign.ExtendCampaign(**of, end_at=later),
            suppressions.AddSuppression(**address),
            suppressions.LiftSuppression(**address),
        ]
        return self.rng.choice(commands)
