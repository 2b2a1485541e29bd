"""Proofs over HTTP: what an auditor with a key gets is all that a program without our code needs."""

import json
from base64 import b64decode
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
import pytest

from support.auditing import KEY, SIGNED_AT, checker
from support.reading import Reading, get, problem
from support.story import FOREIGN, SPRING

pytestmark = pytest.mark.postgres
CHECK = checker()
FIRST = uuid5(SPRING, "1")


def owned(story: Reading) -> dict[int, bytes]:
    """The events of the workspace that asks."""
    return {row.position: row.bytes for row in story.log.rows if b'"workspaceid":"default"' in row.bytes}


def test_the_head_is_signed_and_tells_size_time_and_root(client: httpx.Client, story: Reading) -> None:
    head = get(client, "/audit/head")
    assert head["tree_size"] == len(story.log.rows)
    assert head["timestamp"] >= SIGNED_AT.timestamp() * 1000
    assert b64decode(head["public_key"]) == KEY.public_key
    assert CHECK.is_signed(head, KEY.public_key)
    leaves = [CHECK.leaf_hash(row.position, row.bytes) for row in story.log.rows]
    assert b64decode(head["sha256_root_hash"]) == CHECK.root_of(leaves)


def test_every_event_of_the_workspace_is_proven_by_its_position_and_by_its_id(
    client: httpx.Client, story: Reading
) -> None:
    for position, raw in list(owned(story).items())[::7]:
        answer = get(client, f"/audit/proofs/positions/{position}")
        assert (answer["position"], b64decode(answer["bytes"])) == (position, raw)
        assert CHECK.is_right(answer, KEY.public_key)
        assert get(client, f"/audit/proofs/events/{json.loads(raw)['id']}") == answer


def test_a_proof_can_be_had_for_an_earlier_head(client: httpx.Client) -> None:
    answer = get(client, f"/audit/proofs/events/{FIRST}", tree_size=100)
    assert answer["head"]["tree_size"] == 100
    assert CHECK.is_right(answer, KEY.public_key)


def test_the_later_head_begins_with_the_earlier_one(client: httpx.Client, story: Reading) -> None:
    answer = get(client, "/audit/proofs/consistency?from=100")
    assert get(client, "/audit/proofs/consistency") == answer, "of all heads, without sizes"
    assert (answer["first"]["tree_size"], answer["second"]["tree_size"]) == (100, len(story.log.rows))
    assert CHECK.is_right(answer, KEY.public_key)
    assert get(client, f"/audit/proofs/consistency?from=100&to={len(story.log.rows)}") == answer
    same = get(client, "/audit/proofs/consistency?from=100&to=100")
    assert same["consistency"] == []
    assert CHECK.is_right(same, KEY.public_key)


def refused(client: httpx.Client, path: str) -> tuple[Any, ...]:
    found = problem(client.get(path))
    return found["code"], found.get("field"), found.get("value")


def test_sizes_that_nobody_signed_are_refused_by_their_names(client: httpx.Client, story: Reading) -> None:
    size = len(story.log.rows)
    last = max(owned(story))
    for path, field, value in (
        (f"/audit/proofs/events/{FIRST}?tree_size=99", "tree_size", 99),
        (f"/audit/proofs/positions/{last}?tree_size=100", "tree_size", 100),
        ("/audit/proofs/consistency?from=99", "from", 99),
        (f"/audit/proofs/consistency?from=100&to={size + 1}", "to", size + 1),
        (f"/audit/proofs/consistency?from={size}&to=100", "from", size),
    ):
        assert refused(client, path) == ("invalid-parameter", field, value)
    assert refused(client, "/audit/proofs/positions/0")[:2] == ("invalid-parameter", "position")
    assert refused(client, f"/audit/proofs/positions/{2**63}")[:2] == ("invalid-parameter", "position")
    assert refused(client, "/audit/proofs/events/7")[:2] == ("invalid-parameter", "event_id")


def test_an_event_of_another_workspace_is_answered_as_one_that_is_not_there(
    client: httpx.Client, story: Reading
) -> None:
    (position,) = [row.position for row in story.log.rows if str(FOREIGN).encode() in row.bytes][:1]
    foreign: UUID = uuid5(FOREIGN, "1")
    answers = [
        problem(client.get(path))
        for path in (
            f"/audit/proofs/events/{foreign}",
            f"/audit/proofs/events/{uuid4()}",
            f"/audit/proofs/positions/{position}",
            f"/audit/proofs/positions/{2**63 - 1}",
        )
    ]
    assert {(one["code"], one["status"], one["detail"]) for one in answers} == {
        (answers[0]["code"], 404, answers[0]["detail"])
    }
