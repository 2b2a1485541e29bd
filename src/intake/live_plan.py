"""The live campaign of the demonstration: made over HTTP, found again, followed by the next when it is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final
from uuid import UUID, uuid5

from drumbeat.client import Drumbeat, Gone, NotFound
from drumbeat.client.generated.models import AnalysisText, ContactRow
from drumbeat.events.ids import contact_id, workspace_namespace
from drumbeat.intake.demonstration_plan import ZONE
from drumbeat.intake.simulator import Person, people

SEED = 2
_OVER = frozenset({"finalizing", "completed", "cancelled", "archived"})
_NUMBERS: Final = (("Boston", "+16175550104"), ("Phoenix", "+14805550105"), ("San Diego", "+16195550106"))
_SETTINGS: Final[Mapping[str, object]] = {
    "agent": "Demonstration agent",
    "zone": ZONE,
    "notes": "Made-up people and numbers kept free for fiction; a simulated dialler calls them in real time.",
    "max_calls_per_number_and_day": 1_000,
    "max_retries": 2,
    "retry_interval_seconds": 180,
    "completion_timeout_seconds": 120,
}


@dataclass(frozen=True, slots=True)
class LiveCast:
    """A live campaign with its ids and people. They follow from workspace and run."""

    campaign_id: UUID
    sender_ids: tuple[UUID, ...]
    primary_goal_id: UUID
    side_goal_id: UUID
    analysis_id: UUID
    run: int
    persons: Mapping[UUID, Person]
    """By the id of their contact."""


def live_cast(workspace_id: str, run: int, size: int) -> LiveCast:
    """The ids of a run."""
    campaign_id = uuid5(workspace_namespace(workspace_id), f"live demonstration:{SEED}:{run}")
    return LiveCast(
        campaign_id=campaign_id,
        sender_ids=tuple(uuid5(campaign_id, f"sender:{number}") for _, number in _NUMBERS),
        primary_goal_id=uuid5(campaign_id, "goal:primary"),
        side_goal_id=uuid5(campaign_id, "goal:side"),
        analysis_id=uuid5(campaign_id, "analysis"),
        run=run,
        persons={contact_id(campaign_id, one.reference): one for one in people(SEED + run, size)},
    )


def open_campaign(api: Drumbeat, workspace_id: str, size: int) -> LiveCast:
    """The first live campaign that is not over; made, or made to the end, where it is not launched yet."""
    for run in count(1):
        ours = live_cast(workspace_id, run, size)
        status = _status(api, ours.campaign_id)
        if status in _OVER:
            continue
        if status == "draft":
            _make(api, ours)
        return ours
    raise AssertionError("there is always a next run")


def _status(api: Drumbeat, campaign_id: UUID) -> str:
    """Of a campaign; one that was never made is one to be made to the end, and one that was deleted is over."""
    try:
        return api.campaigns.get(campaign_id).status
    except NotFound:
        return "draft"
    except Gone:
        return "archived"


def _make(api: Drumbeat, ours: LiveCast) -> None:
    """Every step may have been taken before: its key gives the first answer again."""
    campaign = ours.campaign_id

    def key(step: object) -> str:
        return f"{campaign}:{step}"

    name = "Demonstration: live calls" + ("" if ours.run == 1 else f" {ours.run}")
    api.campaigns.draft(
        campaign_id=campaign,
        kind="voice_agent",
        name=name,
        source="demonstration",
        settings=_SETTINGS,
        idempotency_key=key("draft"),
    )
    api.campaigns.define_goal(
        campaign,
        goal_id=ours.primary_goal_id,
        name="Books a product tour",
        role="primary",
        idempotency_key=key("goal"),
    )
    api.campaigns.define_goal(
        campaign, goal_id=ours.side_goal_id, name="Confirms the email address", idempotency_key=key("side goal")
    )
    interest = AnalysisText(name="How interested is the contact?", question="rating", scale=5)
    api.campaigns.define_analysis(
        campaign, analysis_id=ours.analysis_id, text=interest, idempotency_key=key("analysis")
    )
    for (friendly, number), sender in zip(_NUMBERS, ours.sender_ids, strict=True):
        api.senders.register(
            sender_id=sender,
            channel="phone",
            friendly_name=friendly,
            address=number,
            idempotency_key=key(number),
        )
        api.senders.assign(campaign, sender, idempotency_key=key(f"assign {number}"))
    api.contacts.enrol_many(campaign, rows=_rows(list(ours.persons.values())), idempotency_key=key("people"))
    launched = api.campaigns.launch(campaign, idempotency_key=key("launch"))
    # From here on the read models are asked: they know of it first.
    api.campaigns.get(campaign, at_least=launched)


def _rows(persons: Sequence[Person]) -> list[ContactRow]:
    rows = []
    for person in persons:
        row = ContactRow(
            reference=person.reference,
            name=person.name,
            phone=person.phone,
            zone=person.zone,
            priority=person.priority,
            tags=person.tags,
        )
        rows.append(row)
    return rows
