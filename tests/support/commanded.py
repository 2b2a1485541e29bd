"""One command after another over HTTP, each route at least once: the examples of the document."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from drumbeat.commands.campaign import ActivateCampaign, FinishFinalizing
from drumbeat.commands.command import Command
from drumbeat.commands.dispatch import Commands
from drumbeat.events.ids import DRUMBEAT, contact_id
from support.whole import ADA, OneKey
from support.writing import Writing


def _id(name: str) -> UUID:
    return uuid5(DRUMBEAT, f"example: {name}")


SPRING, SURVEY, SEQUENCE, SPARE = _id("spring"), _id("survey"), _id("sequence"), _id("spare")
EARLIER = _id("earlier")
"""Another campaign, to take contacts from."""
NUMBER, SECOND, FLAGGED, MAILBOX = (_id(name) for name in ("number", "second number", "flagged number", "mailbox"))
OFFICE = _id("office hours")
BOOKED, EMAIL = _id("goal"), _id("second goal")
INTEREST = _id("analysis")
TALK, RETURNED = _id("conversation"), _id("returned call")
IMPORT = _id("import")
"""Stands for the id that an import gets, which is another one in every run."""
SWITCH = _id("switch")
"""The same of a switch."""
ANN, BEN, CLEO, DAN = (contact_id(SPRING, reference) for reference in ("p-1", "p-2", "p-3", "p-4"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command, or a look at what became of one: `route` is the path of its route, `of` fills it.

    The first of a route is the route's example.
    """

    method: str
    route: str
    of: dict[str, Any]
    body: Any = field(default=None)
    """A text is a file of CSV."""

    @property
    def path(self) -> str:
        """Where it is sent."""
        return self.route.format_map(self.of)


def post(route: str, body: dict[str, Any] | None = None, /, **of: Any) -> Step:
    """A command with POST."""
    return Step(method="POST", route=route, body=body, of=of)


POLICIES: dict[str, Command] = {
    f"/campaigns/{SPRING}/complete": FinishFinalizing(campaign_id=SPRING, drained=True),
    f"/campaigns/{SURVEY}/launch": ActivateCampaign(campaign_id=SURVEY),
}
"""What the policies command after a step at this path."""

OF_READ_MODELS = ("/contacts/from-campaign", "/simulations")
"""Ends of the routes that look at who stands in the read models."""

REBUILD = "/projections/rebuilds/{generation}"
OF_WHOLE_REBUILDS = (f"{REBUILD}/go-live", "/projections/rollback")
"""Routes that are asked about what was carried out."""

CAMPAIGN = "/campaigns/{campaign_id}"
ASKS = {f"{CAMPAIGN}/simulations"}
"""Routes that are sent a body and write nothing."""
GOAL, ANALYSIS = f"{CAMPAIGN}/goals/{{goal_id}}", f"{CAMPAIGN}/analyses/{{analysis_id}}"
USED = f"{CAMPAIGN}/senders/{{sender_id}}"
CONTACT = f"{CAMPAIGN}/contacts/{{contact_id}}"
CALL = f"{CONTACT}/calls/{{attempt}}"
HOURS = {
    "zone": "Europe/Lisbon",
    "weekly_hours": [{"weekday": day, "opens_minute": 540, "closes_minute": 1080} for day in range(1, 6)],
    "holidays": [{"year": 2026, "month": 12, "day": 25}],
}


def steps() -> Iterator[Step]:
    """All of them in their order."""
    yield from _around()
    yield from _prepared()
    yield from _called()
    yield from _ended()
    yield from _rebuilt()


def campaign_running() -> Iterator[Step]:
    """The steps up to the end of the first calls: most may be commanded again."""
    yield from _around()
    yield from _prepared()
    yield from _called()


def carried_out(api: Writing, steps: Iterable[Step]) -> Iterator[tuple[Step, Any]]:
    """Each step with its answer, and what the policies command between them."""
    made = Made()
    for step in steps:
        told = _told(api, step, made.named(step.path))
        made.note(told)
        kept = made.of_every_run(told)
        yield step, json.loads(kept) if kept.startswith("{") else kept
        if step.path in POLICIES:
            Commands(api.ledger, OneKey()).execute(POLICIES[step.path], ADA, now=api.now)


