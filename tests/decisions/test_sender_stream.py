"""Senders: registered, renamed, reported on, disconnected, reconnected, retired."""

from collections.abc import Callable
from typing import Any

import pytest

from drumbeat.aggregates.sender import (
    SENDER,
    Sender,
    disconnect_sender,
    reconnect_sender,
    register_sender,
    rename_sender,
    report_spam_score,
    retire_sender,
)
from drumbeat.events.sender import (
    SenderDisconnected,
    SenderReconnected,
    SenderRegistered,
    SenderRenamed,
    SenderRetired,
    SenderSpamScoreReported,
)
from drumbeat.events.values import Channel
from support.given import Given, given, uid

REGISTERED = SenderRegistered(channel=Channel.PHONE, friendly_name="Lisbon", address="+351210000001")


def sender(*more: Any) -> Given[Sender]:
    return given(SENDER, REGISTERED, *more)


def register(**changed: Any) -> dict[str, Any]:
    return {"channel": Channel.PHONE, "friendly_name": "Lisbon", "address": "+351 210 000 001"} | changed


def test_a_sender_is_registered() -> None:
    given(SENDER).when(register_sender, **register(friendly_name=" Lisbon ")).then(REGISTERED)


@pytest.mark.parametrize("limit", [1, 1_000_000])
def test_a_sender_has_a_daily_limit_of_its_own_and_a_schedule(limit: int) -> None:
    given(SENDER).when(register_sender, **register(daily_limit=limit, schedule_id=uid("hours"))).then(
        SenderRegistered(
            **(register() | {"address": REGISTERED.address, "daily_limit": limit, "schedule_id": uid("hours")})
        )
    )


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("friendly_name", {"friendly_name": " "}),
        ("friendly_name", {"friendly_name": "n" * 201}),
        ("address", {"address": "call me"}),
        ("address", {"address": ""}),
        ("address", {"channel": Channel.EMAIL}),
        ("daily_limit", {"daily_limit": 0}),
        ("daily_limit", {"daily_limit": 1_000_001}),
    ],
)
def test_a_sender_with_a_value_out_of_range_is_refused(field: str, changed: dict[str, Any]) -> None:
    given(SENDER).when(register_sender, **register(**changed)).then_refused("out_of_range", field=field)


def test_a_sender_is_registered_once() -> None:
    sender().when(register_sender, **register()).then_refused("wrong_state")


def test_a_sender_is_renamed() -> None:
    renamed = (
        sender().when(rename_sender, friendly_name="Porto").then(SenderRenamed(before="Lisbon", after="Porto"))
    )
    renamed.when(rename_sender, friendly_name="Porto").then_nothing()


@pytest.mark.parametrize("score", [0, 10])
def test_every_spam_report_counts_also_an_equal_one(score: int) -> None:
    fact = SenderSpamScoreReported(score=score, source="carrier_feed")
    once = sender().when(report_spam_score, score=score, source="carrier_feed").then(fact)
    twice = once.when(report_spam_score, score=score, source="carrier_feed").then(fact)
    assert twice.state is not None
    assert (twice.state.spam_score, twice.state.report_version) == (score, 3)


@pytest.mark.parametrize("score", [-1, 11, True])
def test_a_spam_score_out_of_range_is_refused(score: int) -> None:
    sender().when(report_spam_score, score=score, source="x").then_refused("out_of_range", field="score")


def test_a_spam_report_says_who_reports() -> None:
    sender().when(report_spam_score, score=1, source=" ").then_refused("out_of_range", field="source")


def test_a_sender_is_disconnected_and_reconnected() -> None:
    off = sender().when(disconnect_sender, cause="carrier").then(SenderDisconnected(cause="carrier"))
    off.when(disconnect_sender, cause="carrier").then_nothing()
    on = off.when(reconnect_sender).then(SenderReconnected())
    on.when(reconnect_sender).then_nothing()


def test_a_reconnected_sender_keeps_its_name_and_score() -> None:
    reported = SenderSpamScoreReported(score=4, source="x")
    back = sender(reported, SenderDisconnected(cause="carrier"), SenderReconnected())
    assert back.state == sender(reported).state


def test_a_retired_sender_stays_retired() -> None:
    retired = sender().when(retire_sender).then(SenderRetired())
    retired.when(retire_sender).then_nothing()
    retired.when(report_spam_score, score=9, source="x").then_nothing()
    retired.when(rename_sender, friendly_name="Porto").then_refused("wrong_state")
    retired.when(disconnect_sender, cause="x").then_refused("wrong_state")
    retired.when(reconnect_sender).then_refused("wrong_state")


@pytest.mark.parametrize(
    ("decide", "arguments"),
    [
        (rename_sender, {"friendly_name": "x"}),
        (report_spam_score, {"score": 1, "source": "x"}),
        (disconnect_sender, {"cause": "x"}),
        (reconnect_sender, {}),
        (retire_sender, {}),
    ],
)
def test_a_sender_that_is_not_there_is_refused(decide: Callable[..., Any], arguments: dict[str, Any]) -> None:
    given(SENDER).when(decide, **arguments).then_refused("unknown_stream", field="sender_id")
