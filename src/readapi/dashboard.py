"""How is the campaign doing: its numbers, each with the rows behind it (E-10 … E-13)."""

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from starlette.responses import Response

from drumbeat.events.labels import contact_labels
from drumbeat.events.outcomes import GOAL_SCORE
from drumbeat.events.values import AnswerStatus, CallOutcome, GoalResult, Vocabulary
from drumbeat.readapi import routing
from drumbeat.readapi.asking import Asked, Content, content_of
from drumbeat.readapi.campaigns import found
from drumbeat.readapi.database import Row
from drumbeat.readapi.goals import Goal, goals_of
from drumbeat.readapi.links import Links, Number, Ratio, ratio
from drumbeat.readapi.statements import glance

DASHBOARD = glance("dashboard")
router = routing.router("dashboard")


class OfLabel(msgspec.Struct, gc=False):
    """Contacts with one label."""

    label: str
    contacts: Number


class OfAnswer(msgspec.Struct, gc=False):
    """Attempts with one answer status, and their share of those with a recorded outcome."""

    answer_status: str
    share: Ratio


class OfOutcome(msgspec.Struct, gc=False):
    """Attempts that ended with one outcome."""

    outcome: str
    attempts: Number


class OfResult(msgspec.Struct, gc=False):
    """Contacts with one result for a goal."""

    result: str
    contacts: Number


class Mean(msgspec.Struct, gc=False):
    """A mean over contacts; `over` says how many and lists them, `value` is null when there are none."""

    metric: str
    value: float | None
    unit: str
    over: Number


class OfGoal(msgspec.Struct, kw_only=True):
    """One goal: how many contacts have which result, achievement and mean score."""

    goal_id: UUID
    name: str
    role: str
    archived: bool
    results: list[OfResult]
    achievement: Ratio
    mean_score: Mean


class Dashboard(msgspec.Struct, kw_only=True):
    """The numbers of a campaign. Labels sum to contacts, shares to 100 %, results of a goal to contacts.

    `goal_achievement` is that of the primary goal, null while there is none.
    """

    campaign_id: UUID
    contacts: Number
    contacts_by_label: list[OfLabel]
    paused_by_hand: Number
    attempts: Number
    in_flight: Number
    recorded: Number
    not_recorded: Number
    answer_rate: Ratio
    answers: list[OfAnswer]
    outcomes: list[OfOutcome]
    calls_received: Number
    conversations: Number
    talk_time: Number
    total_time_spent: Number
    mean_talk_time: Ratio
    goal_achievement: Ratio | None
    goals: list[OfGoal]


@routing.reads(
    router,
    "/campaigns/{campaign_id}/dashboard",
    answers=Dashboard,
    problems=routing.CAMPAIGN,
    summary="The numbers of a campaign",
)
def dashboard(ask: Asked, campaign_id: UUID) -> Response:
    """Every counter is a sum over contacts or calls, kept by differences; `rows` lists exactly those."""
    seen = ask.glance(DASHBOARD, campaign_id)
    return ask.answer(seen, content(seen.document, campaign_id))


@lru_cache(maxsize=512)
def content(document: bytes, campaign_id: UUID) -> Content:
    """What is answered for what the read models hold: made once while that does not change."""
    return content_of(_dashboard(found(msgspec.json.decode(document), campaign_id)))


_ANSWERS = tuple(status.value for status in AnswerStatus if status is not AnswerStatus.NOT_RECORDED)
_OUTCOMES = tuple((one.value, f"attempts_by_outcome:{one}", f"outcome={one}") for one in CallOutcome)
_RESULTS = tuple(result.value for result in GoalResult)
Counters = Mapping[str, int]
"""By metric, or metric:key where a metric is told by something; zeros are left out."""