@dataclass(slots=True)
class Made:
    """The ids that an import and a switch got, which are others in every run."""

    ids: dict[str, str] = field(default_factory=lambda: {str(IMPORT): str(IMPORT), str(SWITCH): str(SWITCH)})

    def note(self, told: str) -> None:
        """What was answered may name one that is new."""
        for name, stands_for in (("import_id", IMPORT), ("switch_id", SWITCH)):
            if found := re.search(f'^{{(?:"queued":{{)?"{name}":"([^"]+)"', told):
                self.ids[str(stands_for)] = found[1]

    def named(self, path: str) -> str:
        """A path with the ids of this run."""
        for stands_for, own in self.ids.items():
            path = path.replace(stands_for, own)
        return path

    def of_every_run(self, told: str) -> str:
        """An answer without what is another one in every run: ids, and how large tables are and since when."""
        for stands_for, own in self.ids.items():
            told = told.replace(own, stands_for)
        return re.sub('"rows":[0-9]+,"size_bytes":[0-9]+,"installed_at":"[^"]+"', _SIZED, told)


_SIZED = '"rows":12,"size_bytes":65536,"installed_at":"2026-03-02T08:00:00Z"'


def prepare(api: Writing, step: Step) -> None:
    """What others do before a step."""
    if step.route.endswith(OF_READ_MODELS):
        api.project()
    if step.route in OF_WHOLE_REBUILDS:
        api.operate()


def _told(api: Writing, step: Step, path: str) -> str:
    prepare(api, step)
    if isinstance(step.body, str):
        answer = api.client.post(path, content=step.body, headers={"Content-Type": "text/csv"})
    else:
        answer = api.post(path, step.body, method=step.method)
    assert answer.is_success, answer.text
    return answer.text


def _around() -> Iterator[Step]:
    yield post("/schedules", {"schedule_id": str(OFFICE), "name": "Office", "hours": {**HOURS, "holidays": []}})
    yield Step(method="PUT", route="/schedules/{schedule_id}", of={"schedule_id": OFFICE}, body={"hours": HOURS})
    for sender, name, address in (
        (NUMBER, "Lisbon", "+351210000001"),
        (SECOND, "Porto", "+351220000001"),
        (FLAGGED, "Faro", "+351289000001"),
    ):
        yield post(
            "/senders",
            {"sender_id": str(sender), "channel": "phone", "friendly_name": name, "address": address},
        )
    yield post("/senders/{sender_id}/rename", {"friendly_name": "Lisbon office"}, sender_id=NUMBER)
    yield post("/senders/{sender_id}/disconnect", {"cause": "the trunk is down"}, sender_id=SECOND)
    yield post("/senders/{sender_id}/reconnect", sender_id=SECOND)
    yield post("/senders/{sender_id}/spam-reports", {"score": 9, "source": "carrier"}, sender_id=FLAGGED)
    listed = {"channel": "phone", "address": "+351910000009"}
    yield post("/suppressions", {**listed, "reason": "asked not to be called"})
    yield post("/suppressions/lift", {**listed, "reason": "asked by mistake"})


def _prepared() -> Iterator[Step]:
    yield post(
        "/campaigns",
        {
            "campaign_id": str(SPRING),
            "kind": "voice_agent",
            "name": "Spring",
            "settings": {"agent": "Marta", "zone": "Europe/Lisbon", "end_at": "2026-04-01T12:00:00Z"},
        },
    )
    yield post(f"{CAMPAIGN}/rename", {"name": "Spring check-in"}, campaign_id=SPRING)
    changes = {"changes": {"max_retries": 2, "retry_interval_seconds": 3600, "schedule_id": str(OFFICE)}}
    yield Step(method="PATCH", route=f"{CAMPAIGN}/settings", of={"campaign_id": SPRING}, body=changes)
    yield from _goals()
    yield from _analyses()
    yield Step(method="PUT", route=USED, of={"campaign_id": SPRING, "sender_id": NUMBER}, body={"weight": 80})
    for sender in (SECOND, FLAGGED):
        yield Step(method="PUT", route=USED, of={"campaign_id": SPRING, "sender_id": sender}, body={})
    yield post(f"{USED}/reinstate", campaign_id=SPRING, sender_id=FLAGGED)
    yield post(f"{USED}/disable", campaign_id=SPRING, sender_id=SECOND)
    yield post(f"{USED}/enable", campaign_id=SPRING, sender_id=SECOND)
    yield Step(method="DELETE", route=USED, of={"campaign_id": SPRING, "sender_id": FLAGGED})
    yield post("/senders/{sender_id}/retire", sender_id=FLAGGED)


