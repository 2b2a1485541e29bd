"""The position of a command's answer, given to a read as `at_least`, shows the effect: in every read model.

The projector follows the log by itself, in a thread of its own, so that the reads really wait for it.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from support.reading import get
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres
HOURS = {
    "zone": "UTC",
    "weekly_hours": [{"weekday": day, "opens_minute": 0, "closes_minute": 1_440} for day in range(1, 8)],
}


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        stop = threading.Event()
        projecting = threading.Thread(target=made.projector.run, args=(stop,))
        projecting.start()
        try:
            yield made
        finally:
            stop.set()
            projecting.join(30)
        assert not projecting.is_alive()


class Story:
    """A campaign with one contact. Each command is followed at once by reads at its position."""

    def __init__(self, api: Writing) -> None:
        self._api = api
        self._position = 0
        self.campaign = self.told("/campaigns", {"kind": "voice_agent", "name": "Spring"})["stream_id"]
        self.contact = ""

    def told(self, path: str, body: Any = None, method: str = "POST") -> dict[str, Any]:
        answer = self._api.done(path, body, method=method)
        self._position = answer["position"]
        return answer

    def do(self, path: str, body: Any = None, method: str = "POST") -> dict[str, Any]:
        """A command to the campaign."""
        return self.told(f"/campaigns/{self.campaign}{path}", body, method)

    def of_contact(self, path: str, body: Any) -> dict[str, Any]:
        return self.do(f"/contacts/{self.contact}{path}", body)

    def read(self, path: str = "", **query: str) -> dict[str, Any]:
        """A read about the campaign, at the last command's position."""
        return get(self._api.client, f"/campaigns/{self.campaign}{path}", at_least=str(self._position), **query)

    def listed(self) -> list[dict[str, Any]]:
        """The list of campaigns, at the last command's position."""
        return list(get(self._api.client, "/campaigns", at_least=str(self._position))["items"])


def with_contact(story: Story) -> Story:
    story.do("/goals", {"name": "Appointment", "role": "primary"})
    number = {"channel": "phone", "friendly_name": "Main", "address": "+351210000000"}
    sender = story.told("/senders", number)["stream_id"]
    story.do(f"/senders/{sender}", {}, "PUT")
    rows = [{"reference": "p-1", "phone": "+351910000001", "zone": "UTC"}]
    story.contact = story.do("/contacts/batch", {"rows": rows})["results"][0]["contact_id"]
    return story


def with_call(story: Story) -> Story:
    with_contact(story).do("/launch")
    story.of_contact("/calls", {})
    return story


def test_the_list_and_the_card_of_campaigns(api: Writing) -> None:
    story = Story(api)
    assert [row["name"] for row in story.listed()] == ["Spring"]
    story.do("/rename", {"name": "Summer"})
    assert story.read()["name"] == "Summer"
    story.do("/rename", {"name": "Autumn"})
    assert [row["name"] for row in story.listed()] == ["Autumn"]


def test_goals_and_analyses(api: Writing) -> None:
    story = Story(api)
    story.do("/goals", {"name": "Appointment", "role": "primary"})
    assert [goal["name"] for goal in story.read()["goals"]] == ["Appointment"]
    story.do("/analyses", {"text": {"name": "Mood", "question": "open"}})
    assert [analysis["name"] for analysis in story.read()["analyses"]] == ["Mood"]


def test_schedules(api: Writing) -> None:
    story = Story(api)
    schedule = story.told("/schedules", {"name": "Always", "hours": HOURS})["stream_id"]
    story.do("/settings", {"changes": {"schedule_id": schedule}}, "PATCH")
    assert story.read()["hours"]["open"] is True
    closed = [{"weekday": 1, "opens_minute": 0, "closes_minute": 1}]
    story.told(f"/schedules/{schedule}", {"hours": {**HOURS, "weekly_hours": closed}}, "PUT")
    assert story.read()["hours"]["open"] is False


def test_senders(api: Writing) -> None:
    story = with_contact(Story(api))
    (sender,) = story.read("/senders")["items"]
    assert sender["friendly_name"] == "Main"
    story.told(f"/senders/{sender['sender_id']}/rename", {"friendly_name": "Lisbon"})
    assert [row["friendly_name"] for row in story.read("/senders")["items"]] == ["Lisbon"]


def test_contacts_and_the_card_of_one(api: Writing) -> None:
    story = with_contact(Story(api))
    assert [row["contact_id"] for row in story.read("/contacts")["items"]] == [story.contact]
    story.do(f"/contacts/{story.contact}/profile", {"name": "Ann", "tags": ["new"]}, "PUT")
    assert story.read(f"/contacts/{story.contact}")["tags"] == ["new"]
    story.of_contact("/remove", {"reason": "asked"})
    assert story.read("/contacts")["items"] == []


def test_attempts_dashboard_and_heatmap(api: Writing) -> None:
    story = with_call(Story(api))
    assert [row["attempt"] for row in story.read("/attempts")["items"]] == [1]
    story.of_contact(
        "/calls/1/end", {"outcome": "completed", "duration_seconds": 61, "conversation_id": str(uuid4())}
    )
    assert story.read("/dashboard")["conversations"]["value"] == 1
    body = {"from": "completed", "to": "no_answer", "reason": "misheard"}
    story.of_contact("/calls/1/correct", body)
    (cell,) = story.read("/heatmap")["cells"]
    assert (cell["rate"]["numerator"]["value"], cell["rate"]["denominator"]["value"]) == (0, 1)


def test_evaluations_and_answers(api: Writing) -> None:
    story = with_call(Story(api))
    conversation = str(uuid4())
    ended = {"outcome": "completed", "duration_seconds": 61, "conversation_id": conversation}
    story.of_contact("/calls/1/end", ended)
    goal = story.read()["goals"][0]["id"]
    story.of_contact(f"/goals/{goal}/evaluations", {"result": "achieved"})
    assert story.read("/dashboard")["goal_achievement"]["numerator"]["value"] == 1
    story.do("/analyses", {"text": {"name": "Mood", "question": "open"}})
    analysis = story.read()["analyses"][0]["id"]
    story.of_contact(f"/analyses/{analysis}/answers", {"conversation_id": conversation, "value": "cheerful"})
    (attempt,) = story.read("/attempts")["items"]
    assert [answer["value"] for answer in attempt["answers"]] == ["cheerful"]


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/activity", lambda rows: rows[0]["action"] == "campaign_paused"),
        ("/history", lambda rows: rows[0]["type"].startswith("campaign.paused")),
    ],
)
def test_activity_and_history(api: Writing, path: str, seen: Callable[[list[dict[str, Any]]], bool]) -> None:
    story = with_contact(Story(api))
    story.do("/launch")
    story.do("/pause", {})
    assert seen(story.read(path)["items"])
