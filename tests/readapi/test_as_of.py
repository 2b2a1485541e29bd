"""Answers as of an earlier moment: what was answered then is answered again, whatever happened since."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from drumbeat.commands import campaign, contacts, goals, schedules, senders
from drumbeat.commands.calls import EndCall, PlaceCall
from drumbeat.commands.campaign import DeleteCampaign
from drumbeat.commands.command import Command
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.commands.evaluations import AnswerAnalysis
from drumbeat.commands.people import ErasePerson
from drumbeat.events.goals import AnalysisText
from drumbeat.events.ids import contact_id
from drumbeat.events.schedule import Hours
from drumbeat.events.values import CallOutcome, Question, WeeklyHours
from support.given import uid
from support.random_worlds import PEOPLE, World
from support.reading import Reading, as_of, get, pages, problem, said
from support.whole import Whole, whole_system

pytestmark = pytest.mark.postgres

HOURS = uid("hours")
MOOD = uid("mood")
NAMES = {"a": "Ada Lovelace", "b": "Bob Marley", "c": "Cleo Patra", "d": "Dan Brown", "e": "Eve Adams"}


class Richer(World):
    """A random world in which names, numbers, hours and goals change too, and people have names."""

    def __init__(self, system: Whole, seed: int) -> None:
        super().__init__(system, seed)
        self.step = 0
        system.do(schedules.DefineSchedule(schedule_id=HOURS, name="Office", hours=self._hours()))
        for one in self.campaigns:
            text = AnalysisText(name="Mood", question=Question.RATING, scale=5)
            system.do(goals.DefineAnalysis(campaign_id=one, analysis_id=MOOD, text=text))
            system.do(campaign.ChangeSettings(campaign_id=one, changes={"schedule_id": str(HOURS)}))

    def _hours(self) -> Hours:
        opens = self.rng.choice([0, 540, 700])
        day = WeeklyHours(weekday=self.rng.randint(1, 7), opens_minute=opens, closes_minute=opens + 300)
        return Hours(zone=self.rng.choice(["UTC", "Asia/Kolkata"]), weekly_hours=(day,))

    def _of_campaign(self, chosen: UUID) -> Command:
        self.step += 1
        of: Any = {"campaign_id": chosen}
        person = self.rng.choice(PEOPLE)
        of_contact: Any = {**of, "contact_id": contact_id(chosen, person)}
        others: list[Command] = [
            campaign.RenameCampaign(**of, name=f"name {self.step}"),
            goals.EditGoal(**of, goal_id=uid("goal"), name=f"goal {self.step}"),
            goals.DefineGoal(**of, name=f"another {self.step}"),
            senders.RenameSender(sender_id=uid("number"), friendly_name=f"number {self.step}"),
            senders.ReportSpamScore(sender_id=uid("number"), score=self.rng.randint(0, 6), source="feed"),
            schedules.ChangeSchedule(schedule_id=HOURS, hours=self._hours()),
            contacts.ChangeProfile(**of_contact, name=f"{NAMES[person]} {self.step}", tags=("vip",)),
            EnrolContacts(**of, rows=(ContactRow(reference=person, name=NAMES[person], zone="Europe/Lisbon"),)),
            AnswerAnalysis(**of_contact, analysis_id=MOOD, conversation_id=self._talk(of_contact), value=4),
        ]
        return self.rng.choice([super()._of_campaign(chosen), *others, *others])

    def _talk(self, of_contact: Any) -> UUID:
        found = self.system.rows(_TALKS, of_contact["contact_id"])
        return self.rng.choice(found)[0] if found else uid("no talk")


_TALKS = "SELECT conversation_id FROM live.attempts WHERE contact_id = %s AND conversation_id IS NOT NULL"


def questions(rng: random.Random, campaign_id: UUID) -> Iterator[str]:
    """Every question about a campaign, some with filters and sorts."""
    of = f"/campaigns/{campaign_id}"
    yield from (of, f"{of}/dashboard", f"{of}/heatmap", f"{of}/senders")
    yield f"{of}/contacts?sort={rng.choice(['id', 'name', 'status', 'last_called', 'goal_score'])}&count=true"
    yield f"{of}/contacts?limit=2&order=desc&search={rng.choice(['a', 'o', '35191'])}"
    yield f"{of}/contacts?removed=true"
    yield f"{of}/contacts/{contact_id(campaign_id, rng.choice(PEOPLE))}"
    yield f"{of}/attempts?count=true&limit={rng.choice([3, 100])}"
    yield f"{of}/attempts?conversation=true&order=asc"
    yield f"{of}/activity?limit={rng.choice([4, 200])}&count=true"
    yield f"{of}/history?limit={rng.choice([5, 200])}&order={rng.choice(['asc', 'desc'])}&count=true"


@dataclass(frozen=True, slots=True)
class Answered:
    """What was asked, and what was answered then."""

    path: str
    answer: httpx.Response

    @property
    def token(self) -> str:
        """What it says it was about."""
        return self.answer.headers["drumbeat-as-of"]


def whole(answer: httpx.Response) -> tuple[int, Any, str | None, str | None]:
    """All of an answer that is the same whenever it is given; of the next page's link all but the parameter."""
    link = answer.links["next"]["url"] if "next" in answer.links else None
    without = None if link is None else str(httpx.URL(link).copy_remove_param("as_of"))
    return answer.status_code, said(answer), answer.headers.get("etag"), without


