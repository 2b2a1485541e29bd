"""Recording histories: enrolment, calls and judgements of many contacts in one append, as they happened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from pydantic import AwareDatetime

from drumbeat.aggregates.campaign import CAMPAIGN, terms_of
from drumbeat.aggregates.campaign.launching import open_audience
from drumbeat.aggregates.contact.enrolment import EnrolmentRefused, enrol
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.evolve import apply_all
from drumbeat.aggregates.contact.history import (
    finish_history,
    record_call,
    record_evaluation,
    require_open_history,
)
from drumbeat.aggregates.contact.private import call_private
from drumbeat.aggregates.contact.profile import opaque_reference, read_profile
from drumbeat.aggregates.contact.state import Contact
from drumbeat.aggregates.refusals import Refused
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.enrolment import refused_row
from drumbeat.commands.loop import Plan, Run, unknown
from drumbeat.commands.streams import Streams
from drumbeat.events import Event, Fact
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CallOutcome, GoalResult, Many, Occurred, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryCall:
    """A call that was made, as far as the source knows it. `results` are judgements of its conversation."""

    outcome: CallOutcome
    duration_seconds: int | None = None
    callback_at: AwareDatetime | None = None
    conversation_id: UUID | None = None
    occurred: Occurred | None = None
    summary: str | None = None
    transcript_reference: str | None = None
    results: Many[tuple[UUID, GoalResult]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """What a source says of one contact. Made by our own code, so that a type is not checked twice.

    `first_attempt` is the number of the first of `calls`; without it they follow what is on record. With it the
    same row again adds nothing. `finish`: the source says nothing more of this contact.
    """

    reference: str
    name: str | None = None
    phone: str | None = None
    country: str | None = None
    email: str | None = None
    profile: Mapping[str, str] = field(default_factory=dict)
    zone: str | None = None
    priority: str = Priority.NORMAL
    tags: Many[str] = ()
    first_attempt: int | None = None
    calls: Many[HistoryCall] = ()
    results: Many[tuple[UUID, GoalResult]] = ()
    finish: bool = False


class RecordHistory(Command):
    """Record rows of a history in one append, each row whole or not at all.

    `Done.results` has an answer per row, in their order: `result` is recorded, already_recorded or refused (with
    `reason` and, where one value is at fault, `field`, `value` and `allowed`), and the contact's id. A contact
    that is not enrolled is; what is said of the person counts the first time only. Raises `unknown_stream`,
    `wrong_state` for a campaign that is no import, `impossible_order` before it was started and after its end.
    """

    NAME: ClassVar[str] = "record_history"
    JUDGED_BY_ROW: ClassVar[frozenset[str]] = frozenset({"rows"})
    campaign_id: UUID
    rows: Many[HistoryRow]


class FinishHistory(Command):
    """Finish contacts of an import by the rules, as if no attempts were left; those that are finished stay so."""

    NAME: ClassVar[str] = "finish_history"
    campaign_id: UUID
    contact_ids: Many[UUID]


class _Recording:
    """One try to plan an append of history."""

    def __init__(self, run: Run, campaign_id: UUID, contact_ids: Sequence[UUID]) -> None:
        self._run = run
        self._campaign_id = campaign_id
        self._campaign = Streams(run, CAMPAIGN, [campaign_id], campaign_id)
        campaign = self._campaign.state(campaign_id)
        if campaign is None:
            raise unknown("campaign", campaign_id)
        self._terms = terms_of(campaign, campaign_id)
        require_open_history(self._terms)
        self._contacts = Streams(run, CONTACT, contact_ids, campaign_id)
        self._events: list[Event[Fact]] = []

    def plan(self, results: Sequence[dict[str, Any]]) -> Plan:
        """Everything decided so far as one append."""
        version = self._campaign.version(self._campaign_id)
        return Plan(self._campaign_id, version, self._events, tuple(results))

    def record(self, row: HistoryRow, reference: str, workspace_key: bytes) -> dict[str, Any]:
        """Decide on one row; its answer."""
        stream_id = contact_id(self._campaign_id, reference)
        named = {"contact_id": str(stream_id)}
        before = self._contacts.state(stream_id)
        try:
            facts, after = self._facts(before, row, reference, workspace_key)
        except EnrolmentRefused as refused:
            self._events += self._contacts.write(stream_id, refused.facts)
            return named | refused_row(refused)
        except Refused as refused:
            return named | refused_row(refused)
        if before is None or not before.enrolled:
            opened = open_audience(self._campaign.state(self._campaign_id))
            self._events += self._campaign.write(self._campaign_id, opened)
        self._events += self._contacts.write(stream_id, facts, state=after)
        return named | {"result": "recorded" if facts else "already_recorded"}

    def finish(self, stream_id: UUID) -> dict[str, Any]:
        """Finish one contact; its answer."""
        named = {"contact_id": str(stream_id)}
        try:
            facts = finish_history(self._contacts.state(stream_id), terms=self._terms)
        except Refused as refused:
            return named | refused_row(refused)
        self._events += self._contacts.write(stream_id, facts)
        return named | {"result": "recorded" if facts else "already_recorded"}

    def _facts(
        self, before: Contact | None, row: HistoryRow, reference: str, workspace_key: bytes
    ) -> tuple[tuple[Fact, ...], Contact | None]:
        decided: list[Fact] = []
        contact = before

        def add(facts: tuple[Fact, ...]) -> Contact:
            decided.extend(facts)
            return apply_all(contact, facts, self._run.now)

        contact = add(self._enrolment(contact, row, reference, workspace_key))
        number = row.first_attempt
        for call in row.calls:
            contact = add(self._call(contact, call, number))
            number = None if number is None else number + 1
            for goal_id, result in call.results:
                contact = add(self._evaluation(contact, goal_id, result, call.conversation_id))
        for goal_id, result in row.results:
            contact = add(self._evaluation(contact, goal_id, result, None))
        if row.finish:
            contact = add(finish_history(contact, terms=self._terms))
        return tuple(decided), contact

    def _enrolment(
        self, contact: Contact | None, row: HistoryRow, reference: str, workspace_key: bytes
    ) -> tuple[Fact, ...]:
        said = read_profile(
            name=row.name,
            phone=row.phone,
            country=row.country,
            email=row.email,
            profile=row.profile,
            zone=row.zone,
            priority=row.priority,
            tags=row.tags,
            workspace_key=workspace_key,
        )
        return enrol(
            contact,
            terms=self._terms,
            reference=reference,
            private=said.private,
            zone=said.zone,
            priority=said.priority,
            tags=said.tags,
            address_keys=said.address_keys,
        )

    def _call(self, contact: Contact, call: HistoryCall, number: int | None) -> tuple[Fact, ...]:
        return record_call(
            contact,
            terms=self._terms,
            attempt=number,
            outcome=call.outcome,
            duration_seconds=call.duration_seconds,
            callback_at=call.callback_at,
            conversation_id=call.conversation_id,
            occurred=call.occurred,
            private=call_private(call.summary, call.transcript_reference),
        )

    def _evaluation(
        self, contact: Contact, goal_id: UUID, result: GoalResult, conversation_id: UUID | None
    ) -> tuple[Fact, ...]:
        return record_evaluation(
            contact,
            terms=self._terms,
            goal_id=goal_id,
            result=result,
            conversation_id=conversation_id,
            now=self._run.now,
        )


def _record(command: RecordHistory, run: Run) -> Done:
    workspace_key = run.keys.key(run.principal.workspace_id)
    read = [_reference_or_refused(row, workspace_key) for row in command.rows]
    contacts = [contact_id(command.campaign_id, one) for one in read if isinstance(one, str)]

    def plan() -> Plan:
        recording = _Recording(run, command.campaign_id, contacts)
        return recording.plan(
            [
                recording.record(row, reference, workspace_key)
                if isinstance(reference, str)
                else refused_row(reference)
                for row, reference in zip(command.rows, read, strict=True)
            ]
        )

    return run.many(plan, bulk=True)


def _reference_or_refused(row: HistoryRow, workspace_key: bytes) -> str | Refused:
    try:
        return opaque_reference(row.reference, workspace_key)
    except Refused as refused:
        return refused


def _finish(command: FinishHistory, run: Run) -> Done:
    def plan() -> Plan:
        recording = _Recording(run, command.campaign_id, command.contact_ids)
        return recording.plan([recording.finish(stream_id) for stream_id in command.contact_ids])

    return run.many(plan, bulk=True)


HANDLERS: dict[type[Command], Handler] = {RecordHistory: _record, FinishHistory: _finish}
