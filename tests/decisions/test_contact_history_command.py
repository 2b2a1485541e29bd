"""Recording histories in bulk: each row whole or not at all, and the same row again adds nothing."""

from drumbeat.commands.goals import DefineGoal
from drumbeat.commands.history import FinishHistory, HistoryCall, HistoryRow, RecordHistory
from drumbeat.commands.imports import FinishImport
from drumbeat.events.campaign import CampaignAudienceOpened
from drumbeat.events.contact import ContactEnrolled, ContactFinished
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CallOutcome, FinishOutcome, GoalResult
from support.commanding import CAMPAIGN, GOAL, World, importing, running
from support.given import uid

SPOKE = HistoryCall(outcome=CallOutcome.COMPLETED, duration_seconds=261, summary="liked it")
UNKNOWN = HistoryCall(outcome=CallOutcome.NOT_RECORDED)


def history_row(number: int = 1, *calls: HistoryCall, **changes: object) -> HistoryRow:
    fields: dict[str, object] = {
        "reference": f"row-{number}",
        "first_attempt": 1,
        "calls": calls or (UNKNOWN, SPOKE),
        "results": ((GOAL, GoalResult.ACHIEVED),),
        "finish": True,
    }
    return HistoryRow(**(fields | changes))  # type: ignore[arg-type]


def record(world: World, *rows: HistoryRow, key: str | None = None) -> list[tuple[object, object]]:
    done = world.do(RecordHistory(campaign_id=CAMPAIGN, rows=rows), key=key)
    return [(result["result"], result.get("reason")) for result in done.results]


def test_a_contacts_history_is_one_append_from_enrolment_to_end() -> None:
    world = importing()
    assert record(world, history_row()) == [("recorded", None)]
    facts = world.facts(contact_id(CAMPAIGN, "row-1"))
    assert [fact.TYPE.split(".")[1] for fact in facts] == [
        "enrolled",
        "call_placed",
        "call_ended",
        "call_placed",
        "call_ended",
        "goal_evaluated",
        "goal_achieved",
        "finished",
    ]
    assert facts[-1] == ContactFinished(outcome=FinishOutcome.COMPLETED)
    assert CampaignAudienceOpened() in world.facts(CAMPAIGN)


def test_the_same_rows_again_add_nothing() -> None:
    world = importing()
    rows = tuple(history_row(number) for number in range(1, 51))
    record(world, *rows)
    before = len(world.ledger.log)
    assert set(record(world, *rows)) == {("already_recorded", None)}
    assert len(world.ledger.log) == before


def test_a_call_a_row_appends_to_what_is_on_record_and_the_end_comes_last() -> None:
    world = importing()
    one = history_row(1, UNKNOWN, first_attempt=None, results=(), finish=False)
    assert record(world, one, one) == [("recorded", None), ("recorded", None)]
    assert record(world, one) == [("recorded", None)]
    stream = contact_id(CAMPAIGN, "row-1")
    finish = FinishHistory(campaign_id=CAMPAIGN, contact_ids=(stream, uid("stranger")))
    assert [result["result"] for result in world.do(finish).results] == ["recorded", "refused"]
    assert [result["result"] for result in world.do(finish).results] == ["already_recorded", "refused"]
    facts = world.facts(stream)
    assert sum(isinstance(fact, ContactEnrolled) for fact in facts) == 1
    assert facts[-1] == ContactFinished(outcome=FinishOutcome.OUTCOME_NOT_RECORDED)
    assert len(facts) == 1 + 3 * 2 + 1


def test_a_row_is_recorded_whole_or_not_at_all() -> None:
    world = importing()
    bad_goal = history_row(1, results=((uid("no goal"), GoalResult.ACHIEVED),))
    bad_length = history_row(2, HistoryCall(outcome=CallOutcome.BUSY, duration_seconds=-1))
    bad_phone = history_row(3, phone="call me")
    gap = history_row(4, first_attempt=3)
    nameless = history_row(5, reference="")
    assert record(world, bad_goal, bad_length, bad_phone, gap, nameless, history_row(6)) == [
        ("refused", "unknown_goal"),
        ("refused", "out_of_range"),
        ("refused", "out_of_range"),
        ("refused", "impossible_order"),
        ("refused", "out_of_range"),
        ("recorded", None),
    ]
    for number in range(1, 6):
        assert world.facts(contact_id(CAMPAIGN, f"row-{number}")) == []


def test_a_key_makes_rows_without_numbers_repeatable() -> None:
    world = importing()
    one = history_row(1, UNKNOWN, first_attempt=None, results=(), finish=False)
    first = record(world, one, key="chunk-0")
    before = len(world.ledger.log)
    assert record(world, one, key="chunk-0") == first
    assert len(world.ledger.log) == before


def test_history_is_recorded_in_imports_between_their_start_and_end() -> None:
    running().refused(RecordHistory(campaign_id=CAMPAIGN, rows=(history_row(),)), "wrong_state")
    world = importing()
    world.do(FinishImport(campaign_id=CAMPAIGN, accepted=0, refused=0))
    world.refused(RecordHistory(campaign_id=CAMPAIGN, rows=(history_row(),)), "impossible_order")
    world.refused(FinishHistory(campaign_id=CAMPAIGN, contact_ids=()), "impossible_order")
    world.refused(RecordHistory(campaign_id=uid("none"), rows=()), "unknown_stream")


def test_a_second_goal_is_judged_beside_the_first() -> None:
    world = importing()
    other = uid("other goal")
    world.do(DefineGoal(campaign_id=CAMPAIGN, goal_id=other, name="Newsletter"))
    both = ((GOAL, GoalResult.NOT_ACHIEVED), (other, GoalResult.ACHIEVED))
    assert record(world, history_row(1, results=both)) == [("recorded", None)]
    types = [fact.TYPE.split(".")[1] for fact in world.facts(contact_id(CAMPAIGN, "row-1"))]
    assert types.count("goal_evaluated") == 2
    assert types.count("goal_achieved") == 1
