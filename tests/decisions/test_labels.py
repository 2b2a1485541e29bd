"""One lifecycle, five vocabularies (mission §1): the table, written down here a second time by hand."""

from itertools import product

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from drumbeat.events.labels import (
    LabelFacts,
    Overlay,
    contact_label,
    contact_labels,
    label,
    labels,
    overlays,
)
from drumbeat.events.values import (
    CampaignStatus,
    CompletionReason,
    ContactStatus,
    ContactSubstatus,
    FinishOutcome,
    Vocabulary,
)

S, V, C, R = CampaignStatus, Vocabulary, ContactStatus, CompletionReason

NOTHING = LabelFacts()
EXECUTED = LabelFacts(executed_anything=True)
BY_HAND = LabelFacts(executed_anything=True, completion_reason=R.MANUAL)
PROCESSED = LabelFacts(executed_anything=True, completion_reason=R.ALL_PROCESSED)
CLOSED = LabelFacts(executed_anything=True, completion_reason=R.WINDOW_CLOSED)

# status, facts, and the words of survey, sequence, call, message, voice_agent
TABLE = [
    (S.DRAFT, NOTHING, "DRAFT", "Draft", "Not Started", "Paused", "Paused"),
    (S.SCHEDULED, NOTHING, "SCHEDULED", "Active", "Not Started", "Active", "Active"),
    (S.LAUNCHING, NOTHING, "LAUNCHING", "Active", "Started", "Active", "Active"),
    (S.RUNNING, NOTHING, "ACTIVE", "Active", "Started", "Active", "Active"),
    (S.RUNNING, EXECUTED, "ACTIVE", "Active", "Started", "Active", "Active"),
    (S.PAUSED, EXECUTED, "PAUSED", "Paused", "Paused", "Paused", "Paused"),
    (S.FINALIZING, PROCESSED, "COMPLETING", "Active", "Started", "Active", "Active"),
    (S.FINALIZING, CLOSED, "COMPLETING", "Active", "Started", "Active", "Active"),
    (S.FINALIZING, BY_HAND, "COMPLETING", "Active", "Ended", "Active", "Completed"),
    (S.COMPLETED, PROCESSED, "COMPLETED", "Finished", "Complete", "Finished", "Completed"),
    (S.COMPLETED, CLOSED, "COMPLETED", "Finished", "Complete", "Finished", "Completed"),
    (S.COMPLETED, BY_HAND, "COMPLETED", "Finished", "Ended", "Finished", "Completed"),
    (S.CANCELLED, EXECUTED, "CANCELLED", "Cancelled", "Ended", "Finished", "Cancelled"),
    (S.ARCHIVED, EXECUTED, "ARCHIVED", "Archived", "Archived", "Archived", "Archived"),
]
COLUMNS = (V.SURVEY, V.SEQUENCE, V.CALL, V.MESSAGE, V.VOICE_AGENT)
CELLS = [
    (vocabulary, status, facts, word)
    for status, facts, *words in TABLE
    for vocabulary, word in zip(COLUMNS, words, strict=True)
]

any_facts = st.builds(
    LabelFacts,
    completion_reason=st.none() | st.sampled_from(R),
    executed_anything=st.booleans(),
    at_risk=st.booleans(),
    awaiting_action=st.booleans(),
    outside_hours=st.booleans(),
    report_failed=st.booleans(),
)


@pytest.mark.parametrize(("vocabulary", "status", "facts", "word"), CELLS)
def test_each_label_of_the_table_is_reached(
    vocabulary: Vocabulary, status: CampaignStatus, facts: LabelFacts, word: str
) -> None:
    assert label(vocabulary, status, facts) == word


@pytest.mark.parametrize("vocabulary", list(V))
def test_a_vocabulary_has_the_labels_of_the_table_and_a_tombstones(vocabulary: Vocabulary) -> None:
    words = {word for column, _, _, word in CELLS if column is vocabulary}
    assert labels(vocabulary) == words | {label(vocabulary, S.DELETED)}


def test_the_label_is_total_over_every_vocabulary_state_and_completion() -> None:
    for vocabulary, status, reason in product(V, S, [None, *R]):
        assert label(vocabulary, status, LabelFacts(completion_reason=reason)) in labels(vocabulary)


@for_all(st.sampled_from(V), st.sampled_from(S), any_facts)
def test_overlays_never_change_the_label(
    vocabulary: Vocabulary, status: CampaignStatus, facts: LabelFacts
) -> None:
    plain = LabelFacts(completion_reason=facts.completion_reason)
    assert label(vocabulary, status, facts) == label(vocabulary, status, plain)
    assert set(overlays(status, facts)) <= set(Overlay)


def test_each_overlay_is_shown_where_it_belongs() -> None:
    all_of_them = LabelFacts(at_risk=True, awaiting_action=True, outside_hours=True, report_failed=True)
    shown = {status: set(overlays(status, all_of_them)) for status in S}
    assert shown[S.RUNNING] == {Overlay.AT_RISK, Overlay.AWAITING_ACTION, Overlay.OUTSIDE_HOURS}
    assert shown[S.COMPLETED] == {Overlay.REPORT_FAILED}
    assert all(not shown[status] for status in set(S) - {S.RUNNING, S.COMPLETED})
    assert overlays(S.RUNNING, LabelFacts()) == ()