@contextmanager
def read_whole(url: str, **deps: Any) -> Iterator[tuple[Whole, Reading, httpx.Client]]:
    """A whole system, and the read API over it with the same clock."""
    with whole_system(url) as system:
        reading = Reading(url, now=system.now)
        with reading.client(**deps) as client:
            yield system, reading, client


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_answered_at_random_moments_is_answered_again_whatever_happened_since(
    database_url: str, seed: int
) -> None:
    with read_whole(database_url) as (system, reading, client):
        world, rng = Richer(system, seed), random.Random(seed)
        kept: list[Answered] = []

        def ask(campaign_id: UUID) -> None:
            for path in questions(rng, campaign_id):
                answer = client.get(path)
                if answer.is_success:
                    kept.append(Answered(path, answer))

        for _ in range(12):
            for _ in range(rng.randint(1, 25)):
                world.act()
            system.project()
            reading.now = system.now
            ask(rng.choice(world.campaigns))
        assert len(kept) > 100
        agree(client, kept[::5])
        for _ in range(100):
            world.act()
        system.pass_time(days=5)
        system.do(campaign.ArchiveCampaign(campaign_id=world.campaigns[0]))
        system.do(DeleteCampaign(campaign_id=world.campaigns[0]))
        system.project()
        reading.now = system.now
        agree(client, kept)


def agree(client: httpx.Client, kept: list[Answered]) -> None:
    for one in kept:
        again = as_of(client, one.path, one.token)
        assert whole(again) == whole(one.answer), one.path
        assert again.headers["drumbeat-as-of"] == one.token
        tag = {"If-None-Match": one.answer.headers["etag"]}
        assert client.get(again.request.url, headers=tag).status_code == 304


def spring(system: Whole) -> UUID:
    """A campaign in which Ada was called and said something."""
    made = system.running_campaign("x", name="spring")
    row = ContactRow(reference="a", name="Ada Lovelace", phone="+351912345678", email="ada@example.org")
    system.do(EnrolContacts(campaign_id=made, rows=(row,)))
    system.do(PlaceCall(campaign_id=made, contact_id=contact_id(made, "a"), sender_id=uid("number")))
    system.do(
        EndCall(
            campaign_id=made,
            contact_id=contact_id(made, "a"),
            attempt=1,
            outcome=CallOutcome.COMPLETED,
            duration_seconds=61,
            conversation_id=uid("talk"),
            summary="Ada wants a letter",
        )
    )
    system.project()
    return made


PERSONAL = ("Lovelace", "912345678", "ada@example.org", "wants a letter")
PAGES = ("", "/contacts", "/contacts/{ada}", "/attempts", "/activity", "/history", "/dashboard", "/senders")


def shown(client: httpx.Client, of: UUID, **parameters: str) -> str:
    """Everything that is answered about a campaign."""
    answers = []
    for path in PAGES:
        asked = f"/campaigns/{of}{path}".format(ada=contact_id(of, "a"))
        answer = client.get(asked, params=parameters)
        assert answer.status_code == 200, answer.text
        answers.append(answer.text)
    return "\n".join(answers)


def test_a_person_who_was_erased_since_reads_as_erased_also_where_the_answer_is_at_hand(database_url: str) -> None:
    with read_whole(database_url) as (system, _, client):
        of = spring(system)
        token = get(client, f"/campaigns/{of}/dashboard")["as_of"]
        before = get(client, f"/campaigns/{of}/dashboard", as_of=token)
        assert all(word in shown(client, of, as_of=token) for word in PERSONAL)
        system.do(ErasePerson(reference="a", reason="asked"))
        system.project()
        at_hand = shown(client, of, as_of=token)
        with Reading(database_url, now=system.now).client() as another:
            folded = shown(another, of, as_of=token)
        for text in (at_hand, folded):
            assert not any(word in text for word in PERSONAL), text
        card = get(client, f"/campaigns/{of}/contacts/{contact_id(of, 'a')}", as_of=token)
        assert (card["erased"], card["name"], card["status_label"]) == (True, None, "Called")
        assert all("erased" not in entry["type"] for entry in card["timeline"]), "what came later is not told"
        # Counters stay as they were.
        assert get(client, f"/campaigns/{of}/dashboard", as_of=token)["attempts"] == before["attempts"]


