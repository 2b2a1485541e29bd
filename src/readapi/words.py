"""Events in plain words, put on when they are read: a projection keeps no sentences."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from drumbeat.events import Fact, calls, contact, evaluations

Names = Mapping[str, str]
"""Ids of goals, analyses and senders → what they are called now."""


def _plain(word: object) -> str:
    return str(word).replace("_", " ")


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _named(names: Names, kind: str, one: object) -> str:
    name = names.get(str(one))
    return f"a {kind} that is not known any more" if name is None else f"{kind} “{name}”"


def _ended(fact: calls.ContactCallEnded, _: Names) -> str:
    lasted = "" if fact.duration_seconds is None else f" after {fact.duration_seconds} s"
    lost = ", lost: nobody reported its end in time" if fact.detail == "lost" else ""
    return f"call {fact.attempt} ended{lasted}: {_plain(fact.outcome)}{lost}"


def _retry(fact: calls.ContactRetryScheduled, _: Names) -> str:
    left = "1 attempt left" if fact.attempts_left == 1 else f"{fact.attempts_left} attempts left"
    return f"may be called again from {_at(fact.retry_at)} on, {left}"


def _corrected(fact: calls.ContactCallOutcomeCorrected, _: Names) -> str:
    return f"call {fact.attempt} corrected from {_plain(fact.from_)} to {_plain(fact.to)}"


_SAYINGS: dict[type[Fact], Callable[[Any, Names], str]] = {
    contact.ContactEnrolled: lambda f, _: f"enrolled with {f.priority} priority",
    contact.ContactEnrolmentRefused: lambda f, _: f"enrolment refused: {_plain(f.reason)}",
    contact.ContactProfileChanged: lambda _f, _: "profile changed",
    contact.ContactRemoved: lambda _f, _: "removed from the campaign",
    contact.ContactErased: lambda _f, _: "the person was erased",
    contact.ContactPaused: lambda _f, _: "paused by hand",
    contact.ContactResumed: lambda _f, _: "resumed",
    contact.ContactOptedOut: lambda f, _: f"opted out by {f.channel}",
    contact.ContactFinished: lambda f, _: f"finished: {_plain(f.outcome)}",
    contact.ContactReopened: lambda _f, _: "reopened",
    contact.ContactReminderRequested: lambda _f, _: "to be reminded",
    calls.ContactCallPlaced: lambda f, n: (
        f"call {f.attempt} placed" + ("" if f.sender_id is None else f" with {_named(n, 'number', f.sender_id)}")
    ),
    calls.ContactCallConnected: lambda f, _: f"call {f.attempt} answered by a {f.answered_by}",
    calls.ContactCallEnded: _ended,
    calls.ContactCallReceived: lambda f, _: f"called back, {f.duration_seconds} s",
    calls.ContactRetryScheduled: _retry,
    calls.ContactRetryCancelled: lambda _f, _: "the pending retry is off",
    calls.ContactCallOutcomeCorrected: _corrected,
    evaluations.ContactEvaluationDue: lambda _f, _: "goals and analyses are due",
    evaluations.ContactGoalEvaluated: lambda f, n: f"{_named(n, 'goal', f.goal_id)} judged: {_plain(f.result)}",
    evaluations.ContactGoalEvaluationWithdrawn: lambda f, n: (
        f"judgement of {_named(n, 'goal', f.goal_id)} withdrawn"
    ),
    evaluations.ContactGoalAchieved: lambda f, n: f"{_named(n, 'goal', f.goal_id)} achieved",
    evaluations.ContactGoalAchievementWithdrawn: lambda f, n: (
        f"{_named(n, 'goal', f.goal_id)} no longer counts as achieved"
    ),
    evaluations.ContactAnalysisAnswered: lambda f, n: f"{_named(n, 'analysis', f.analysis_id)} answered",
    evaluations.ContactAnalysisAnswerWithdrawn: lambda f, n: (
        f"answer to {_named(n, 'analysis', f.analysis_id)} withdrawn"
    ),
}


def said(fact: Fact, names: Names) -> str:
    """What a contact's event says, without its subject: “call 2 ended after 12 s: no answer”."""
    saying = _SAYINGS.get(type(fact))
    return in_words(fact.TYPE) if saying is None else saying(fact, names)


def in_words(type_name: str) -> str:
    """The words of a type name alone: `campaign.goal_defined.v1` is “goal defined”."""
    return _plain(type_name.split(".")[1])