def _goals() -> Iterator[Step]:
    yield post(
        f"{CAMPAIGN}/goals",
        {"goal_id": str(BOOKED), "name": "Books an appointment", "role": "primary"},
        campaign_id=SPRING,
    )
    yield post(f"{CAMPAIGN}/goals", {"goal_id": str(EMAIL), "name": "Confirms the email"}, campaign_id=SPRING)
    edited = {"name": "Confirms the email address", "description": "Spells it once."}
    yield Step(method="PATCH", route=GOAL, of={"campaign_id": SPRING, "goal_id": EMAIL}, body=edited)
    yield post(f"{GOAL}/make-primary", campaign_id=SPRING, goal_id=EMAIL)
    yield post(f"{GOAL}/archive", {"successor": str(BOOKED)}, campaign_id=SPRING, goal_id=EMAIL)
    yield post(f"{GOAL}/restore", campaign_id=SPRING, goal_id=EMAIL)


def _analyses() -> Iterator[Step]:
    text = {"name": "How interested?", "question": "rating", "scale": 5}
    yield post(f"{CAMPAIGN}/analyses", {"analysis_id": str(INTEREST), "text": text}, campaign_id=SPRING)
    of = {"campaign_id": SPRING, "analysis_id": INTEREST}
    edited = {**text, "name": "How interested is the contact?"}
    yield Step(method="PATCH", route=ANALYSIS, of=of, body={"text": edited})
    for verb in ("deactivate", "activate", "archive", "restore"):
        yield post(f"{ANALYSIS}/{verb}", **of)
    yield post(f"{ANALYSIS}/activate", **of)


def _called() -> Iterator[Step]:
    rows = [
        {"reference": "p-1", "name": "Ann", "phone": "+351910000001", "zone": "Europe/Lisbon", "priority": "high"},
        {"reference": "p-2", "name": "Ben", "phone": "+351910000002", "tags": ["newsletter"]},
        {"reference": "p-3", "name": "Cleo", "phone": "+351910000003"},
        {"reference": "p-4", "name": "Dan", "phone": "+351910000004"},
        {"reference": "p-5", "phone": "not a number"},
    ]
    yield post(f"{CAMPAIGN}/contacts/batch", {"rows": rows}, campaign_id=SPRING)
    late = {"reference": "p-6", "name": "Fay", "phone": "+351910000006"}
    yield post(f"{CAMPAIGN}/contacts", late, campaign_id=SPRING)
    yield post("/campaigns", {"campaign_id": str(EARLIER), "kind": "call", "name": "Winter"})
    taken = {"source_campaign_id": str(EARLIER), "filters": {"tag": ["newsletter"]}}
    yield post(f"{CAMPAIGN}/contacts/from-campaign", taken, campaign_id=SPRING)
    file = "reference,name,phone,plan\np-7,Gus,+351910000007,trial\n"
    yield Step(method="POST", route=f"{CAMPAIGN}/imports", of={"campaign_id": SPRING}, body=file)
    yield post("/imports/{import_id}/cancel", import_id=IMPORT)
    for route in ("/imports", "/imports/{import_id}", "/imports/{import_id}/report"):
        yield Step(method="GET", route=route, of={"import_id": IMPORT})
    yield post(f"{CAMPAIGN}/launch", {}, campaign_id=SPRING)
    ann, ben = {"campaign_id": SPRING, "contact_id": ANN}, {"campaign_id": SPRING, "contact_id": BEN}
    profile = {"name": "Ann Reed", "phone": "+351910000001", "profile": {"plan": "trial"}, "priority": "high"}
    yield Step(method="PUT", route=f"{CONTACT}/profile", of=ann, body=profile)
    yield post(f"{CONTACT}/pause", {"reason": "is on holiday"}, **ann)
    yield post(f"{CONTACT}/resume", **ann)
    yield post(f"{CONTACT}/calls", {"sender_id": str(NUMBER)}, **ann)
    yield post(f"{CALL}/connect", {"answered_by": "human"}, attempt=1, **ann)
    ended = {"outcome": "user_hung_up", "duration_seconds": 48, "conversation_id": str(TALK)}
    yield post(f"{CALL}/end", {**ended, "summary": "Ended the call early."}, attempt=1, **ann)
    corrected = {"from": "user_hung_up", "to": "completed", "reason": "listened to the recording again"}
    yield post(f"{CALL}/correct", {**corrected, "conversation_id": str(TALK)}, attempt=1, **ann)
    judged = {"result": "achieved", "conversation_id": str(TALK)}
    yield post(f"{CONTACT}/goals/{{goal_id}}/evaluations", judged, goal_id=BOOKED, **ann)
    answered = {"conversation_id": str(TALK), "value": 4}
    yield post(f"{CONTACT}/analyses/{{analysis_id}}/answers", answered, analysis_id=INTEREST, **ann)
    returned = {"conversation_id": str(RETURNED), "duration_seconds": 95, "sender_id": str(NUMBER)}
    yield post(f"{CONTACT}/received-calls", returned, **ann)
    yield post(f"{CONTACT}/calls", {}, **ben)
    yield post(f"{CALL}/end", {"outcome": "no_answer", "duration_seconds": 25}, attempt=1, **ben)
    yield post(f"{CONTACT}/retry", **ben)
    yield post(f"{CONTACT}/opt-out", {"channel": "phone"}, campaign_id=SPRING, contact_id=CLEO)
    variants = [{"max_retries": 0}, {"max_retries": None, "retry_interval": "90 minutes"}]
    yield post(f"{CAMPAIGN}/simulations", {"variants": variants, "cost_per_call": 0.05}, campaign_id=SPRING)
    yield post(f"{CONTACT}/remove", {"reason": "enrolled by mistake"}, campaign_id=SPRING, contact_id=DAN)


