"""How fast a rebuild is said to go."""

from drumbeat.projections.rebuild.pace import Pace


def test_rate_and_time_left_follow_from_what_was_done() -> None:
    pace = Pace(events=3_000, events_expected=9_000, seconds=2.0)
    assert (pace.share, pace.events_per_second, pace.seconds_left) == (3_000 / 9_000, 1_500, 4)


def test_what_was_done_before_it_went_on_counts_as_done_and_not_as_fast() -> None:
    pace = Pace(events=3_000, events_expected=9_000, seconds=2.0, events_before=2_000)
    assert (pace.share, pace.events_per_second, pace.seconds_left) == (3_000 / 9_000, 500, 12)


def test_nothing_is_said_of_the_rate_before_anything_was_done() -> None:
    for pace in (Pace(0, 9_000, 2.0), Pace(3_000, 9_000, 0.0), Pace(3_000, 9_000, 2.0, events_before=3_000)):
        assert (pace.events_per_second, pace.seconds_left) == (None, None)


def test_of_an_empty_log_everything_is_done_and_never_more_than_everything() -> None:
    assert Pace(0, 0, 1.0).share == 1
    more_came = Pace(10_000, 9_000, 1.0)
    assert (more_came.share, more_came.seconds_left) == (1, 0)