def _dashboard(campaign: Row) -> Dashboard:
    campaign_id = campaign["campaign_id"]
    counters: Counters = campaign["counters"]
    links = Links(campaign_id)
    contacts = Number("contacts", counters.get("contacts", 0), links.contacts())
    goals = [_goal(links, goal, counters, contacts) for goal in goals_of(campaign)]
    calls = _Calls(links, counters)
    conversations = calls.number("conversations", "conversation=true")
    talk_time = calls.seconds("talk_time", "conversation=true")
    recorded = calls.number("attempts_recorded", "state=recorded")
    answers = [OfAnswer(status, calls.share(status, recorded)) for status in _ANSWERS]
    return Dashboard(
        campaign_id=campaign_id,
        contacts=contacts,
        contacts_by_label=_labels(links, counters),
        paused_by_hand=Number(
            "contacts_paused_by_hand",
            counters.get("contacts_paused_by_hand", 0),
            links.contacts("paused=true"),
        ),
        attempts=calls.number("attempts", "direction=placed"),
        in_flight=calls.number("attempts_in_flight", "state=in_flight"),
        recorded=recorded,
        not_recorded=calls.of(
            "attempts_not_recorded", "attempts_by_answer_status:not_recorded", "state=not_recorded"
        ),
        answer_rate=ratio("answer_rate", answers[0].share.numerator, recorded),
        answers=answers,
        outcomes=[
            OfOutcome(outcome, calls.of("attempts_by_outcome", counter, filters))
            for outcome, counter, filters in _OUTCOMES
        ],
        calls_received=calls.number("calls_received", "direction=received"),
        conversations=conversations,
        talk_time=talk_time,
        total_time_spent=calls.seconds("total_time_spent", "counts_in_total_time=true"),
        mean_talk_time=ratio("mean_talk_time", talk_time, conversations),
        goal_achievement=next((goal.achievement for goal in goals if goal.role == "primary"), None),
        goals=goals,
    )


_SECONDS = {"talk_time": "talk_time_seconds", "total_time_spent": "total_time_seconds"}


class _Calls:
    """Numbers about calls, each with the filters of the list behind it."""

    def __init__(self, links: Links, counters: Counters) -> None:
        self._links = links
        self._counters = counters

    def number(self, metric: str, filters: str) -> Number:
        return self.of(metric, metric, filters)

    def of(self, metric: str, counter: str, filters: str) -> Number:
        return Number(metric, self._counters.get(counter, 0), self._links.attempts(filters))

    def seconds(self, metric: str, filters: str) -> Number:
        number = self.of(metric, _SECONDS[metric], filters)
        number.sums = "duration_seconds"
        return number

    def share(self, status: str, recorded: Number) -> Ratio:
        number = self.of("attempts_by_answer", f"attempts_by_answer_status:{status}", f"answer_status={status}")
        return ratio("answer_share", number, recorded)


# The rows of contacts speak voice_agent's words, whatever the campaign's vocabulary.
_LABELS = tuple(
    (label, f"contacts_by_label:{label}", urlencode({"status_label": label}))
    for label in contact_labels(Vocabulary.VOICE_AGENT)
)


def _labels(links: Links, counters: Counters) -> list[OfLabel]:
    return [
        OfLabel(label, Number("contacts_by_label", counters.get(counter, 0), links.contacts(filters)))
        for label, counter, filters in _LABELS
    ]


def _goal(links: Links, goal: Goal, counters: Counters, contacts: Number) -> OfGoal:
    counts = {result: counters.get(f"goal_results:{goal.id}/{result}", 0) for result in _RESULTS}
    counts["not_evaluated"] = contacts.value - sum(counts.values())

    def number(result: str) -> Number:
        return Number("contacts_by_goal_result", counts[result], links.contacts(f"goal={goal.id}&result={result}"))

    return OfGoal(
        goal_id=goal.id,
        name=goal.name,
        role=goal.role,
        archived=goal.archived,
        results=[OfResult(result, number(result)) for result in counts],
        achievement=ratio("goal_achievement", number("achieved"), contacts),
        mean_score=_mean_score(links, goal, counts),
    )


def _mean_score(links: Links, goal: Goal, counts: Mapping[str, int]) -> Mean:
    scored = sum(counts[result] for result in GOAL_SCORE)
    total = sum(counts[result] * score for result, score in GOAL_SCORE.items())
    any_score = "".join(f"&result={result}" for result in GOAL_SCORE)
    over = Number("contacts_with_score", scored, links.contacts(f"goal={goal.id}{any_score}"))
    return Mean("goal_mean_score", total / scored if scored else None, "score", over)