def _ended() -> Iterator[Step]:
    pause = {"pause_reason": "review", "note": "The first calls are looked at before we go on."}
    yield post(f"{CAMPAIGN}/pause", pause, campaign_id=SPRING)
    yield post(f"{CAMPAIGN}/resume", campaign_id=SPRING)
    yield post(f"{CAMPAIGN}/extend", {"end_at": "2026-05-01T12:00:00Z"}, campaign_id=SPRING)
    yield post(f"{CAMPAIGN}/complete", campaign_id=SPRING)
    yield post(f"{CAMPAIGN}/reopen", {"end_at": "2026-06-01T12:00:00Z"}, campaign_id=SPRING)
    yield post(f"{CAMPAIGN}/duplicate", {"copy_id": str(SPARE), "name": "Summer"}, campaign_id=SPRING)
    yield post(f"{CAMPAIGN}/cancel", {"reason": "the offer has ended"}, campaign_id=SPRING)
    yield post(f"{CAMPAIGN}/archive", campaign_id=SPRING)
    yield Step(method="DELETE", route=CAMPAIGN, of={"campaign_id": SPARE})
    yield post("/campaigns", {"campaign_id": str(SEQUENCE), "kind": "sequence", "name": "Onboarding"})
    step = {
        "step_id": str(_id("step")),
        "name": "Welcome",
        "channel": "email",
        "action": "send",
        "delay_seconds": 86_400,
    }
    yield Step(method="PUT", route=f"{CAMPAIGN}/sequence", of={"campaign_id": SEQUENCE}, body={"steps": [step]})
    survey = {"campaign_id": str(SURVEY), "kind": "survey", "name": "Satisfaction"}
    yield post("/campaigns", {**survey, "settings": {"end_at": "2026-04-01T12:00:00Z"}})
    mailbox = {
        "sender_id": str(MAILBOX),
        "channel": "email",
        "friendly_name": "Team",
        "address": "team@example.org",
    }
    yield post("/senders", mailbox)
    yield Step(method="PUT", route=USED, of={"campaign_id": SURVEY, "sender_id": MAILBOX}, body={})
    yield post(f"{CAMPAIGN}/contacts/batch", {"rows": [{"reference": "p-1"}]}, campaign_id=SURVEY)
    yield post(f"{CAMPAIGN}/launch", {}, campaign_id=SURVEY)
    yield post(f"{CAMPAIGN}/send-reminders", campaign_id=SURVEY)
    both = [str(SEQUENCE), str(SURVEY)]
    yield post("/campaigns/bulk", {"command": "delete", "campaign_ids": both})
    yield Step(method="GET", route="/people/{reference}", of={"reference": "p-4"})
    yield Step(
        method="DELETE",
        route="/people/{reference}",
        of={"reference": "p-4"},
        body={"reason": "they asked for it"},
    )


def _rebuilt() -> Iterator[Step]:
    of = {"generation": "gen_2"}
    yield Step(method="GET", route="/projections", of={})
    yield post("/projections/rebuilds", {"projections": ["history"], "go_live": False})
    yield Step(method="GET", route=REBUILD, of=of)
    yield post("/projections/rebuilds", {"projections": ["activity"], "workers": 2, "lag_limit_events": 5_000})
    yield Step(method="GET", route="/projections/rebuilds", of={})
    yield post(f"{REBUILD}/cancel", generation="gen_3")
    yield post(f"{REBUILD}/go-live", **of)
    yield Step(method="GET", route="/projections/switches/{switch_id}", of={"switch_id": SWITCH})
    yield post("/projections/rollback", {"projections": ["history"]})
