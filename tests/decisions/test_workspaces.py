"""Workspaces and their keys: made once under a name, rotated while they work, revoked for good."""

from datetime import timedelta
from typing import Any

import pytest

from drumbeat.aggregates.workspace import (
    WORKSPACE,
    Workspace,
    create_key,
    create_workspace,
    key_called,
    revoke_key,
    rotate_key,
    workspace_word,
)
from drumbeat.commands.workspaces import CreateKey, CreateWorkspace, RevokeKey, RotateKey
from drumbeat.events.ids import workspace_stream_id
from drumbeat.events.workspace import (
    KeyScope,
    WorkspaceCreated,
    WorkspaceKeyCreated,
    WorkspaceKeyRevoked,
    WorkspaceKeyRotated,
)
from support.commanding import World
from support.given import NOW, Given, given, in_seconds, uid

CREATED = WorkspaceCreated(name="Acme")
CRM = uid("crm")
KEY = WorkspaceKeyCreated(
    key_id=CRM, name="crm", scopes=(KeyScope.READ, KeyScope.WRITE), expires_at=in_seconds(60)
)
REVOKED = WorkspaceKeyRevoked(key_id=CRM, name="crm")


def workspace(*more: Any) -> Given[Workspace]:
    return given(WORKSPACE, CREATED, *more)


def key(**changed: Any) -> dict[str, Any]:
    return {
        "workspace_id": "acme",
        "key_id": CRM,
        "name": "crm",
        "scopes": [KeyScope.WRITE, KeyScope.READ],
        "expires_at": in_seconds(60),
        "now": NOW,
    } | changed


def test_a_workspace_is_created_once_and_again_under_the_same_name_there_is_nothing_to_do() -> None:
    made = given(WORKSPACE).when(create_workspace, name=" Acme ").then(CREATED)
    made.when(create_workspace, name="Acme").then_nothing()
    made.when(create_workspace, name="Other").then_refused("wrong_state", field="workspace")
    given(WORKSPACE).when(create_workspace, name="").then_refused("out_of_range", field="name")


def test_a_key_tells_its_scopes_in_one_order_and_once() -> None:
    workspace().when(create_key, **key(scopes=[KeyScope.WRITE, KeyScope.READ, KeyScope.WRITE])).then(KEY)


def test_a_key_needs_a_workspace_that_exists_and_default_always_does() -> None:
    given(WORKSPACE).when(create_key, **key()).then_refused("unknown_stream", field="workspace")
    given(WORKSPACE).when(create_key, **key(workspace_id="default")).then(WorkspaceCreated(name="default"), KEY)


@pytest.mark.parametrize("before", [(KEY,), (KEY, REVOKED)])
def test_the_name_of_a_key_is_used_once_for_ever(before: tuple[Any, ...]) -> None:
    workspace(*before).when(create_key, **key(key_id=uid("other"))).then_refused("wrong_state", field="name")


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "n" * 61}),
        ("name", {"name": " crm"}),
        ("name", {"name": "key:crm"}),
        ("name", {"name": "crm\n"}),
        ("name", {"name": str(uid("looks like an id"))}),
        ("scopes", {"scopes": []}),
        ("expires_at", {"expires_at": NOW}),
    ],
)
def test_what_no_key_can_have_is_refused_by_field(field: str, changed: dict[str, Any]) -> None:
    workspace().when(create_key, **key(**changed)).then_refused("out_of_range", field=field)


@pytest.mark.parametrize("named", ["crm", str(CRM)])
def test_a_rotation_says_until_when_the_old_secret_works(named: str) -> None:
    told = WorkspaceKeyRotated(key_id=CRM, name="crm", old_secret_until=in_seconds(600))
    rotated = workspace(KEY).when(rotate_key, key=named, overlap=timedelta(minutes=10), now=NOW).then(told)
    assert key_called(rotated.state, "crm").scopes == KEY.scopes


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=30, seconds=1)])
def test_an_overlap_lies_between_nothing_and_thirty_days(overlap: timedelta) -> None:
    workspace(KEY).when(rotate_key, key="crm", overlap=overlap, now=NOW).then_refused(
        "out_of_range", field="overlap"
    )


def test_a_key_that_works_no_more_is_not_rotated() -> None:
    later = {"key": "crm", "overlap": timedelta(), "now": in_seconds(60)}
    workspace(KEY).when(rotate_key, **later).then_refused("wrong_state", field="key")
    workspace(KEY, REVOKED).when(rotate_key, **(later | {"now": NOW})).then_refused("wrong_state", field="key")


def test_a_key_is_revoked_once() -> None:
    revoked = workspace(KEY).when(revoke_key, key="crm").then(REVOKED)
    revoked.when(revoke_key, key=str(CRM)).then_nothing()
    workspace(KEY).when(revoke_key, key="other").then_refused("unknown_stream", field="key")
    given(WORKSPACE).when(revoke_key, key="crm").then_refused("unknown_stream", field="key")


@pytest.mark.parametrize("word", ["acme", "a", "a-1", "a" * 40])
def test_the_id_of_a_workspace_is_a_short_word(word: str) -> None:
    assert workspace_word(word) == word


@pytest.mark.parametrize("word", ["", "Acme", "1a", "-a", "a b", "a_b", "a" * 41, "ä", "acme\n"])
def test_other_words_name_no_workspace(word: str) -> None:
    world = World().elsewhere()
    world.who = type(world.who)(
        workspace_id=word, actor="ada", cause=world.who.cause, correlation_id=world.who.correlation_id
    )
    world.refused(CreateWorkspace(name="x"), "out_of_range")


def test_commands_act_in_the_workspace_of_who_gives_them() -> None:
    mine, theirs = World(), World().elsewhere()
    theirs.ledger = mine.ledger
    mine.do(CreateKey(key_id=CRM, name="crm", scopes=(KeyScope.READ,)))
    theirs.refused(RotateKey(key="crm"), "unknown_stream")
    theirs.refused(RevokeKey(key=str(CRM)), "unknown_stream")
    (told,) = mine.do(RotateKey(key="crm")).results
    assert told == {"key_id": str(CRM), "name": "crm", "scopes": ["read"], "expires_at": None}
    mine.do(RevokeKey(key="crm"))
    assert [fact.TYPE for fact in mine.facts(workspace_stream_id("default"))] == [
        "workspace.created.v1",
        "workspace.key_created.v1",
        "workspace.key_rotated.v1",
        "workspace.key_revoked.v1",
    ]
    assert workspace_stream_id("default") != workspace_stream_id("other")
