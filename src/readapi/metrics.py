"""The catalogue of metrics: what every number means. docs/metrics.md says the same."""

import msgspec


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A number's definition. `version` rises when the formula changes.

    `null_rule` says when there is no value, `zone_rule` whose clock is asked.
    """

    id: str
    version: int = 1
    unit: str
    formula: str
    null_rule: str
    zone_rule: str


_NEVER_NULL = "never null; 0 when there is nothing"
_NO_ZONE = "none: no clock is asked"
_LOCAL = "the contact's local time, else that of the campaign's zone; what is not known is counted as unknown"


def _count(metric_id: str, unit: str, formula: str, zone_rule: str = _NO_ZONE) -> Metric:
    return Metric(id=metric_id, unit=unit, formula=formula, null_rule=_NEVER_NULL, zone_rule=zone_rule)


def _ratio(
    metric_id: str, formula: str, null_rule: str, *, unit: str = "percent", zone_rule: str = _NO_ZONE
) -> Metric:
    return Metric(id=metric_id, unit=unit, formula=formula, null_rule=null_rule, zone_rule=zone_rule)


_CATALOGUE = (
    _count("contacts", "contacts", "contacts enrolled and not removed"),
    _count("contacts_by_label", "contacts", "contacts whose label is this one; all labels sum to contacts"),
    _count("contacts_paused_by_hand", "contacts", "contacts that a person paused; their label is what it was"),
    _count("attempts", "attempts", "calls placed, those in flight and those of removed contacts included"),
    _count("attempts_in_flight", "attempts", "calls placed whose end was not reported"),
    _count("attempts_recorded", "attempts", "calls placed that ended with a recorded outcome"),
    _count(
        "attempts_not_recorded", "attempts", "calls placed whose outcome the source does not say (imports only)"
    ),
    _count("attempts_by_outcome", "attempts", "calls placed that ended with this outcome; after corrections"),
    _count("attempts_by_answer", "attempts", "calls placed whose outcome means this answer status"),
    _ratio(
        "answer_share",
        "attempts_by_answer / attempts_recorded × 100; human, machine, no answer, rejection and failed sum to 100",
        "null when no attempt has a recorded outcome",
    ),
    _ratio(
        "answer_rate",
        "attempts answered by a human / attempts_recorded × 100",
        "null when no attempt has a recorded outcome",
    ),
    _count("calls_received", "calls", "calls by contacts who called back: conversations and no attempts"),
    _count("conversations", "conversations", "placed calls whose outcome is a conversation, and calls received"),
    _count("talk_time", "seconds", "sum of the durations of conversations, placed and received"),
    _count(
        "total_time_spent",
        "seconds",
        "sum of the durations of connected calls: placed ones of every outcome but busy, issue_dialing, failed "
        "and not_recorded, and calls received",
    ),
    _ratio(
        "mean_talk_time",
        "talk_time / conversations",
        "null when there was no conversation",
        unit="seconds",
    ),
    _count(
        "contacts_by_goal_result",
        "contacts",
        "contacts whose result for the goal is this one; the four results and not_evaluated sum to contacts",
    ),
    _ratio(
        "goal_achievement",
        "contacts who achieved the goal / contacts × 100",
        "null when there are no contacts",
    ),
    _count(
        "contacts_with_score",
        "contacts",
        "contacts whose result for the goal has a score: all but unknown and not_evaluated",
    ),
    _ratio(
        "goal_mean_score",
        "mean over contacts_with_score: achieved is 100, partially_achieved 50, not_achieved 0",
        "null when contacts_with_score is 0",
        unit="score",
    ),
    _count("heatmap_recorded", "attempts", "recorded attempts placed on this weekday in this hour", _LOCAL),
    _count("heatmap_human", "attempts", "heatmap_recorded that a human answered", _LOCAL),
    _count(
        "heatmap_not_recorded",
        "attempts",
        "attempts without recorded outcome on this weekday in this hour",
        _LOCAL,
    ),
    _ratio(
        "heatmap_rate",
        "heatmap_human / heatmap_recorded × 100",
        "null when no recorded attempt was placed then",
        zone_rule=_LOCAL,
    ),
    _count(
        "heatmap_by_zone",
        "attempts",
        "recorded attempts told in this zone: the contact's, the campaign's, none",
        _LOCAL,
    ),
    _count(
        "sender_calls_today",
        "attempts",
        "calls placed with this number for this campaign today",
        "the calendar day of as_of's instant in the campaign's zone; calls of unknown instant are left out",
    ),
    _count("sender_calls_total", "attempts", "calls placed with this number for this campaign"),
)

METRICS: dict[str, Metric] = {metric.id: metric for metric in _CATALOGUE}
"""Every metric by its id."""


def table() -> str:
    """The Markdown of docs/metrics.md."""
    rows = [
        f"| `{m.id}` | {m.version} | {m.unit} | {m.formula} | {m.null_rule} | {m.zone_rule} |" for m in _CATALOGUE
    ]
    return "\n".join(
        ["| id | version | unit | formula | null rule | zone rule |", "|---|---|---|---|---|---|", *rows]
    )
