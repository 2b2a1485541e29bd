"""Goals E-40, E-41 and analyses E-50, E-51."""

from collections.abc import Callable
from typing import Any

import pytest

from drumbeat.aggregates.campaign import CAMPAIGN, terms_of
from drumbeat.aggregates.campaign.analyses import (
    activate_analysis,
    archive_analysis,
    deactivate_analysis,
    define_analysis,
    edit_analysis,
    restore_analysis,
)
from drumbeat.aggregates.campaign.goals import (
    archive_goal,
    change_primary_goal,
    define_goal,
    edit_goal,
    restore_goal,
)
from drumbeat.events.goals import (
    AnalysisText,
    CampaignAnalysisActivated,
    CampaignAnalysisArchived,
    CampaignAnalysisDeactivated,
    CampaignAnalysisDefined,
    CampaignAnalysisEdited,
    CampaignAnalysisRestored,
    CampaignGoalArchived,
    CampaignGoalDefined,
    CampaignGoalEdited,
    CampaignGoalRestored,
    CampaignPrimaryGoalChanged,
    GoalText,
)
from drumbeat.events.values import CampaignStatus, GoalRole, Question
from support.campaigns import campaign_in, drafted
from support.given import CAMPAIGN_ID, Given, given, uid

PRIMARY, SECOND, THIRD = uid("primary"), uid("second"), uid("third")
MOOD = uid("mood")
OVER = [CampaignStatus.FINALIZING, CampaignStatus.COMPLETED, CampaignStatus.CANCELLED, CampaignStatus.ARCHIVED]


def with_goals() -> Given[Any]:
    return given(
        CAMPAIGN,
        drafted(),
        CampaignGoalDefined(goal_id=PRIMARY, name="Visit", role=GoalRole.PRIMARY),
        CampaignGoalDefined(goal_id=SECOND, name="Email", role=GoalRole.SECONDARY),
    )


def test_the_first_primary_goal_and_any_number_of_secondary_ones_are_defined() -> None:
    first = given(CAMPAIGN, drafted()).when(
        define_goal, goal_id=PRIMARY, name=" Visit ", description="A date", role=GoalRole.PRIMARY
    )
    defined = first.then(
        CampaignGoalDefined(goal_id=PRIMARY, name="Visit", description="A date", role=GoalRole.PRIMARY)
    )
    second = defined.when(define_goal, goal_id=SECOND, name="Email", role=GoalRole.SECONDARY)
    second.then(CampaignGoalDefined(goal_id=SECOND, name="Email", role=GoalRole.SECONDARY))


def test_a_second_primary_goal_is_refused() -> None:
    with_goals().when(define_goal, goal_id=THIRD, name="x", role=GoalRole.PRIMARY).then_refused(
        "second_primary_goal"
    )


def test_defining_a_goal_again_adds_nothing() -> None:
    with_goals().when(define_goal, goal_id=PRIMARY, name="Visit", role=GoalRole.PRIMARY).then_nothing()


def test_a_goal_needs_a_name() -> None:
    with_goals().when(define_goal, goal_id=THIRD, name=" ", role=GoalRole.SECONDARY).then_refused("out_of_range")


def test_a_goals_text_is_edited_with_before_and_after() -> None:
    edited = with_goals().when(edit_goal, goal_id=SECOND, name="Mail", description="An address")
    after = edited.then(
        CampaignGoalEdited(
            goal_id=SECOND,
            before=GoalText(name="Email"),
            after=GoalText(name="Mail", description="An address"),
        )
    )
    after.when(edit_goal, goal_id=SECOND, name="Mail", description="An address").then_nothing()


def test_a_secondary_goal_is_archived_and_restored() -> None:
    archived = with_goals().when(archive_goal, goal_id=SECOND).then(CampaignGoalArchived(goal_id=SECOND))
    archived.when(archive_goal, goal_id=SECOND).then_nothing()
    restored = archived.when(restore_goal, goal_id=SECOND).then(CampaignGoalRestored(goal_id=SECOND))
    restored.when(restore_goal, goal_id=SECOND).then_nothing()


