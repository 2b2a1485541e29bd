"""What holds for a simulation whatever was commanded in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from drumbeat.aggregates.contact.terms import Terms
from drumbeat.simulate.answer import CampaignMeasures
from support.contact_stories import MAX_RETRIES, Story, calling, dial, stories
from support.simulated import AS_IT_WAS, of_story

LIMITS = (0, 1, 2, 3, 5, 20, None)
called = stories(calling, first=(dial(),))


@settings(max_examples=400)
@given(stories() | called)
def test_the_settings_that_were_in_force_give_the_real_numbers_back(told: tuple[Story, Terms]) -> None:
    story, last = told
    in_force = {
        "max_retries": MAX_RETRIES,
        "retry_interval_seconds": last.settings.retry_interval_seconds,
        "completion_timeout_seconds": last.settings.completion_timeout_seconds,
        "callback_retry": last.settings.callback_retry,
    }
    answer = of_story(story, variants=[AS_IT_WAS, in_force])
    assert [one.measures for one in answer.variants] == [answer.real, answer.real]


@settings(max_examples=400)
@given(stories() | called)
def test_fewer_allowed_attempts_never_give_more_attempts(told: tuple[Story, Terms]) -> None:
    answer = of_story(told[0], variants=[{"max_retries": limit} for limit in LIMITS])
    attempts = [one.measures.attempts for one in answer.variants]
    assert attempts == sorted(attempts)
    assert all(one.measures.attempts <= answer.real.attempts for one in answer.variants)


@settings(max_examples=200)
@given(
    stories() | called,
    st.sampled_from(["1 minute", "20 minutes", "1 day"]),
    st.sampled_from(["0 s", "30 minutes", "2 days"]),
    st.sampled_from(["auto", "manual"]),
    st.sampled_from(LIMITS),
)
def test_whatever_is_set_the_counts_fit_together(
    told: tuple[Story, Terms], interval: str, timeout: str, callback: str, limit: int | None
) -> None:
    changes = {
        "retry_interval": interval,
        "completion_timeout": timeout,
        "callback_retry": callback,
        "max_retries": limit,
    }
    answer = of_story(told[0], variants=[changes])
    (variant,) = answer.variants
    for measures in (answer.real, variant.measures):
        _sound(measures)
    assert variant.measures.attempts + variant.measures.attempts_not_made == answer.real.attempts
    assert variant.measures.contacts == answer.real.contacts


def _sound(measures: CampaignMeasures) -> None:
    assert measures.goals_achieved <= measures.contacts <= 1
    assert measures.attempts_not_recorded == 0
    for known in (measures.talk_time_seconds, measures.call_time_seconds):
        assert (known.value is None) == (known.contacts_unknown > 0)
    assert measures.unknown.contacts_cut_short == (measures.attempts_not_made > 0)
