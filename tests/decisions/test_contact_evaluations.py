"""Goals judged and questions answered; the contact's result for a goal."""

import pytest

from drumbeat.aggregates.contact.evaluations import LONGEST_ANSWER_CHARACTERS, answer_analysis, evaluate_goal
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.goal_results import goal_result
from drumbeat.events.contact import ContactRemoved
from drumbeat.events.evaluations import (
    ContactAnalysisAnswered,
    ContactGoalAchieved,
    ContactGoalAchievementWithdrawn,
    ContactGoalEvaluated,
)
from drumbeat.events.values import AnswerPrivate, CallOutcome, GoalResult, Question
from support.contacts import (
    GOAL,
    QUESTIONS,
    RUNNING,
    SECOND_TALK,
    TALK,
    ended,
    enrolled,
    placed,
    retry,
)
from support.given import NOW, given, uid

ACHIEVED, PARTLY, NOT, UNKNOWN = GoalResult
SPOKE_TWICE = given(
    CONTACT,
    enrolled(),
    placed(),
    ended(CallOutcome.CALLBACK, conversation_id=TALK),
    retry(NOW),
    placed(2),
    ended(CallOutcome.COMPLETED, 2, conversation_id=SECOND_TALK),
)
GAINED, LOST = ContactGoalAchieved(goal_id=GOAL), ContactGoalAchievementWithdrawn(goal_id=GOAL)


def judge(result: GoalResult, conversation: object = None) -> dict[str, object]:
    return {"terms": RUNNING, "goal_id": GOAL, "result": result, "conversation_id": conversation, "now": NOW}


def judged(result: GoalResult, conversation: object = None) -> ContactGoalEvaluated:
    return ContactGoalEvaluated.model_validate(
        {"goal_id": GOAL, "result": result, "conversation_id": conversation}
    )


def test_the_best_of_the_conversations_counts() -> None:
    story = SPOKE_TWICE.when(evaluate_goal, **judge(PARTLY, TALK)).then(judged(PARTLY, TALK))
    story = story.when(evaluate_goal, **judge(ACHIEVED, SECOND_TALK)).then(judged(ACHIEVED, SECOND_TALK), GAINED)
    story = story.when(evaluate_goal, **judge(NOT, TALK)).then(judged(NOT, TALK))
    story.when(evaluate_goal, **judge(UNKNOWN, SECOND_TALK)).then(judged(UNKNOWN, SECOND_TALK), LOST)


def test_a_judgement_over_all_conversations_wins_over_single_ones() -> None:
    story = SPOKE_TWICE.when(evaluate_goal, **judge(ACHIEVED, TALK)).then(judged(ACHIEVED, TALK), GAINED)
    story = story.when(evaluate_goal, **judge(NOT)).then(judged(NOT), LOST)
    story = story.when(evaluate_goal, **judge(ACHIEVED, SECOND_TALK)).then(judged(ACHIEVED, SECOND_TALK))
    story.when(evaluate_goal, **judge(ACHIEVED)).then(judged(ACHIEVED), GAINED)


@pytest.mark.parametrize(
    ("results", "best"),
    [
        ((UNKNOWN, NOT), NOT),
        ((NOT, PARTLY), PARTLY),
        ((PARTLY, ACHIEVED), ACHIEVED),
        ((UNKNOWN, UNKNOWN), UNKNOWN),
    ],
)
def test_achieved_beats_partially_beats_not_beats_unknown(
    results: tuple[GoalResult, ...], best: GoalResult
) -> None:
    story = SPOKE_TWICE.and_given(judged(results[0], TALK), judged(results[1], SECOND_TALK))
    assert story.state is not None
    assert goal_result(story.state, GOAL) is best
    assert goal_result(story.state, uid("never judged")) is None


def test_the_same_judgement_again_adds_nothing() -> None:
    story = SPOKE_TWICE.when(evaluate_goal, **judge(ACHIEVED)).then(judged(ACHIEVED), GAINED)
    story.when(evaluate_goal, **judge(ACHIEVED)).then_nothing()


