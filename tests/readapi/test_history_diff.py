"""What changed between two positions is what two looks at the read models, taken then, differ in."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from drumbeat.events import campaign as facts
from drumbeat.events import contact
from drumbeat.events.settings import CampaignSettings
from drumbeat.events.values import ContactPrivate, PauseReason, Priority
from drumbeat.readapi import comparing
from support.postgres import TestServer
from support.projecting import counters, project, rows_of
from support.reading import ALL, Reading, get, pages, problem
from support.story import ANN, GONE, NEWSLETTER, NOW, NUMBER, SPRING, TERM_DEPOSIT, tell_story

pytestmark = pytest.mark.postgres

DIFF = f"/campaigns/{SPRING}/history/diff"
STOPS = 7


@dataclass
class Look:
    """The read models, as they were at a position."""

    position: int
    counters: dict[tuple[str, str], int]
    contacts: dict[str, dict[str, Any]]


@dataclass
class Told:
    """A history that was looked at at several positions while it was told."""

    reading: Reading
    looks: list[Look]


@pytest.fixture(scope="module")
def told(postgres_server: TestServer) -> Iterator[Told]:
    with postgres_server.fresh_database() as url:
        reading = Reading(url, now=NOW)
        tell_story(reading.log, people=40)
        _changes(reading)
        reading.written()
        first = next(row.position for row in reading.log.rows if row.type == "campaign.drafted.v1")
        last = len(reading.log.rows)
        looks = []
        for position in [*range(first, last, (last - first) // STOPS), last]:
            project(reading.log, url, ALL, until=position, batch_events=1)
            looks.append(Look(position, dict(counters(url, SPRING)), _contacts(url)))
        yield Told(reading, looks)


def _changes(reading: Reading) -> None:
    log = reading.log
    settings = CampaignSettings(agent="Rui", zone="Europe/Lisbon", max_retries=5)
    before = CampaignSettings(agent="Marta", zone="Europe/Lisbon")
    log.tell(
        SPRING,
        facts.CampaignSettingsChanged(settings_version=2, before=before, after=settings),
        facts.CampaignSenderDisabled(sender_id=NUMBER),
        facts.CampaignPaused(pause_reason=PauseReason.MANUAL, note="a look"),
        campaign_id=SPRING,
    )
    changed = contact.ContactProfileChanged(priority=Priority.HIGH, private=ContactPrivate(name="Ann, again"))
    log.tell(ANN, changed, campaign_id=SPRING)


def _contacts(url: str) -> dict[str, dict[str, Any]]:
    rows = rows_of(url, "contacts")
    return {str(row["contact_id"]): row for row in rows if row["campaign_id"] == SPRING}


@pytest.fixture(scope="module")
def asked(told: Told) -> Iterator[httpx.Client]:
    with told.reading.client() as client:
        yield client


def pairs() -> list[tuple[int, int]]:
    return [(first, second) for first in range(STOPS + 1) for second in range(first + 1, STOPS + 1)]


@pytest.mark.parametrize(("first", "second"), pairs())
def test_numbers_are_those_that_the_dashboard_had(
    asked: httpx.Client, told: Told, first: int, second: int
) -> None:
    before, after = told.looks[first], told.looks[second]
    answer = get(asked, DIFF, **{"from": before.position, "to": after.position})
    assert {(one["counter"], one["key"] or ""): (one["before"], one["after"]) for one in answer["numbers"]} == {
        key: (before.counters.get(key, 0), after.counters.get(key, 0))
        for key in before.counters.keys() | after.counters.keys()
        if before.counters.get(key, 0) != after.counters.get(key, 0)
    }


SHOWN = (
    "status",
    "substatus",
    "label",
    "attempts",
    "conversations",
    "talk_time_seconds",
    "goal_results",
    "name",
    "tags",
)


@pytest.mark.parametrize(("first", "second"), pairs())
def test_contacts_are_counted_by_what_their_rows_differ_in(
    asked: httpx.Client, told: Told, first: int, second: int
) -> None:
    before, after = told.looks[first], told.looks[second]
    answer = get(asked, DIFF, **{"from": before.position, "to": after.position})["contacts"]
    assert answer["enrolled"] == len(after.contacts.keys() - before.contacts.keys())
    columns = Counter(
        column
        for contact_id, row in before.contacts.items()
        for column in SHOWN
        if after.contacts[contact_id][column] != row[column]
    )
    assert {one["column"]: one["contacts"] for one in answer["columns"] if one["column"] in SHOWN} == columns
    moves = Counter(
        (None if old is None else _label(old), _label(row))
        for contact_id, row in after.contacts.items()
        if (old := before.contacts.get(contact_id)) is None or _label(old) != _label(row)
    )
    moves.pop((None, None), None)
    assert {(one["before"], one["after"]): one["contacts"] for one in answer["labels"]} == moves
    rows = pages(asked, answer["rows"], limit=7)
    assert len(rows) == answer["enrolled"] + answer["changed"]
    for row in rows:
        was, then = before.contacts.get(row["contact_id"], {}), after.contacts[row["contact_id"]]
        assert row["enrolled"] == (not was)
        values = {one["column"]: (one["before"], one["after"]) for one in row["columns"]}
        assert {name: value for name, value in values.items() if name in SHOWN} == {
            name: (was.get(name), then[name]) for name in SHOWN if was.get(name) != then[name]
        }


def _label(row: dict[str, Any]) -> str | None:
    return None if row["removed"] else str(row["label"])


def test_the_campaign_itself_is_told_field_by_field(asked: httpx.Client, told: Told) -> None:
    end = told.looks[-1].position
    start = next(row.position for row in told.reading.log.rows if row.type == "campaign.settings_changed.v1") - 1
    answer = get(asked, DIFF, **{"from": start, "to": end})
    fields = {one["field"]: (one["about"], one["before"], one["after"]) for one in answer["campaign"]}
    assert fields["settings.max_retries"] == (None, 2, 5)
    assert fields["agent"] == (None, "Marta", "Rui")
    assert fields["status"] == (None, "running", "paused")
    assert fields["pause_note"] == (None, None, "a look")
    assert fields[f"senders.{NUMBER}.standing"] == ("Lisbon", "active", "disabled")
    assert "position" not in fields
    early = get(asked, DIFF, **{"from": told.looks[0].position, "to": start})
    goals = {one["field"]: one for one in early["campaign"] if one["field"].startswith(f"goals.{TERM_DEPOSIT}")}
    assert goals[f"goals.{TERM_DEPOSIT}.role"] == {
        "field": f"goals.{TERM_DEPOSIT}.role", "about": "Term deposit", "before": None, "after": "primary",
    }  # fmt: skip
    about = {one["about"] for one in early["numbers"] if (one["key"] or "").startswith(str(NEWSLETTER))}
    assert about == {"Newsletter"}


def test_what_was_done_in_between_is_listed_by_its_links(asked: httpx.Client, told: Told) -> None:
    before, after = told.looks[2].position, told.looks[5].position
    answer = get(asked, DIFF, **{"from": before, "to": after})
    for name, whole in (("activity", "activity"), ("history", "history")):
        rows = pages(asked, answer[name]["rows"])
        assert len(rows) == answer[name]["count"]
        everything = pages(asked, f"/campaigns/{SPRING}/{whole}?order=asc")
        assert rows == [row for row in everything if before < row["position"] <= after]
    assert answer["from"]["position"] == before
    assert answer["to"]["position"] == after
    assert answer["from"]["recorded_at"] is not None


def test_tokens_do_as_well_as_positions_and_no_end_means_now(asked: httpx.Client, told: Told) -> None:
    start, here = told.looks[3].position, told.looks[-1].position
    plain = get(asked, DIFF, **{"from": start})
    token = get(asked, f"/campaigns/{SPRING}")["as_of"]
    assert token.partition("@")[0] == str(here) == str(plain["to"]["position"])
    same = get(asked, DIFF, **{"from": f"{start}@2026-03-02T09:00:00Z", "to": token})
    assert {**same, "as_of": ""} == {**plain, "as_of": ""}


def test_a_stretch_that_is_none_is_refused_by_name(asked: httpx.Client, told: Told) -> None:
    first, here = told.looks[0].position, told.looks[-1].position

    def refused(**ends: Any) -> tuple[int, str, str]:
        named = {name.rstrip("_"): value for name, value in ends.items()}
        document = problem(asked.get(DIFF, params=named))
        return document["status"], document["code"], document["field"]

    assert refused(from_=here + 1) == (400, "position-in-the-future", "from")
    assert refused(from_=first, to=here + 1) == (400, "position-in-the-future", "to")
    assert refused(from_=first - 1, to=here) == (400, "position-before-the-campaign", "from")
    assert refused(from_=0) == (400, "position-before-the-campaign", "from")
    assert refused(from_="yesterday") == (400, "malformed-position", "from")
    assert refused(from_="-3") == (400, "malformed-position", "from")
    assert refused(from_=first, to="1e3") == (400, "malformed-position", "to")
    assert refused(from_=here, to=here) == (400, "invalid-parameter", "from")
    assert refused(from_=here, to=first) == (400, "invalid-parameter", "from")
    assert refused(to=here) == (400, "invalid-parameter", "from")


def test_more_contacts_than_are_compared_are_refused_before_any_is_read(told: Told) -> None:
    with told.reading.client(diff_contacts=3) as client:
        document = problem(client.get(DIFF, params={"from": told.looks[0].position}))
        assert document["code"] == "stretch-too-long"
        narrow = told.looks[-1].position - 4
        assert get(client, DIFF, **{"from": narrow})["contacts"]["changed"] == 1
        # Page by page, any number of them can be looked at.
        rows = pages(client, f"{DIFF}/contacts?from={told.looks[0].position}", limit=9)
        assert len(rows) == 40
        counted = client.get(f"{DIFF}/contacts", params={"from": narrow, "count": "true"}).json()
        assert counted["count"] == len(counted["items"]) == 1


def test_a_deleted_campaign_tells_what_changed(asked: httpx.Client, told: Told) -> None:
    drafted = next(row.position for row in told.reading.log.rows if str(GONE).encode() in row.bytes)
    answer = get(asked, f"/campaigns/{GONE}/history/diff", **{"from": drafted})
    assert {one["field"] for one in answer["campaign"]} >= {"deleted"}
    assert answer["contacts"]["enrolled"] == 0


def test_streams_are_read_some_at_a_time(asked: httpx.Client, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = get(asked, DIFF, **{"from": told.looks[0].position})
    for module in ("comparing", "history_diff"):
        monkeypatch.setattr(f"drumbeat.readapi.{module}.CONTACTS_AT_ONCE", 3)
    assert comparing.CONTACTS_AT_ONCE == 3
    again = get(asked, DIFF, **{"from": told.looks[0].position})
    assert {**again, "as_of": ""} == {**whole, "as_of": ""}


def test_of_a_person_erased_since_nothing_personal_is_told(postgres_server: TestServer) -> None:
    with postgres_server.fresh_database() as url:
        reading = Reading(url, now=NOW)
        tell_story(reading.log, people=2)
        start = len(reading.log.rows)
        named = ContactPrivate(name="Zyxomar", phone="+351910000042")
        changed = contact.ContactProfileChanged(priority=Priority.HIGH, private=named)
        reading.log.tell(ANN, changed, contact.ContactErased(), campaign_id=SPRING)
        reading.applied()
        _destroy_keys(url)
        with reading.client() as client:
            (row,) = pages(client, f"{DIFF}/contacts?from={start}")
            assert row["columns"]
            assert not {one["column"] for one in row["columns"]} & {"name", "phone", "email", "profile"}
            text = client.get(f"{DIFF}/contacts?from=8&limit=9").text
            assert "Zyxomar" not in text
            assert row["name"] is None


def _destroy_keys(url: str) -> None:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("DELETE FROM access.person_keys")
