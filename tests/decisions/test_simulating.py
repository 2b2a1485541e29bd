"""A recorded history under other settings: what follows for attempts, conversations, goals, time and cost."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from drumbeat.aggregates.contact import calls, control, enrolment
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events.contact import ContactErased
from drumbeat.events.values import (
    CallOutcome,
    CampaignKind,
    CampaignStatus,
    Channel,
    GoalResult,
    Occurred,
    ZoneSource,
)
from drumbeat.simulate.answer import PartlyKnown, Rates
from drumbeat.simulate.run import Simulation
from drumbeat.simulate.timeline import Timeline
from drumbeat.simulate.variants import MOST_VARIANTS, read_variant, read_variants
from support.contacts import IMPORT, SECOND_TALK, TALK, terms
from support.given import NOW
from support.simulated import AS_IT_WAS, Imported, Recorded, really, simulated, under

NO_ANSWER, BUSY, COMPLETED = CallOutcome.NO_ANSWER, CallOutcome.BUSY, CallOutcome.COMPLETED
CALLBACK, FAILED, NOT_RECORDED = CallOutcome.CALLBACK, CallOutcome.FAILED, CallOutcome.NOT_RECORDED


def won_at_the_third() -> Recorded:
    """Two calls that nobody answered, then a conversation that brought the goal."""
    contact = Recorded().call(NO_ANSWER, 20).call(NO_ANSWER, 20).call(COMPLETED, 100, conversation_id=TALK)
    return contact.judge(GoalResult.ACHIEVED, TALK).waited()


def test_what_was_in_force_gives_what_was() -> None:
    answer = simulated(won_at_the_third(), variants=[AS_IT_WAS, {"max_retries": 2}])
    assert [one.measures for one in answer.variants] == [answer.real, answer.real]
    assert (answer.real.attempts, answer.real.conversations, answer.real.goals_achieved) == (3, 1, 1)
    assert answer.real.talk_time_seconds == PartlyKnown(value=100, contacts_unknown=0)
    assert answer.real.call_time_seconds == PartlyKnown(value=140, contacts_unknown=0)


def test_an_attempt_that_was_not_made_brings_nothing() -> None:
    measures = under(won_at_the_third(), max_retries=1)
    assert (measures.attempts, measures.attempts_not_made) == (2, 1)
    assert (measures.conversations, measures.goals_achieved) == (0, 0)
    assert measures.talk_time_seconds.value == 0
    assert measures.unknown.contacts_cut_short == 1


def test_without_retries_the_contact_is_finished_when_its_wait_for_a_call_back_is_over() -> None:
    contact = won_at_the_third()
    # A minute of ringing and an hour of waiting; really two retries came, an hour after each call.
    assert under(contact, max_retries=0).seconds_to_finish.value == 60 + 3600
    assert really(contact).seconds_to_finish.value == 3 * 60 + 3 * 3600


def test_a_wait_that_runs_as_it_really_ran_ends_when_the_policy_really_ended_it() -> None:
    contact = Recorded().call(COMPLETED, 10).waited(policy_late=600)
    assert under(contact).seconds_to_finish == really(contact).seconds_to_finish
    assert really(contact).seconds_to_finish.value == 60 + 3600 + 600
    assert under(contact, completion_timeout="30 minutes").seconds_to_finish.value == 60 + 1800


def test_a_wait_that_would_be_longer_than_the_history_is_not_over() -> None:
    measures = under(Recorded().call(COMPLETED, 10).waited(), completion_timeout="2 hours")
    assert measures.seconds_to_finish == PartlyKnown(value=None, contacts_unknown=1)
    assert measures.unknown.contacts_open == 0


@pytest.mark.parametrize("limit", [10, 11, 1_000, None])
def test_a_limit_that_was_not_reached_leaves_the_history_open(limit: int | None) -> None:
    contact = Recorded().call(NO_ANSWER).call(NO_ANSWER).call(NO_ANSWER).waited()
    measures = under(contact, max_retries=limit)
    assert (measures.attempts, measures.unknown.contacts_open) == (3, 1)
    assert measures.seconds_to_finish == PartlyKnown(value=None, contacts_unknown=1)
    assert really(contact).unknown.contacts_open == 0


def test_a_permanent_failure_ends_the_contact_whatever_the_limit() -> None:
    contact = Recorded().call(NO_ANSWER).call(FAILED, permanent=True)
    for limit in (1, 2, None):
        measures = under(contact, max_retries=limit)
        assert (measures.attempts, measures.unknown.contacts_open) == (2, 0)
        assert measures.seconds_to_finish.value == 3600 + 120
    assert under(contact, max_retries=0).attempts == 1


def test_a_callback_that_is_only_shown_is_not_dialled() -> None:
    agreed = NOW.replace(hour=18)
    contact = Recorded().call(CALLBACK, 30, callback_at=agreed, conversation_id=TALK)
    contact.call(COMPLETED, 60, conversation_id=SECOND_TALK).waited()
    assert really(contact).attempts == under(contact, callback_retry="auto").attempts == 2
    measures = under(contact, callback_retry="manual")
    assert (measures.attempts, measures.conversations, measures.talk_time_seconds.value) == (1, 1, 30)


def test_an_agreed_callback_moves_with_no_interval() -> None:
    contact = Recorded().call(CALLBACK, 30, callback_at=NOW.replace(hour=12)).call(COMPLETED, 60).waited()
    measures = under(contact, retry_interval="5 hours")
    assert measures.unknown.contacts_early == 0
    assert measures.seconds_to_finish == really(contact).seconds_to_finish


def test_a_recorded_attempt_counts_as_due_and_has_no_date_when_it_was_early() -> None:
    contact = Recorded().call(NO_ANSWER).call(COMPLETED, 60).waited()
    later = under(contact, retry_interval="1 day")
    assert (later.attempts, later.conversations, later.unknown.contacts_early) == (2, 1, 1)
    assert later.seconds_to_finish == PartlyKnown(value=None, contacts_unknown=1)
    sooner = under(contact, retry_interval="10 minutes")
    assert (sooner.attempts, sooner.unknown.contacts_early) == (2, 0)
    assert sooner.seconds_to_finish == really(contact).seconds_to_finish


def test_a_correction_leads_to_where_it_would_have_led() -> None:
    # Recorded as a conversation, which settled the contact; corrected, another attempt followed.
    contact = Recorded().call(COMPLETED, 10, conversation_id=TALK).judge(GoalResult.ACHIEVED, TALK)
    contact.later(minutes=5).correct(1, NO_ANSWER).call(COMPLETED, 60).waited()
    assert (really(contact).attempts, really(contact).goals_achieved) == (2, 0)
    assert under(contact) == really(contact)
    cut = under(contact, max_retries=0)
    assert (cut.attempts, cut.conversations, cut.goals_achieved) == (1, 0, 0)


def test_the_correction_of_an_attempt_that_is_not_made_changes_nothing() -> None:
    contact = Recorded().call(NO_ANSWER).call(NO_ANSWER).later(minutes=5)
    contact.correct(2, COMPLETED, duration_seconds=80).waited()
    assert (under(contact).conversations, under(contact, max_retries=0).conversations) == (1, 0)


def test_a_lost_call_is_lost_and_its_late_outcome_counts() -> None:
    contact = Recorded()
    contact.do(lambda c, t, now: calls.place_call(c, terms=t, suppressed=False, now=now)).later(hours=2)
    contact.do(lambda c, t, now: calls.lose_call(c, terms=t, attempt=1, now=now)).later(minutes=5)
    contact.do(
        lambda c, t, now: calls.end_call(c, terms=t, attempt=1, outcome=COMPLETED, duration_seconds=90, now=now)
    )
    contact.waited()
    assert under(contact) == really(contact)
    assert really(contact).talk_time_seconds.value == 90


def test_a_call_received_counts_and_ends_a_retry() -> None:
    contact = Recorded().call(NO_ANSWER).later(minutes=5).receive(TALK, 45).waited()
    for measures in (really(contact), under(contact), under(contact, max_retries=5)):
        assert (measures.attempts, measures.conversations, measures.unknown.contacts_open) == (1, 1, 0)
        assert measures.talk_time_seconds.value == 45


def test_a_call_received_after_an_attempt_that_is_not_made_is_left_out_and_told() -> None:
    contact = Recorded().call(NO_ANSWER).call(NO_ANSWER).later(minutes=5).receive(TALK, 45).waited()
    cut = under(contact, max_retries=0)
    assert (cut.conversations, cut.unknown.contacts_left_out) == (0, 1)
    assert (really(contact).conversations, really(contact).unknown.contacts_left_out) == (1, 0)


def test_a_judgement_over_all_calls_stands_while_all_of_them_are_made() -> None:
    contact = Recorded().call(NO_ANSWER).call(COMPLETED, 60).judge(GoalResult.ACHIEVED).waited()
    assert under(contact, max_retries=1).goals_achieved == 1
    cut = under(contact, max_retries=0)
    assert (cut.goals_achieved, cut.unknown.contacts_left_out) == (0, 1)


def test_a_removed_contact_leaves_the_counts_and_its_attempts_stay() -> None:
    contact = won_at_the_third()
    contact.do(lambda c, t, _: enrolment.remove_contact(c, terms=t, reason="moved away"))
    for measures in (really(contact), under(contact, max_retries=2)):
        assert (measures.contacts, measures.goals_achieved, measures.attempts) == (0, 0, 3)
    assert under(contact, max_retries=0).attempts == 1


def test_an_erased_person_counts_as_removed() -> None:
    contact = won_at_the_third()
    contact.do(lambda c, t, _: enrolment.erase_contact(c, terms=t))
    assert isinstance(contact.happened[-1][2], ContactErased)
    assert (under(contact).contacts, under(contact).attempts) == (0, 3)


def test_who_opted_out_before_the_next_attempt_is_finished_in_every_variant() -> None:
    contact = Recorded().call(NO_ANSWER).later(minutes=5)
    contact.do(lambda c, _t, _now: control.opt_out(c, channel=Channel.PHONE))
    for limit in (0, 1, None):
        measures = under(contact, max_retries=limit)
        assert (measures.attempts, measures.unknown.contacts_open) == (1, 0)
        assert measures.seconds_to_finish.value == 60 + 300


def test_a_pause_by_hand_holds_and_is_over_as_recorded() -> None:
    contact = Recorded().call(NO_ANSWER)
    contact.do(lambda c, t, _: control.pause_contact(c, terms=t)).later(hours=5)
    contact.do(lambda c, t, _: control.resume_contact(c, terms=t)).call(COMPLETED, 60).waited()
    assert under(contact) == really(contact)
    assert under(contact, max_retries=0).attempts == 1


def test_a_try_that_a_person_asked_for_is_one_beyond_any_limit() -> None:
    contact = Recorded().call(NO_ANSWER).call(NO_ANSWER).call(NO_ANSWER).waited().later(hours=1)
    contact.do(lambda c, t, now: control.retry_contact(c, terms=t, suppressed=False, now=now))
    contact.call(COMPLETED, 60).waited()
    assert really(contact).attempts == 4
    assert [under(contact, max_retries=limit).attempts for limit in (0, 1, 2)] == [2, 3, 4]
    assert under(contact, max_retries=0).conversations == 1


def test_a_limit_that_changed_on_the_way_rules_calls_that_end_later() -> None:
    contact = Recorded(under=terms(max_retries=0)).now_under(terms(max_retries=1))
    contact.call(NO_ANSWER).call(NO_ANSWER).waited()
    assert under(contact) == really(contact)
    assert really(contact).attempts == 2


def test_a_change_that_came_later_counts_later_wherever_it_stands_in_the_log() -> None:
    contact = Recorded()
    contact.points.append(((NOW + timedelta(days=1), 0), terms(max_retries=0)))
    contact.call(NO_ANSWER).call(NO_ANSWER).call(NO_ANSWER).waited()
    assert under(contact) == really(contact)
    assert really(contact).attempts == 3


def test_no_retry_arises_when_the_campaign_is_finalizing() -> None:
    contact = Recorded()
    contact.do(lambda c, t, now: calls.place_call(c, terms=t, suppressed=False, now=now)).later(minutes=1)
    contact.now_under(terms(CampaignStatus.FINALIZING))
    contact.do(lambda c, t, now: calls.end_call(c, terms=t, attempt=1, outcome=NO_ANSWER, now=now)).waited()
    assert under(contact, max_retries=9).unknown.contacts_open == 0


def import_of(*outcomes: CallOutcome, seconds: int | None = None) -> Imported:
    """A contact of an import, its last call with a duration."""
    contact = Imported(under=IMPORT)
    for outcome in outcomes[:-1]:
        contact.history(outcome)
    return contact.history(outcomes[-1], seconds)


def test_an_import_is_limited_as_if_it_had_been_dialled_here() -> None:
    contact = import_of(NOT_RECORDED, NOT_RECORDED, COMPLETED, seconds=120)
    contact.judge(GoalResult.ACHIEVED)
    contact.end()
    assert [under(contact, max_retries=limit).attempts for limit in (0, 1, 2, None)] == [1, 2, 3, 3]
    assert [under(contact, max_retries=limit).goals_achieved for limit in (0, 1, 2, None)] == [0, 0, 1, 1]
    assert under(contact) == really(contact)
    assert under(contact, max_retries=0).unknown.contacts_open == 0


def test_an_import_whose_last_call_would_have_been_retried_is_open() -> None:
    contact = import_of(BUSY, NO_ANSWER).end()
    assert under(contact, max_retries=1).unknown.contacts_open == 0
    assert under(contact, max_retries=None).unknown.contacts_open == 1
    assert under(contact).unknown.contacts_open == 0


def test_what_an_import_does_not_date_is_null_with_the_contacts_concerned() -> None:
    undated = import_of(NOT_RECORDED, COMPLETED, seconds=120).end()
    at = Occurred(instant=NOW, zone="UTC", zone_source=ZoneSource.CAMPAIGN)
    dated = Imported(under=IMPORT).history(COMPLETED, 30, occurred=at).end()
    assert really(dated).seconds_to_finish == PartlyKnown(value=30, contacts_unknown=0)
    both = really(dated, undated)
    assert both.seconds_to_finish == PartlyKnown(value=None, contacts_unknown=1)
    assert both.talk_time_seconds.value == 150
    assert both.call_time_seconds == PartlyKnown(value=None, contacts_unknown=1)
    assert both.attempts_not_recorded == 1


def test_cost_is_by_the_call_and_by_the_minute_and_null_where_minutes_are_missing() -> None:
    def cost(*contacts: Recorded, **rates: str) -> Any:
        told = Rates(**{name: Decimal(rate) for name, rate in rates.items()})
        return simulated(*contacts, variants=[], rates=told).real.cost

    contact = won_at_the_third()
    assert cost(contact) is None
    assert cost(contact, per_call="0.10").value == 0.3
    assert cost(contact, per_minute="0.60").value == 1.4
    assert cost(contact, per_call="0.10", per_minute="0.60").value == 1.7
    silent = import_of(NOT_RECORDED, COMPLETED, seconds=60).end()
    assert cost(silent, per_call="0.10").value == 0.2
    assert cost(silent, per_minute="0.60") == PartlyKnown(value=None, contacts_unknown=1)


def test_a_conversation_without_a_duration_leaves_the_talk_time_unknown() -> None:
    measures = really(Recorded().call(COMPLETED).waited(), won_at_the_third())
    assert measures.talk_time_seconds == PartlyKnown(value=None, contacts_unknown=1)


@pytest.mark.parametrize(
    ("given", "code", "field", "allowed"),
    [
        ({"max_retries": -1}, "out_of_range", "max_retries", "0 to 1,000, or none"),
        ({"max_retries": 1_001}, "out_of_range", "max_retries", "0 to 1,000, or none"),
        ({"max_retries": True}, "out_of_range", "max_retries", "0 to 1,000, or none"),
        ({"max_retries": "two"}, "out_of_range", "max_retries", "0 to 1,000, or none"),
        ({"retry_interval": "5 s"}, "out_of_range", "retry_interval", "1 min to 30 d"),
        ({"completion_timeout_seconds": -1}, "out_of_range", "completion_timeout_seconds", "0 s to 30 d"),
        ({"callback_retry": "never"}, "out_of_range", "callback_retry", "auto, manual"),
        ({"max_retries": 1, "retry_interval": "1 h", "retry_interval_seconds": 60},
         "invalid_settings", "retry_interval_seconds", None),
        ({"zone": "UTC"}, "invalid_settings", "zone", None),
        ({"colour": "red"}, "invalid_settings", "colour", None),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_by_name(
    given: dict[str, object], code: str, field: str, allowed: str | None
) -> None:
    with pytest.raises(Refused) as refused:
        read_variant(given)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert allowed is None or refused.value.allowed == allowed


def test_at_most_fifty_variants_run_at_once() -> None:
    assert len(read_variants([{"max_retries": n} for n in range(MOST_VARIANTS)])) == MOST_VARIANTS
    with pytest.raises(Refused) as refused:
        read_variants([{"max_retries": n} for n in range(MOST_VARIANTS + 1)])
    assert refused.value.allowed == "at most 50 variants"


@pytest.mark.parametrize("kind", [CampaignKind.SURVEY, CampaignKind.SEQUENCE, CampaignKind.MESSAGE])
def test_a_campaign_that_places_no_calls_is_not_simulated(kind: CampaignKind) -> None:
    with pytest.raises(Refused) as refused:
        Simulation(Timeline([((NOW, 1), terms(kind=kind))]), [], until=NOW)
    assert refused.value.code is RefusalCode.NOT_FOR_THIS_KIND