@pytest.mark.parametrize("successor", [None, PRIMARY])
def test_the_primary_goal_is_not_archived_without_a_successor(successor: Any) -> None:
    with_goals().when(archive_goal, goal_id=PRIMARY, successor=successor).then_refused(
        "primary_goal_needs_successor"
    )


def test_the_primary_goal_hands_its_role_to_its_successor() -> None:
    archived = with_goals().when(archive_goal, goal_id=PRIMARY, successor=SECOND)
    after = archived.then(
        CampaignPrimaryGoalChanged(from_=PRIMARY, to=SECOND), CampaignGoalArchived(goal_id=PRIMARY)
    )
    restored = after.when(restore_goal, goal_id=PRIMARY).then(CampaignGoalRestored(goal_id=PRIMARY))
    assert restored.state is not None
    roles = {goal_id: goal.role for goal_id, goal in restored.state.core.goals.items()}
    assert roles == {PRIMARY: GoalRole.SECONDARY, SECOND: GoalRole.PRIMARY}


def test_an_archived_goal_is_no_successor() -> None:
    archived = with_goals().and_given(CampaignGoalArchived(goal_id=SECOND))
    archived.when(archive_goal, goal_id=PRIMARY, successor=SECOND).then_refused("unknown_goal")
    archived.when(change_primary_goal, goal_id=SECOND).then_refused("unknown_goal")


def test_the_primary_goal_is_changed() -> None:
    changed = with_goals().when(change_primary_goal, goal_id=SECOND)
    changed.then(CampaignPrimaryGoalChanged(from_=PRIMARY, to=SECOND)).when(
        change_primary_goal, goal_id=SECOND
    ).then_nothing()


def test_without_a_primary_goal_there_is_none_to_change() -> None:
    secondary = CampaignGoalDefined(goal_id=SECOND, name="Email", role=GoalRole.SECONDARY)
    given(CAMPAIGN, drafted(), secondary).when(change_primary_goal, goal_id=SECOND).then_refused("no_primary_goal")


GOAL_VERBS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (edit_goal, {"name": "x"}),
    (archive_goal, {}),
    (restore_goal, {}),
    (change_primary_goal, {}),
]


@pytest.mark.parametrize(("decide", "arguments"), GOAL_VERBS)
def test_a_goal_that_is_not_there_is_refused(decide: Callable[..., Any], arguments: dict[str, Any]) -> None:
    with_goals().when(decide, goal_id=THIRD, **arguments).then_refused("unknown_goal", field="goal_id")


@pytest.mark.parametrize("status", OVER)
@pytest.mark.parametrize(("decide", "arguments"), GOAL_VERBS)
def test_the_goals_of_a_campaign_that_is_over_stay(
    decide: Callable[..., Any], arguments: dict[str, Any], status: CampaignStatus
) -> None:
    campaign_in(status).when(decide, goal_id=PRIMARY, **arguments).then_refused("wrong_state")


# -- analyses


def text(question: Question = Question.OPEN, **more: Any) -> AnalysisText:
    return AnalysisText(name="Mood", question=question, **more)


def with_analysis() -> Given[Any]:
    return given(
        CAMPAIGN, drafted(), CampaignAnalysisDefined(analysis_id=MOOD, name="Mood", question=Question.OPEN)
    )


VALID = [
    text(Question.YES_NO),
    text(Question.OPEN),
    text(Question.DATA_POINT),
    text(Question.RATING, scale=2),
    text(Question.RATING, scale=100),
    text(Question.SINGLE_CHOICE, options=("a", "b")),
    text(Question.MULTIPLE_CHOICE, options=tuple(str(n) for n in range(100))),
]
INVALID = [
    text(Question.YES_NO, options=("yes", "no")),
    text(Question.OPEN, scale=5),
    text(Question.RATING),
    text(Question.RATING, scale=1),
    text(Question.RATING, scale=101),
    text(Question.SINGLE_CHOICE),
    text(Question.SINGLE_CHOICE, options=("a",)),
    text(Question.SINGLE_CHOICE, options=("a", "a")),
    text(Question.MULTIPLE_CHOICE, options=("a", " ")),
    text(Question.MULTIPLE_CHOICE, options=tuple(str(n) for n in range(101))),
    AnalysisText(name="", question=Question.OPEN),
]


