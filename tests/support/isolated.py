"""Two workspaces with the same kinds of data, and requests of one about what is the other's."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid5

import httpx

from drumbeat.commands.dispatch import Commands
from drumbeat.events.ids import DRUMBEAT, contact_id
from support.commanded import CAMPAIGN, CONTACT, POLICIES, SPRING, Made, Step, prepare, steps
from support.whole import ADA, OneKey
from support.writing import Writing

BOB = "bravo"
"""The workspace that asks about what is not its own. Everything of `commanded` is Ada's, in another one."""

OWN = uuid5(DRUMBEAT, "isolated: campaign")
OWN_CONTACT = contact_id(OWN, "zed")
OWN_NUMBER = uuid5(DRUMBEAT, "isolated: number")
OWN_GOAL = uuid5(DRUMBEAT, "isolated: goal")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request. `route` is its place in the route table."""

    method: str
    route: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ids(self) -> set[str]:
        """Every id that stands in it."""
        return set(_UUID.findall(self.path + json.dumps(self.body)))

    def about(self, other: Mapping[str, str]) -> "Asked":
        """The same with other ids."""
        kept = json.loads(swapped(json.dumps(self.body), other))
        return replace(self, path=swapped(self.path, other), body=kept)

    def with_query(self, query: str) -> "Asked":
        """The same with another parameter."""
        return replace(self, path=f"{self.path}{'&' if '?' in self.path else '?'}{query}")


def swapped(text: str, other: Mapping[str, str]) -> str:
    """A text with other ids."""
    return _UUID.sub(lambda found: other.get(found.group(), found.group()), text)


def ghosts(ids: set[str]) -> dict[str, str]:
    """For each id one that never was anywhere."""
    return {one: str(uuid5(DRUMBEAT, f"ghost of {one}")) for one in ids}


def send(api: Writing, asked: Asked) -> httpx.Response:
    """Send it with the key of whoever asks now."""
    if isinstance(asked.body, str):
        headers = {"Content-Type": "text/csv", **asked.headers}
        return api.client.request(asked.method, asked.path, content=asked.body.encode(), headers=headers)
    return api.client.request(asked.method, asked.path, json=asked.body, headers=dict(asked.headers))


@contextmanager
def asking_as(api: Writing, workspace_id: str) -> Iterator[None]:
    """Meanwhile requests show the key of this workspace."""
    before, api.workspace_id = api.workspace_id, workspace_id
    try:
        yield
    finally:
        api.workspace_id = before


def told(answer: httpx.Response, ids: Mapping[str, str]) -> tuple[int, dict[str, str], str]:
    """What a client can learn from an answer: `ids` stand for others, what names the request is left out."""
    own = {"correlation-id", "date", "content-length", "etag", "server-timing"}
    headers = {name: swapped(value, ids) for name, value in answer.headers.items() if name not in own}
    text = swapped(answer.text, ids)
    return answer.status_code, headers, text.replace(answer.headers.get("correlation-id", "-"), "CORRELATION")


def fill(api: Writing) -> list[Asked]:
    """Ada's commands, carried out, each with a key; what was asked, once for each route."""
    made = Made()
    first: dict[tuple[str, str], Asked] = {}
    for number, step in enumerate(steps()):
        asked = _asked(step, f"ada-{number}").about(made.ids)
        prepare(api, step)
        answer = send(api, asked)
        assert answer.is_success, answer.text
        made.note(answer.text)
        first.setdefault((step.method, step.route), asked)
        if step.path in POLICIES:
            Commands(api.ledger, OneKey()).execute(POLICIES[step.path], ADA, now=api.now)
    api.operate()  # what was rolled back last is fed again
    return list(first.values())


def _asked(step: Step, key: str) -> Asked:
    headers = {} if step.method == "GET" else {"Idempotency-Key": key}
    return Asked(method=step.method, route=step.route, path=step.path, body=step.body, headers=headers)


def fill_own(api: Writing) -> None:
    """Bob's one campaign with one contact and one number, running."""
    with asking_as(api, BOB):
        number = {"channel": "phone", "friendly_name": "Own", "address": "+351210000099"}
        api.done("/senders", {"sender_id": str(OWN_NUMBER), **number})
        settings = {"agent": "Olga", "zone": "Europe/Lisbon", "end_at": "2026-04-01T12:00:00Z"}
        drafted = {"campaign_id": str(OWN), "kind": "voice_agent", "name": "Own", "settings": settings}
        api.done("/campaigns", drafted)
        api.done(f"/campaigns/{OWN}/goals", {"goal_id": str(OWN_GOAL), "name": "Own goal", "role": "primary"})
        api.done(f"/campaigns/{OWN}/senders/{OWN_NUMBER}", {}, method="PUT")
        api.done(f"/campaigns/{OWN}/contacts", {"reference": "zed", "name": "Zed", "phone": "+351910000099"})
        api.done(f"/campaigns/{OWN}/launch", {})


READS = (
    f"{CAMPAIGN}/dashboard",
    f"{CAMPAIGN}/heatmap",
    CAMPAIGN,
    f"{CAMPAIGN}/contacts",
    CONTACT,
    f"{CAMPAIGN}/attempts",
    f"{CAMPAIGN}/activity",
    f"{CAMPAIGN}/activity/export",
    f"{CAMPAIGN}/senders",
    f"{CAMPAIGN}/history",
)
"""Questions about a campaign."""


def reads(contact: UUID, sender: UUID, goal: UUID) -> list[Asked]:
    """Every question about Ada's campaign, with every filter that takes an id."""
    of = {"campaign_id": SPRING, "contact_id": contact}
    plain = [Asked(method="GET", route=route, path=route.format_map(of)) for route in READS]
    by_route = {one.route: one for one in plain}
    routes = (f"{CAMPAIGN}/history/diff", f"{CAMPAIGN}/history/diff/contacts")
    plain += [Asked(method="GET", route=one, path=one.format_map(of)).with_query("from=9") for one in routes]
    return [
        *plain,
        by_route[f"{CAMPAIGN}/contacts"].with_query(f"goal={goal}&result=achieved&count=true"),
        by_route[f"{CAMPAIGN}/contacts"].with_query("sort=name&order=desc&search=a&limit=1"),
        by_route[f"{CAMPAIGN}/attempts"].with_query(f"contact={contact}&count=true"),
        by_route[f"{CAMPAIGN}/attempts"].with_query(f"sender={sender}&count=true"),
        by_route[f"{CAMPAIGN}/activity"].with_query(f"contact={contact}&actor=ada&count=true"),
        by_route[f"{CAMPAIGN}/activity/export"].with_query(f"contact={contact}&format=jsonl"),
        by_route[f"{CAMPAIGN}/history"].with_query("actor=ada&count=true"),
        Asked(method="GET", route="/imports", path=f"/imports?campaign_id={SPRING}"),
    ]