def test_an_instant_means_all_that_was_recorded_by_then(database_url: str) -> None:
    with read_whole(database_url) as (system, _, client):
        of = spring(system)
        head = system.ledger.head()
        ((before,),) = system.rows("SELECT clock_timestamp()")
        system.do(campaign.RenameCampaign(campaign_id=of, name="later"))
        system.project()
        then = get(client, f"/campaigns/{of}", as_of=before.isoformat())
        assert (then["name"], then["as_of"]) == ("spring", f"{head}@{before:%Y-%m-%dT%H:%M:%S.%fZ}")
        assert get(client, f"/campaigns/{of}", as_of=str(head))["name"] == "spring"
        assert get(client, f"/campaigns/{of}", as_of=str(head + 1))["name"] == "later"
        # A position alone: its event's recording is the instant.
        ((recorded,),) = system.rows("SELECT recorded_at FROM ledger.events WHERE position = %s", head)
        told = get(client, f"/campaigns/{of}", as_of=str(head))
        assert told["as_of"] == f"{head}@{recorded:%Y-%m-%dT%H:%M:%S.%fZ}"
        assert datetime.fromisoformat(told["freshness"]["recorded_at"]) == recorded


def test_pages_of_one_moment_hold_each_row_once_while_rows_come(database_url: str) -> None:
    with read_whole(database_url) as (system, _, client):
        of = system.running_campaign(*[f"r-{number}" for number in range(9)])
        system.project()
        path = f"/campaigns/{of}/contacts?sort=enrolled"
        rows = pages(client, path)
        first = get(client, f"{path}&limit=4")
        system.enrol(of, *[f"late-{number}" for number in range(9)])
        system.project()
        # The cursor of a live answer leads on as of its moment.
        rest = get(client, f"{path}&limit=100", cursor=first["next_cursor"], as_of=first["as_of"])
        assert [*first["items"], *rest["items"]] == rows
        answer = as_of(client, f"{path}&limit=5", first["as_of"])
        following = client.get(answer.links["next"]["url"])
        assert [*answer.json()["items"], *following.json()["items"]] == rows


def test_the_rows_behind_a_number_are_as_many_as_of_the_same_moment(database_url: str) -> None:
    with read_whole(database_url) as (system, _, client):
        of = spring(system)
        board = get(client, f"/campaigns/{of}/dashboard")
        system.enrol(of, "b", "c", "d")
        system.project()
        number = board["contacts"]
        rows = get(client, number["rows"], as_of=board["as_of"], count="true")
        assert rows["count"] == number["value"] == 2


def test_a_campaign_is_unknown_before_it_was_and_there_before_it_was_deleted(database_url: str) -> None:
    with read_whole(database_url) as (system, _, client):
        of = spring(system)
        head = system.ledger.head()
        system.do(campaign.CancelCampaign(campaign_id=of, reason="enough"))
        system.do(DeleteCampaign(campaign_id=of))
        other = system.running_campaign("x", name="other")
        system.project()
        assert problem(client.get(f"/campaigns/{of}"))["code"] == "campaign-deleted"
        assert get(client, f"/campaigns/{of}", as_of=str(head))["status"] == "running"
        assert (
            problem(client.get(f"/campaigns/{other}", params={"as_of": str(head)}))["code"] == "unknown-campaign"
        )


def test_what_is_beyond_the_moment_or_of_no_campaign_is_refused(database_url: str) -> None:
    with read_whole(database_url) as (system, _, client):
        of = spring(system)
        answer = client.get(f"/campaigns/{of}", params={"as_of": "2", "at_least": "3"})
        assert (problem(answer)["code"], problem(answer)["field"]) == ("invalid-parameter", "at_least")
        assert get(client, f"/campaigns/{of}/history", as_of="5", at_least="3")["as_of"].startswith("5@")
        for path in ("/campaigns", "/history"):
            assert problem(client.get(path, params={"as_of": "2"}))["code"] == "unknown-parameter"


def test_a_campaign_of_more_events_than_are_folded_is_a_problem_that_says_how_many(database_url: str) -> None:
    with read_whole(database_url, as_of_max_events=5) as (system, _, client):
        of = spring(system)
        document = problem(client.get(f"/campaigns/{of}", params={"as_of": str(system.ledger.head())}))
        assert (document["code"], document["status"]) == ("as-of-too-large", 400)
        assert "at most 5 events" in document["allowed"]
        # While it was small it could be asked, as long as its people are not too many to be looked at.
        assert get(client, f"/campaigns/{of}", as_of="2")["contacts"] == 0
        system.enrol(of, *"bcdef")
        system.project()
        document = problem(client.get(f"/campaigns/{of}", params={"as_of": "3"}))
        assert (document["code"], "6 contacts, or more, by now" in document["detail"]) == ("as-of-too-large", True)


def test_an_answer_that_waits_for_the_read_models_waits_no_longer_than_any(database_url: str) -> None:
    with read_whole(database_url, wait_limit_seconds=0) as (system, _, client):
        of = spring(system)
        system.do(campaign.RenameCampaign(campaign_id=of, name="not projected"))
        answer = client.get(f"/campaigns/{of}", params={"as_of": str(system.ledger.head())})
        assert problem(answer)["code"] == "position-not-reached"
