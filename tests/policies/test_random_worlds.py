"""Random commands on a running system, policies at work between them: nothing disagrees, nothing gets stuck."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from drumbeat.aggregates.campaign import CAMPAIGN
from drumbeat.aggregates.campaign.state import Paused
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.state import status_of
from drumbeat.aggregates.refusals import Refused
from drumbeat.aggregates.suppression import SUPPRESSION, is_suppressed
from drumbeat.commands import calls, campaign, contacts, suppressions
from drumbeat.commands.command import Command
from drumbeat.commands.evaluations import EvaluateGoal
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CallOutcome, CampaignStatus, Channel, GoalResult
from support.given import uid
from support.whole import Whole, whole_system

pytestmark = pytest.mark.postgres

PEOPLE = "abcde"
OUTCOMES = [outcome for outcome in CallOutcome if outcome is not CallOutcome.NOT_RECORDED]
FAILURES = {CallOutcome.FAILED, CallOutcome.ISSUE_DIALING}
HOUR = timedelta(hours=1)


def number_of(reference: str) -> str:
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


def check(world: World) -> None:
    """What readers and policies see is what decisions see, and what is due has been done."""
    system = world.system
    system.settle(40)
    assert system.rows("SELECT count(*) FROM readmodel.parked_events") == [(0,)]
    assert system.rows(_SUMS) == []
    for chosen in world.campaigns:
        state = system.ledger.load(CAMPAIGN, chosen).state
        assert state is not None
        ((status, judge_after),) = system.rows(_WATCH, chosen)
        assert status == state.STATUS
        open_contacts = sum(_open(system, contact_id(chosen, person), state.STATUS) for person in (*PEOPLE, "x"))
        if judge_after:
            continue  # reopened: judged after the next contact's event only
        if state.STATUS is CampaignStatus.RUNNING:
            assert open_contacts > 0
        if isinstance(state, Paused):
            assert state.core.audience_processed is (open_contacts == 0)


def _open(system: Whole, person: UUID, campaign_status: CampaignStatus) -> bool:
    contact = system.ledger.load(CONTACT, person).state
    if contact is None or not contact.enrolled:
        return False
    ((status, substatus, removed),) = system.rows(_CONTACT, person)
    seen = status_of(contact)
    assert removed is (seen is None)
    assert removed or (status, substatus) == seen
    if contact.over:
        return False
    if campaign_status in {CampaignStatus.RUNNING, CampaignStatus.PAUSED, CampaignStatus.FINALIZING}:
        listed = [is_suppressed(system.ledger.load(SUPPRESSION, key).state) for key in contact.keys(Channel.PHONE)]
        assert not any(listed)
    return True


_WATCH = "SELECT status, judge_after FROM live.campaign_watch WHERE campaign_id = %s"
_CONTACT = "SELECT status, substatus, removed FROM live.contacts WHERE contact_id = %s"
# Campaigns whose counters are not the sums over their contacts; removed ones count in times and not in labels.
_SUMS = """
SELECT * FROM (
    SELECT campaign_id, count(*) FILTER (WHERE NOT removed) AS contacts, sum(talk_time_seconds) AS talk,
           sum(total_time_seconds) AS total
    FROM live.contacts GROUP BY campaign_id
) c JOIN (
    SELECT campaign_id, coalesce(sum(value) FILTER (WHERE metric = 'contacts_by_label'), 0) AS labelled,
           coalesce(sum(value) FILTER (WHERE metric = 'talk_time_seconds'), 0) AS talk,
           coalesce(sum(value) FILTER (WHERE metric = 'total_time_seconds'), 0) AS total
    FROM live.dashboard_counters GROUP BY campaign_id
) d USING (campaign_id)
WHERE (c.contacts, c.talk, c.total) <> (d.labelled, d.talk, d.total)
"""


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_world_agrees_with_itself_and_comes_to_rest(database_url: str, seed: int) -> None:
    with whole_system(database_url) as system:
        world = World(system, seed)
        for _ in range(5):
            for _ in range(60):
                world.act()
            check(world)
        for _ in range(4):  # long enough for every lost call, retry interval, timeout and deadline in turn
            system.pass_time(days=5)
        check(world)
        assert system.rows(_WAITING) == [(0,)]
        ((kinds,),) = system.rows("SELECT count(DISTINCT type) FROM ledger.events")
        assert kinds >= 25, "the story is a rich one"


_WAITING = """
SELECT (SELECT count(*) FROM live.contact_watch WHERE in_flight IS NOT NULL OR completion_due_at IS NOT NULL)
     + (SELECT count(*) FROM live.campaign_watch WHERE status = 'finalizing')
"""
