"""One contact enrolled over HTTP: accepted, known already, or turned away by name."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from drumbeat.events.contact import ContactEnrolmentRefused
from support.reading import get, problem
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres

PERSON = {"reference": "p-1", "name": "Grace", "phone": "+351910000001", "tags": ["vip"], "priority": "high"}


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        yield made


def drafted(api: Writing, **settings: object) -> str:
    body = {"kind": "call", "name": "Spring", "settings": settings}
    return str(api.done("/campaigns", body)["stream_id"])


def test_a_person_becomes_a_contact_that_is_listed_with_what_was_said(api: Writing) -> None:
    campaign = drafted(api)
    answer = api.post(f"/campaigns/{campaign}/contacts", PERSON)
    assert answer.status_code == 201
    (result,) = answer.json()["results"]
    assert (result["reference"], result["result"]) == ("p-1", "accepted")
    assert answer.json()["stream_id"] == result["contact_id"]
    api.project()
    at_least = str(answer.json()["position"])
    (row,) = get(api.client, f"/campaigns/{campaign}/contacts", at_least=at_least)["items"]
    assert (row["contact_id"], row["name"], row["tags"]) == (result["contact_id"], "Grace", ["vip"])


def test_somebody_who_is_enrolled_already_is_200_and_nothing_is_written(api: Writing) -> None:
    campaign = drafted(api)
    first = api.done(f"/campaigns/{campaign}/contacts", PERSON)
    again = api.post(f"/campaigns/{campaign}/contacts", PERSON)
    assert again.status_code == 200
    assert again.json()["results"][0]["result"] == "already_enrolled"
    assert api.ledger.head() == first["position"]


def test_a_value_out_of_range_is_a_problem_that_names_the_field_and_never_the_personal_value(api: Writing) -> None:
    campaign = drafted(api)
    before = api.ledger.head()
    document = problem(api.post(f"/campaigns/{campaign}/contacts", {**PERSON, "phone": "not a number 4711"}))
    assert (document["status"], document["code"], document["field"]) == (422, "out-of-range", "phone")
    assert "4711" not in str(document)
    assert api.ledger.head() == before


def test_being_turned_away_is_a_problem_that_is_recorded_once_and_kept_under_no_key(api: Writing) -> None:
    campaign = drafted(api)
    suppressed = {"channel": "phone", "address": PERSON["phone"], "reason": "asked", "source": "phone"}
    api.done("/suppressions", suppressed)
    contacts = f"/campaigns/{campaign}/contacts"
    for _ in range(2):
        document = problem(api.post(contacts, PERSON, Idempotency_Key="k-1"))
        assert (document["status"], document["code"]) == (409, "suppressed")
    batch = api.done(f"{contacts}/batch", {"rows": [PERSON]})["results"]
    recorded = api.ledger.read_stream("default", UUID(batch[0]["contact_id"]))
    assert [one.event.fact for one in recorded] == [ContactEnrolmentRefused(reason="suppressed")]
    lifted = {"channel": "phone", "address": PERSON["phone"], "reason": "asked again"}
    api.done("/suppressions/lift", lifted)
    assert api.post(contacts, PERSON, Idempotency_Key="k-1").status_code == 201
    assert api.post(contacts, PERSON, Idempotency_Key="k-1").json()["repeated"] is True


def test_somebody_who_was_removed_never_comes_back(api: Writing) -> None:
    campaign = drafted(api)
    contact = api.done(f"/campaigns/{campaign}/contacts", PERSON)["stream_id"]
    api.done(f"/campaigns/{campaign}/contacts/{contact}/remove", {"reason": "asked"})
    assert problem(api.post(f"/campaigns/{campaign}/contacts", PERSON))["code"] == "removed"


def test_a_campaign_that_is_over_or_deleted_or_not_there_takes_nobody(api: Writing) -> None:
    assert problem(api.post(f"/campaigns/{uuid4()}/contacts", PERSON))["code"] == "unknown-stream"
    campaign = drafted(api)
    api.done(f"/campaigns/{campaign}/archive")
    assert problem(api.post(f"/campaigns/{campaign}/contacts", PERSON))["code"] == "campaign-over"
    api.done(f"/campaigns/{campaign}", method="DELETE")
    assert problem(api.post(f"/campaigns/{campaign}/contacts", PERSON))["code"] == "deleted"


def test_a_dry_run_answers_what_would_happen_and_records_not_even_a_refusal(api: Writing) -> None:
    campaign = drafted(api)
    suppressed = {"channel": "phone", "address": PERSON["phone"], "reason": "asked", "source": "phone"}
    api.done("/suppressions", suppressed)
    before = api.ledger.head()
    contacts = f"/campaigns/{campaign}/contacts?dry_run=true"
    assert problem(api.post(contacts, PERSON))["code"] == "suppressed"
    other = api.post(contacts, {**PERSON, "reference": "p-2", "phone": "+351910000002"})
    assert (other.status_code, other.json()["results"][0]["result"]) == (200, "accepted")
    assert api.ledger.head() == before
