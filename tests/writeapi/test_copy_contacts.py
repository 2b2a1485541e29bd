"""Contacts of one campaign enrolled in another: one, some, or all that the filters of their list let through."""

from collections.abc import Iterator
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import pytest

from drumbeat.events.contact import ContactEnrolled
from drumbeat.events.ids import contact_id
from drumbeat.web.problems import NotReady
from drumbeat.writeapi import commanding, copying
from support.reading import get, problem
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres

PEOPLE = [
    {
        "reference": f"p-{n}",
        "name": f"Person {n}",
        "phone": f"+35191000000{n}",
        "tags": ["odd" if n % 2 else "even"],
    }
    for n in range(7)
]


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        yield made


def drafted(api: Writing) -> str:
    return str(api.done("/campaigns", {"kind": "call", "name": "Spring"})["stream_id"])


def source(api: Writing) -> str:
    campaign = drafted(api)
    api.done(f"/campaigns/{campaign}/contacts/batch", {"rows": PEOPLE})
    api.project()
    return campaign


def copy(api: Writing, target: str, body: dict[str, Any], query: str = "", **headers: str) -> dict[str, Any]:
    return api.done(f"/campaigns/{target}/contacts/from-campaign{query}", body, **headers)


def test_all_are_copied_with_what_is_known_of_them_and_tell_whence_they_came(api: Writing) -> None:
    origin, target = source(api), drafted(api)
    api.project()
    answer = copy(api, target, {"source_campaign_id": origin})
    assert (answer["accepted"], answer["already_enrolled"], answer["refused"]) == (7, 0, 0)
    assert answer["judged_at"] <= answer["position"] == api.ledger.head()
    api.project()
    asked = {"at_least": str(answer["position"]), "sort": "name"}
    copies = get(api.client, f"/campaigns/{target}/contacts", **asked)["items"]
    originals = get(api.client, f"/campaigns/{origin}/contacts", **asked)["items"]
    same = ("reference", "name", "phone", "email", "tags", "priority", "zone")
    assert [[one[name] for name in same] for one in copies] == [[one[name] for name in same] for one in originals]
    told = {result["source_contact_id"]: result["contact_id"] for result in answer["results"]}
    assert set(told) == {one["contact_id"] for one in originals}
    assert set(told.values()) == {one["contact_id"] for one in copies}
    (enrolled,) = api.ledger.read_stream("default", UUID(copies[0]["contact_id"]))
    assert isinstance(enrolled.event.fact, ContactEnrolled)
    assert str(enrolled.event.fact.copied_from) == origin


def test_the_filters_and_the_named_ones_decide_who_is_copied(api: Writing) -> None:
    origin = source(api)
    listed = get(api.client, f"/campaigns/{origin}/contacts", sort="name")["items"]
    some = [listed[0]["contact_id"], listed[1]["contact_id"], str(uuid4())]
    for more, expected in (
        ({"filters": {"tag": ["odd"]}}, 3),
        ({"contact_ids": some}, 2),
        ({"contact_ids": some, "filters": {"tag": ["odd"]}}, 1),
        ({"filters": {"search": "person 5", "status": ["not_started"]}}, 1),
        ({"filters": {"removed": True}}, 0),
    ):
        target = drafted(api)
        api.project()
        answer = copy(api, target, {"source_campaign_id": origin, **more})
        assert (answer["accepted"], len(answer["results"])) == (expected, expected)


def test_who_is_there_already_or_may_not_be_contacted_is_answered_one_by_one(api: Writing) -> None:
    origin, target = source(api), drafted(api)
    api.done(f"/campaigns/{target}/contacts", PEOPLE[0])
    api.done("/suppressions", {"channel": "phone", "address": PEOPLE[1]["phone"], "reason": "asked"})
    api.project()
    answer = copy(api, target, {"source_campaign_id": origin})
    assert (answer["accepted"], answer["already_enrolled"], answer["refused"]) == (5, 1, 1)
    (refused,) = [result for result in answer["results"] if result["result"] == "refused"]
    assert (refused["reference"], refused["reason"]) == ("p-1", "suppressed")


