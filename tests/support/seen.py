"""What people see of a running system: commands and policies on one side, answers of the read API on the other."""

from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from drumbeat.commands.calls import CorrectOutcome, EndCall, PlaceCall
from drumbeat.commands.evaluations import EvaluateGoal
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CallOutcome, GoalResult
from support.given import uid
from support.reading import Reading, get, pages
from support.whole import Whole

GOAL = uid("goal")
Answer = dict[str, Any]


class Seen:
    """A running system, and what the read API says of it. Tests share it, each with a campaign of its own."""

    def __init__(self, system: Whole, client: httpx.Client, reading: Reading) -> None:
        self.system = system
        self._client = client
        self._reading = reading
        self._settled: tuple[int, datetime] | None = None

    def _settle(self) -> None:
        # Everything that follows by itself, unless nothing happened since.
        if self._settled != (self.system.ledger.head(), self.system.now):
            self.system.settle()
            self._settled = self.system.ledger.head(), self.system.now
        self._reading.now = self.system.now

    def get(self, campaign: UUID, question: str = "") -> Answer:
        """The answer of now, once everything that follows by itself has followed."""
        self._settle()
        return get(self._client, f"/campaigns/{campaign}{question and '/' + question}")

    def status_code(self, campaign: UUID, question: str = "") -> int:
        self._settle()
        return self._client.get(f"/campaigns/{campaign}{question and '/' + question}").status_code

    def rows(self, campaign: UUID, question: str) -> list[Answer]:
        self._settle()
        return pages(self._client, f"/campaigns/{campaign}/{question}")

    def contact(self, campaign: UUID, reference: str) -> Answer:
        return self.get(campaign, f"contacts/{contact_id(campaign, reference)}")

    def label(self, campaign: UUID, reference: str) -> str:
        return str(self.contact(campaign, reference)["status_label"])

    def value(self, campaign: UUID, number: str) -> int:
        return int(self.get(campaign, "dashboard")[number]["value"])

    def labels(self, campaign: UUID) -> dict[str, int]:
        shown = self.get(campaign, "dashboard")["contacts_by_label"]
        return {of["label"]: of["contacts"]["value"] for of in shown if of["contacts"]["value"]}

    def end(self, campaign: UUID, reference: str, outcome: CallOutcome, attempt: int = 1, **more: Any) -> None:
        person = contact_id(campaign, reference)
        self.system.do(EndCall(campaign_id=campaign, contact_id=person, attempt=attempt, outcome=outcome, **more))

    def place(self, campaign: UUID, reference: str) -> None:
        self.system.do(PlaceCall(campaign_id=campaign, contact_id=contact_id(campaign, reference)))

    def correct(
        self, campaign: UUID, reference: str, was: CallOutcome, to: CallOutcome, attempt: int = 1, **more: Any
    ) -> None:
        wish = {"campaign_id": campaign, "contact_id": contact_id(campaign, reference), "attempt": attempt}
        self.system.do(CorrectOutcome(**wish, from_=was, to=to, reason="listened again", **more))

    def judge(self, campaign: UUID, reference: str, result: GoalResult, **more: Any) -> None:
        person = contact_id(campaign, reference)
        self.system.do(
            EvaluateGoal(
                **{"campaign_id": campaign, "contact_id": person, "goal_id": GOAL, "result": result} | more
            )
        )


def holds_together(seen: Seen, campaign: UUID) -> None:
    """Whether labels and goal results sum to contacts, statuses to 100 %, and times to those of the contacts."""
    shown = seen.get(campaign, "dashboard")
    contacts = shown["contacts"]["value"]
    assert len(shown["contacts_by_label"]) == 8
    assert sum(of["contacts"]["value"] for of in shown["contacts_by_label"]) == contacts
    recorded = shown["recorded"]["value"]
    shares = [of["share"] for of in shown["answers"]]
    assert sum(share["numerator"]["value"] for share in shares) == recorded
    assert recorded == 0 or sum(share["value"] for share in shares) == pytest.approx(100)
    assert shown["attempts"]["value"] == recorded + shown["not_recorded"]["value"] + shown["in_flight"]["value"]
    for goal in shown["goals"]:
        assert sum(of["contacts"]["value"] for of in goal["results"]) == contacts
    heatmap = seen.get(campaign, "heatmap")["total"]
    assert heatmap["rate"]["denominator"]["value"] == recorded
    people = [*seen.rows(campaign, "contacts"), *seen.rows(campaign, "contacts?removed=true")]
    for number, column in (("talk_time", "talk_time_seconds"), ("total_time_spent", "total_time_seconds")):
        assert sum(person[column] for person in people) == shown[number]["value"]