def test_a_judgement_is_about_a_goal_and_a_conversation_that_exist() -> None:
    given(CONTACT).when(evaluate_goal, **judge(NOT)).then_refused("unknown_stream")
    SPOKE_TWICE.and_given(ContactRemoved(reason="x")).when(evaluate_goal, **judge(NOT)).then_refused("removed")
    SPOKE_TWICE.when(evaluate_goal, **(judge(NOT) | {"goal_id": uid("else")})).then_refused("unknown_goal")
    SPOKE_TWICE.when(evaluate_goal, **judge(NOT, uid("else"))).then_refused("no_such_conversation")
    no_talk = given(CONTACT, enrolled(), placed(), ended(CallOutcome.LEFT_MESSAGE, conversation_id=TALK))
    no_talk.when(evaluate_goal, **judge(NOT, TALK)).then_refused("no_such_conversation")


@pytest.mark.parametrize(
    ("question", "value"),
    [
        (Question.YES_NO, True),
        (Question.SINGLE_CHOICE, "red"),
        (Question.MULTIPLE_CHOICE, ("red", "blue")),
        (Question.OPEN, "liked it"),
        (Question.RATING, 5),
        (Question.DATA_POINT, 12.5),
        (Question.DATA_POINT, "12 chairs"),
    ],
)
def test_an_answer_has_the_form_its_question_asks_for(question: Question, value: object) -> None:
    wish = {"terms": RUNNING, "analysis_id": QUESTIONS[question], "conversation_id": TALK, "value": value}
    answered = ContactAnalysisAnswered(
        analysis_id=QUESTIONS[question],
        conversation_id=TALK,
        private=AnswerPrivate.model_validate({"value": value}),
    )
    story = SPOKE_TWICE.when(answer_analysis, **wish).then(answered)
    story.when(answer_analysis, **wish).then(answered)
    assert story.state is not None
    assert len(story.state.answers) == 1


@pytest.mark.parametrize(
    ("question", "value"),
    [
        (Question.YES_NO, "yes"),
        (Question.YES_NO, 1),
        (Question.SINGLE_CHOICE, "pink"),
        (Question.SINGLE_CHOICE, ("red",)),
        (Question.MULTIPLE_CHOICE, "red"),
        (Question.MULTIPLE_CHOICE, ()),
        (Question.MULTIPLE_CHOICE, ("red", "red")),
        (Question.MULTIPLE_CHOICE, ("red", "pink")),
        (Question.OPEN, " "),
        (Question.OPEN, "x" * (LONGEST_ANSWER_CHARACTERS + 1)),
        (Question.OPEN, 3),
        (Question.RATING, 0),
        (Question.RATING, 6),
        (Question.RATING, True),
        (Question.RATING, 2.5),
        (Question.DATA_POINT, True),
        (Question.DATA_POINT, ("red",)),
    ],
)
def test_another_form_is_refused_with_what_is_allowed(question: Question, value: object) -> None:
    refused = SPOKE_TWICE.when(
        answer_analysis,
        terms=RUNNING,
        analysis_id=QUESTIONS[question],
        conversation_id=TALK,
        value=value,
    ).then_refused("out_of_range", field="value")
    assert refused.allowed


def test_an_answer_is_about_an_active_analysis_and_a_conversation_that_took_place() -> None:
    wish = {
        "terms": RUNNING,
        "analysis_id": QUESTIONS[Question.YES_NO],
        "conversation_id": TALK,
        "value": True,
    }
    given(CONTACT).when(answer_analysis, **wish).then_refused("unknown_stream")
    SPOKE_TWICE.and_given(ContactRemoved(reason="x")).when(answer_analysis, **wish).then_refused("removed")
    SPOKE_TWICE.when(answer_analysis, **(wish | {"analysis_id": uid("else")})).then_refused("unknown_analysis")
    SPOKE_TWICE.when(answer_analysis, **(wish | {"conversation_id": uid("else")})).then_refused(
        "no_such_conversation"
    )
