"""The client and both APIs on a real Postgres: a campaign from draft to dashboard, lost answers, pages."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx
import pytest

from drumbeat.client import Drumbeat, Refused, Retries, VersionConflict
from drumbeat.client.generated.models import Answer, ContactRow
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres


@pytest.fixture
def server(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        yield made


@pytest.fixture
def api(server: Writing) -> Iterator[Drumbeat]:
    with Drumbeat(str(server.client.base_url), key=server.key) as made:
        yield made


def running(api: Drumbeat, people: int = 1) -> UUID:
    """A launched campaign with so many contacts."""
    campaign = api.campaigns.draft(kind="voice_agent", name="Spring", settings={"agent": "Ava"}).stream_id
    api.campaigns.define_goal(campaign, name="Appointment", role="primary")
    sender = api.senders.register(channel="phone", friendly_name="Main", address="+351210000000").stream_id
    api.senders.assign(campaign, sender)
    rows = [ContactRow(reference=f"p-{one}", phone=f"+351910000{one:03}") for one in range(people)]
    assert {row["result"] for row in api.contacts.enrol_many(campaign, rows=rows).results} == {"accepted"}
    api.campaigns.launch(campaign)
    return campaign


def test_a_campaign_goes_from_draft_to_a_conversation(api: Drumbeat, server: Writing) -> None:
    campaign = running(api)
    server.project()
    (contact,) = api.contacts.each(campaign)
    placed = api.contacts.place_call(campaign, contact.contact_id)
    attempt = placed.results[0]["attempt"]
    with pytest.raises(Refused) as refused:
        api.contacts.place_call(campaign, contact.contact_id)
    assert refused.value.code == "call-in-flight"
    api.contacts.connect_call(campaign, contact.contact_id, attempt, answered_by="human")
    ended = api.contacts.end_call(campaign, contact.contact_id, attempt, outcome="completed", duration_seconds=61)
    server.project()
    assert api.campaigns.dashboard(campaign, at_least=ended).conversations.value == 1
    (call,) = api.attempts.list(campaign, outcome=["completed"]).items
    assert (call.duration_seconds, call.outcome) == (61, "completed")
    card = api.contacts.get(campaign, contact.contact_id)
    assert [entry.type for entry in card.timeline][-1] == "contact.call_ended.v1"
    assert api.campaigns.get(campaign).goals[0].name == "Appointment"


def test_every_row_is_walked_through_page_by_page(api: Drumbeat, server: Writing) -> None:
    campaign = running(api, people=25)
    server.project()
    references = [contact.reference for contact in api.contacts.each(campaign, sort="name", limit=10)]
    assert sorted(references) == sorted(f"p-{one}" for one in range(25))
    changes = list(api.campaigns.each_history(campaign, limit=2))
    assert changes[0].type == "campaign.activated.v1"
    assert len(changes) == 6


def test_a_conflict_of_versions_tells_the_current_one(api: Drumbeat) -> None:
    campaign = api.campaigns.draft(kind="call", name="Spring")
    renamed = api.campaigns.rename(campaign.stream_id, name="Summer", if_match=campaign.version)
    with pytest.raises(VersionConflict) as raised:
        api.campaigns.rename(campaign.stream_id, name="Autumn", if_match=campaign.version)
    assert raised.value.current_version == renamed.version == 2


def test_a_dry_run_answers_and_writes_nothing(api: Drumbeat, server: Writing) -> None:
    assert api.campaigns.draft(kind="call", name="Spring", dry_run=True).dry_run
    assert server.ledger.head() == 0


@dataclass
class LosesAnswers(httpx.BaseTransport):
    """Carries every request to the server, and loses the first answers."""

    lost: int
    network: httpx.HTTPTransport = field(default_factory=httpx.HTTPTransport)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.network.handle_request(request)
        if self.lost:
            self.lost -= 1
            answer.read()
            raise httpx.ReadError("the connection was lost")
        return answer

    def close(self) -> None:
        self.network.close()


def test_a_command_whose_answer_was_lost_has_its_effect_once(server: Writing) -> None:
    unreliable = LosesAnswers(lost=2)
    with Drumbeat(
        str(server.client.base_url),
        key=server.key,
        transport=unreliable,
        retries=Retries(first_pause_seconds=0.001),
    ) as api:
        answer = api.campaigns.draft(kind="call", name="Spring")
    assert answer.repeated
    assert (server.ledger.head(), answer.version) == (answer.position, 1)


def test_one_client_serves_many_threads(api: Drumbeat, server: Writing) -> None:
    def draft(number: int) -> Answer:
        return api.campaigns.draft(campaign_id=uuid4(), kind="call", name=f"Campaign {number}")

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(draft, range(40)))
    server.project()
    listed = {row.campaign_id for row in api.campaigns.each(limit=7)}
    assert listed == {one.stream_id for one in made}
