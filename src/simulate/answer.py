"""What a simulation answers: every measure of what really was and, beside it, of each variant."""

from decimal import Decimal
from typing import Any

import msgspec

from drumbeat.simulate.tally import Tally


class Rates(msgspec.Struct, frozen=True):
    """What calls cost, in whatever money: for each call placed, for each minute on the line, or both."""

    per_call: Decimal | None = None
    per_minute: Decimal | None = None

    @property
    def given(self) -> bool:
        """Whether anything was said of cost."""
        return self.per_call is not None or self.per_minute is not None


class PartlyKnown(msgspec.Struct, kw_only=True):
    """A measure that needs what a history may not hold. `value` is null when it is missing of some contacts."""

    value: float | int | None
    contacts_unknown: int


class LeftUnknown(msgspec.Struct, kw_only=True):
    """How many contacts the history leaves open, and why; the counts beside hold what is known of them.

    `contacts_open`: their attempts go on beyond the recorded history (queued, dialling, or another attempt due).
    `contacts_cut_short`: attempts of theirs that were recorded are not made here. `contacts_left_out`: what they
    did after such an attempt (a call, a judgement over all calls) may have followed from it, and is left out.
    `contacts_early`: an attempt was recorded before it would have been due here; it counts, its date does not.
    """

    contacts_open: int
    contacts_cut_short: int
    contacts_left_out: int
    contacts_early: int


class CampaignMeasures(msgspec.Struct, kw_only=True):
    """What a campaign comes to. `attempts` are calls placed, of which the source does not tell the outcome of
    `attempts_not_recorded`; `attempts_not_made` were recorded and are not made here.

    `goals_achieved`: contacts whose primary goal is achieved. `talk_time_seconds`: of conversations.
    `call_time_seconds`: on the line in all calls, which is what `cost` by the minute is for. `seconds_to_finish`:
    from the first call to the end of the last contact. `cost` is null where no rate was given.
    """

    contacts: int
    attempts: int
    attempts_not_recorded: int
    attempts_not_made: int
    conversations: int
    goals_achieved: int
    talk_time_seconds: PartlyKnown
    call_time_seconds: PartlyKnown
    seconds_to_finish: PartlyKnown
    cost: PartlyKnown | None
    unknown: LeftUnknown


class VariantMeasures(msgspec.Struct, kw_only=True):
    """One variant: its name, the settings that it changes (`max_retries` null: none), and what it comes to."""

    name: str
    settings: dict[str, Any]
    measures: CampaignMeasures


class Simulated(msgspec.Struct, kw_only=True):
    """A campaign as it was (`real`) and under each variant, in their order. `events`: how many were replayed."""

    events: int
    real: CampaignMeasures
    variants: list[VariantMeasures]


def measures(tally: Tally, rates: Rates) -> CampaignMeasures:
    """What was added up, for readers."""
    return CampaignMeasures(
        contacts=tally.contacts,
        attempts=tally.attempts,
        attempts_not_recorded=tally.not_recorded,
        attempts_not_made=tally.not_made,
        conversations=tally.conversations,
        goals_achieved=tally.achieved,
        talk_time_seconds=PartlyKnown(value=tally.talk.value, contacts_unknown=tally.talk.contacts_unknown),
        call_time_seconds=PartlyKnown(value=tally.calls.value, contacts_unknown=tally.calls.contacts_unknown),
        seconds_to_finish=PartlyKnown(value=tally.seconds_to_finish, contacts_unknown=tally.contacts_undated),
        cost=_cost(tally, rates) if rates.given else None,
        unknown=LeftUnknown(
            contacts_open=tally.contacts_open,
            contacts_cut_short=tally.contacts_cut_short,
            contacts_left_out=tally.contacts_left_out,
            contacts_early=tally.contacts_early,
        ),
    )


def _cost(tally: Tally, rates: Rates) -> PartlyKnown:
    cost = (rates.per_call or Decimal(0)) * tally.attempts
    if rates.per_minute is None:
        return PartlyKnown(value=_rounded(cost), contacts_unknown=0)
    if tally.calls.value is None:
        return PartlyKnown(value=None, contacts_unknown=tally.calls.contacts_unknown)
    return PartlyKnown(value=_rounded(cost + rates.per_minute * tally.calls.value / 60), contacts_unknown=0)


def _rounded(cost: Decimal) -> float:
    return float(round(cost, 4))