# -- contacts

CONTACTS = [
    (V.VOICE_AGENT, C.NOT_STARTED, "queued", "Pending"),
    (V.VOICE_AGENT, C.IN_PROGRESS, "dialing", "Dialing"),
    (V.VOICE_AGENT, C.IN_PROGRESS, "awaiting_next_step", "Called"),
    (V.VOICE_AGENT, C.IN_PROGRESS, "retry_scheduled", "Retry"),
    (V.VOICE_AGENT, C.FINISHED, "completed", "Completed"),
    (V.VOICE_AGENT, C.FINISHED, "attempts_exhausted", "Failed"),
    (V.VOICE_AGENT, C.FINISHED, "no_conversation", "No Conversation"),
    (V.VOICE_AGENT, C.FINISHED, "opted_out", "Other"),
    (V.VOICE_AGENT, C.FINISHED, "suppressed", "Other"),
    (V.VOICE_AGENT, C.FINISHED, "campaign_over", "Other"),
    (V.VOICE_AGENT, C.FINISHED, "outcome_not_recorded", "Other"),
    (V.VOICE_AGENT, C.ERROR, None, "Other"),
    (V.VOICE_AGENT, C.PAUSED, "queued", "Pending"),
    (V.VOICE_AGENT, C.PAUSED, "dialing", "Dialing"),
    (V.VOICE_AGENT, C.PAUSED, "awaiting_next_step", "Called"),
    (V.VOICE_AGENT, C.PAUSED, "retry_scheduled", "Retry"),
    (V.CALL, C.IN_PROGRESS, "retry_scheduled", "Retry"),
    (V.MESSAGE, C.NOT_STARTED, None, "Pending"),
    (V.MESSAGE, C.IN_PROGRESS, "scheduled", "Pending"),
    (V.MESSAGE, C.IN_PROGRESS, "follow_up_due", "Partial"),
    (V.MESSAGE, C.PAUSED, "follow_up_due", "Partial"),
    (V.MESSAGE, C.FINISHED, "delivered", "Sent"),
    (V.MESSAGE, C.FINISHED, "delivery_failed", "Failed"),
    (V.MESSAGE, C.FINISHED, "opted_out", "Failed"),
    (V.MESSAGE, C.REPLIED, "delivered", "Sent"),
    (V.MESSAGE, C.REPLIED, None, "Failed"),
    (V.MESSAGE, C.ERROR, "final", "Failed"),
    (V.MESSAGE, C.ERROR, "follow_up_due", "Partial"),
    (V.MESSAGE, C.ERROR, "disconnected_account", "Pending"),
    (V.SURVEY, C.NOT_STARTED, None, "Not invited"),
    (V.SURVEY, C.IN_PROGRESS, "invited", "Invited"),
    (V.SURVEY, C.IN_PROGRESS, "in_session", "In session"),
    (V.SURVEY, C.IN_PROGRESS, "abandoned", "Abandoned"),
    (V.SURVEY, C.PAUSED, "invited", "Paused"),
    (V.SURVEY, C.FINISHED, "session_completed", "Completed"),
    (V.SURVEY, C.FINISHED, "opted_out", "Opted out"),
    (V.SURVEY, C.FINISHED, "suppressed", "Other"),
    (V.SEQUENCE, C.NOT_STARTED, None, "Not started"),
    (V.SEQUENCE, C.IN_PROGRESS, "identity_limits", "In progress"),
    (V.SEQUENCE, C.PAUSED, None, "Paused"),
    (V.SEQUENCE, C.ERROR, "missing_email", "Error"),
    (V.SEQUENCE, C.REPLIED, None, "Replied"),
    (V.SEQUENCE, C.FINISHED, "end_of_sequence", "Finished"),
]  # fmt: skip


@pytest.mark.parametrize(("vocabulary", "status", "substatus", "word"), CONTACTS)
def test_each_contact_label_is_reached(
    vocabulary: Vocabulary, status: ContactStatus, substatus: str | None, word: str
) -> None:
    assert contact_label(vocabulary, status, substatus) == word


@pytest.mark.parametrize("vocabulary", [V.VOICE_AGENT, V.MESSAGE, V.SURVEY, V.SEQUENCE])
def test_every_contact_label_that_is_offered_is_reached_above(vocabulary: Vocabulary) -> None:
    assert set(contact_labels(vocabulary)) == {word for named, _, _, word in CONTACTS if named is vocabulary}


@for_all(
    st.sampled_from(V),
    st.sampled_from(C),
    st.none() | st.sampled_from([*ContactSubstatus, *FinishOutcome]) | st.text(),
)
def test_the_contact_label_is_total(vocabulary: Vocabulary, status: ContactStatus, substatus: str | None) -> None:
    assert contact_label(vocabulary, status, substatus) in contact_labels(vocabulary)


def test_kind_call_speaks_of_contacts_like_voice_agent() -> None:
    for status, substatus in product(C, [None, *ContactSubstatus, *FinishOutcome]):
        assert contact_label(V.CALL, status, substatus) == contact_label(V.VOICE_AGENT, status, substatus)


def test_voice_agent_has_the_seven_and_other() -> None:
    assert contact_labels(V.VOICE_AGENT) == (
        "Pending", "Dialing", "Called", "Retry", "Completed", "Failed", "No Conversation", "Other",
    )  # fmt: skip