def test_the_same_key_goes_on_where_it_stopped_and_repeats_nothing(api: Writing) -> None:
    origin, target = source(api), drafted(api)
    api.project()
    body = {"source_campaign_id": origin}
    with mock.patch.object(copying, "ROWS_AN_APPEND", 3):
        given = commanding.carry_out

        def ends_after_two_parts(*arguments: Any, **named: Any) -> Any:
            done = given(*arguments, **named)
            parts.append(done)
            if len(parts) == 3:  # the key, and two parts
                raise NotReady("the process ends here")
            return done

        parts: list[Any] = []
        with mock.patch.object(copying, "carry_out", ends_after_two_parts):
            answer = api.post(f"/campaigns/{target}/contacts/from-campaign", body, Idempotency_Key="k-1")
            assert problem(answer)["status"] == 503
        api.done(f"/campaigns/{origin}/contacts", {"reference": "p-8"})
        api.project()
        whole = copy(api, target, body, Idempotency_Key="k-1")
        assert whole["accepted"] >= 7
        assert len({result["source_contact_id"] for result in whole["results"]}) == len(whole["results"])
        api.done(f"/campaigns/{origin}/contacts/batch", {"rows": [{"reference": f"q-{n}"} for n in range(9)]})
        head = api.ledger.head()
        api.project()
        assert copy(api, target, body, Idempotency_Key="k-1")["results"] == whole["results"]
        assert api.ledger.head() == head
    other = {"source_campaign_id": origin, "filters": {"tag": ["odd"]}}
    document = problem(api.post(f"/campaigns/{target}/contacts/from-campaign", other, Idempotency_Key="k-1"))
    assert document["code"] == "idempotency-key-reused"


def test_a_dry_run_answers_for_each_and_enrols_nobody(api: Writing) -> None:
    origin, target = source(api), drafted(api)
    api.project()
    before = api.ledger.head()
    answer = copy(api, target, {"source_campaign_id": origin}, "?dry_run=true")
    assert (answer["accepted"], answer["dry_run"]) == (7, True)
    assert api.ledger.head() == before


def test_the_filters_are_judged_where_the_log_is_now_unless_another_position_is_named(database_url: str) -> None:
    with writing(database_url, wait_limit_seconds=0.05) as api:
        origin, target = source(api), drafted(api)
        path = f"/campaigns/{target}/contacts/from-campaign"
        document = problem(api.post(path, {"source_campaign_id": origin}))
        assert (document["status"], document["code"]) == (504, "position-not-reached")
        behind = copy(api, target, {"source_campaign_id": origin}, "?at_least=0")
        assert behind["judged_at"] < api.ledger.head()
        assert behind["accepted"] == 7
        assert problem(api.post(f"{path}?at_least=soon", {"source_campaign_id": origin}))["code"] == (
            "invalid-parameter"
        )


def test_a_source_that_is_not_there_is_a_problem(api: Writing) -> None:
    target = source(api)
    path = f"/campaigns/{target}/contacts/from-campaign"
    assert problem(api.post(path, {"source_campaign_id": str(uuid4())}))["code"] == "unknown-campaign"
    document = problem(api.post(path, {"source_campaign_id": target}))
    assert (document["code"], document["field"]) == ("invalid-body", "source_campaign_id")
    gone = drafted(api)
    api.done(f"/campaigns/{gone}", method="DELETE")
    api.project()
    assert problem(api.post(path, {"source_campaign_id": gone}))["code"] == "campaign-deleted"


def test_who_was_erased_is_not_copied(api: Writing) -> None:
    origin, target = source(api), drafted(api)
    first, second = (contact_id(UUID(origin), f"p-{number}") for number in (1, 2))
    api.done(f"/campaigns/{origin}/contacts/{second}/remove", {"reason": "moved"})
    api.done("/people/p-1", {"reason": "asked to be forgotten"}, method="DELETE")
    api.project()
    for who in ({"contact_ids": [str(first), str(second)]}, {}):
        answer = copy(api, target, {"source_campaign_id": origin, "filters": {"removed": True}, **who})
        assert [one["reference"] for one in answer["results"]] == ["p-2"]
        api.project()


def test_contacts_of_another_workspace_cannot_be_had(api: Writing) -> None:
    origin = source(api)
    api.workspace_id = "other"
    target = drafted(api)
    api.project()
    path = f"/campaigns/{target}/contacts/from-campaign"
    before = api.ledger.head()
    assert problem(api.post(path, {"source_campaign_id": origin}))["code"] == "unknown-campaign"
    api.workspace_id = "default"
    other = drafted(api)
    api.project()
    answer = api.post(f"/campaigns/{target}/contacts/from-campaign", {"source_campaign_id": other})
    assert answer.json()["results"] == []
    assert api.ledger.head() == before + 1


def test_more_than_may_be_copied_at_once_is_refused_and_nobody_is_enrolled(api: Writing) -> None:
    origin, target = source(api), drafted(api)
    api.project()
    before = api.ledger.head()
    with mock.patch.object(copying, "MOST_COPIED", 6):
        answer = api.post(f"/campaigns/{target}/contacts/from-campaign", {"source_campaign_id": origin})
    document = problem(answer)
    assert (document["status"], document["code"], document["field"]) == (413, "batch-too-large", "filters")
    assert api.ledger.head() == before