@pytest.mark.parametrize("asked", VALID)
def test_an_analysis_of_each_question_is_defined_active(asked: AnalysisText) -> None:
    defined = given(CAMPAIGN, drafted()).when(define_analysis, analysis_id=MOOD, text=asked)
    after = defined.then(CampaignAnalysisDefined(analysis_id=MOOD, **asked.model_dump()))
    after.when(define_analysis, analysis_id=MOOD, text=asked).then_nothing()


@pytest.mark.parametrize("asked", INVALID)
def test_an_analysis_whose_options_or_scale_do_not_fit_is_refused(asked: AnalysisText) -> None:
    given(CAMPAIGN, drafted()).when(define_analysis, analysis_id=MOOD, text=asked).then_refused("out_of_range")
    with_analysis().when(edit_analysis, analysis_id=MOOD, text=asked).then_refused("out_of_range")


def test_an_analysis_is_edited_with_before_and_after() -> None:
    rating = text(Question.RATING, scale=5)
    edited = with_analysis().when(edit_analysis, analysis_id=MOOD, text=rating)
    after = edited.then(CampaignAnalysisEdited(analysis_id=MOOD, before=text(), after=rating))
    after.when(edit_analysis, analysis_id=MOOD, text=rating).then_nothing()


def test_an_analysis_is_deactivated_and_activated() -> None:
    off = with_analysis().when(deactivate_analysis, analysis_id=MOOD)
    inactive = off.then(CampaignAnalysisDeactivated(analysis_id=MOOD))
    inactive.when(deactivate_analysis, analysis_id=MOOD).then_nothing()
    active = inactive.when(activate_analysis, analysis_id=MOOD).then(CampaignAnalysisActivated(analysis_id=MOOD))
    active.when(activate_analysis, analysis_id=MOOD).then_nothing()


def test_an_archived_analysis_comes_back_inactive() -> None:
    archived = (
        with_analysis().when(archive_analysis, analysis_id=MOOD).then(CampaignAnalysisArchived(analysis_id=MOOD))
    )
    archived.when(archive_analysis, analysis_id=MOOD).then_nothing()
    archived.when(activate_analysis, analysis_id=MOOD).then_refused("unknown_analysis")
    restored = archived.when(restore_analysis, analysis_id=MOOD).then(CampaignAnalysisRestored(analysis_id=MOOD))
    restored.when(restore_analysis, analysis_id=MOOD).then_nothing()
    restored.when(activate_analysis, analysis_id=MOOD).then(CampaignAnalysisActivated(analysis_id=MOOD))


@pytest.mark.parametrize(
    ("decide", "arguments"),
    [
        (edit_analysis, {"text": text()}),
        (activate_analysis, {}),
        (deactivate_analysis, {}),
        (archive_analysis, {}),
        (restore_analysis, {}),
    ],
)
def test_an_analysis_that_is_not_there_is_refused(decide: Callable[..., Any], arguments: dict[str, Any]) -> None:
    with_analysis().when(decide, analysis_id=uid("none"), **arguments).then_refused("unknown_analysis")


def test_contacts_see_the_goals_that_count_and_the_analyses_that_are_asked() -> None:
    campaign = with_goals().and_given(
        CampaignGoalArchived(goal_id=SECOND),
        CampaignAnalysisDefined(analysis_id=MOOD, name="Mood", question=Question.OPEN),
        CampaignAnalysisDefined(analysis_id=uid("off"), name="Off", question=Question.OPEN),
        CampaignAnalysisDeactivated(analysis_id=uid("off")),
    )
    assert campaign.state is not None
    terms = terms_of(campaign.state, CAMPAIGN_ID)
    assert dict(terms.goals) == {PRIMARY: GoalRole.PRIMARY}
    assert dict(terms.analyses) == {MOOD: text()}
    assert (terms.status, terms.settings_version, terms.importing) == (CampaignStatus.DRAFT, 1, False)
