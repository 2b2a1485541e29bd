"""What an import commands: a campaign made and started, rows recorded in chunks, contacts finished, the end.

Each command has an idempotency key that follows from the campaign and the rows, and is kept for ever. So a command
that was sent before, by this process, one that was killed, or one that runs now, has its effect once.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.commands.campaign import DraftCampaign
from drumbeat.commands.command import Command, Done
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.goals import DefineGoal
from drumbeat.commands.history import FinishHistory, HistoryCall, HistoryRow, RecordHistory
from drumbeat.commands.imports import FinishImport, StartImport
from drumbeat.commands.loop import Idempotency
from drumbeat.events import Principal
from drumbeat.events.ids import import_campaign_id
from drumbeat.events.outcomes import MEANING
from drumbeat.events.values import CallOutcome, CampaignSource, GoalResult
from drumbeat.intake.errors import OtherReading
from drumbeat.intake.fields import Complaint
from drumbeat.intake.inspection import Inspected
from drumbeat.intake.judging import complaint
from drumbeat.intake.mapping import Mapping, Shape
from drumbeat.intake.patience import Patience
from drumbeat.intake.rows import Call, Refusal, Row

Span = tuple[int, int]
"""The numbers of the first and the last row of a chunk, which its key is made of."""

Results = tuple[tuple[UUID, GoalResult], ...]

_EARLIER = HistoryCall(outcome=CallOutcome.NOT_RECORDED)


class Recording:
    """One import on its way into the log. Belongs to one thread; others may record the same import."""

    def __init__(
        self,
        *,
        inspected: Inspected,
        mapping: Mapping,
        commands: Commands,
        principal: Principal,
        clock: Callable[[], datetime],
        patience: Patience,
        waiting: Callable[[], None],
    ) -> None:
        self._inspected = inspected
        self._mapping = mapping
        self._mapping_hash = mapping.fingerprint()
        self._per_contact = mapping.shape is Shape.ROW_PER_CONTACT
        self._commands = commands
        self._principal = principal
        self._clock = clock
        self._patience = patience
        self._waiting = waiting
        self.campaign_id = import_campaign_id(principal.workspace_id, inspected.file_hash, self._mapping_hash)
        self._goal_ids = [uuid5(self.campaign_id, f"goal:{goal.name}") for goal in mapping.goals]
        self.contacts = 0
        """Contacts that were enrolled, in this run or before."""
        self.calls = 0
        """Calls that were recorded, in this run or before."""
        self.wrote_nothing = True
        """Whether everything so far had been recorded before."""

    def begin(self) -> None:
        """Make the campaign with its goals and start the import. Raises `Refused`, `LedgerAway`."""
        mapping = self._mapping
        self._execute(
            "draft",
            DraftCampaign(
                campaign_id=self.campaign_id,
                kind=mapping.kind,
                name=mapping.name,
                settings={"zone": mapping.zone},
                source=CampaignSource.IMPORT,
            ),
        )
        for goal_id, goal in zip(self._goal_ids, mapping.goals, strict=True):
            self._execute(
                f"goal:{goal_id}",
                DefineGoal(
                    campaign_id=self.campaign_id,
                    goal_id=goal_id,
                    name=goal.name,
                    description=goal.description,
                    role=goal.role,
                ),
            )
        self._execute(
            "start",
            StartImport(
                campaign_id=self.campaign_id,
                file_hash=self._inspected.file_hash,
                mapping_hash=self._mapping_hash,
                rows=self._inspected.rows,
            ),
        )

    def record(self, rows: Sequence[Row], *, of: Span) -> list[Refusal]:
        """Record a chunk's rows in one append; those that were refused. Raises `Refused`, `LedgerAway`."""
        refusals: list[Refusal] = []
        for row, answer in zip(rows, self._answers(rows, of), strict=True):
            refusal = self._refusal(row, answer)
            if refusal is not None:
                refusals.append(refusal)
                continue
            self.contacts += self._per_contact
            self.calls += row.calls
        return refusals

    def finish(self, rows: Sequence[Row], *, of: Span) -> None:
        """Finish the contacts of a chunk that was recorded; with a row a call, after all chunks have been."""
        recorded = (answer for answer in self._answers(rows, of) if answer["result"] != "refused")
        contact_ids = tuple(dict.fromkeys(UUID(answer["contact_id"]) for answer in recorded))
        if not contact_ids:
            return
        command = FinishHistory(campaign_id=self.campaign_id, contact_ids=contact_ids)
        done = self._execute(f"finish:{of[0]}-{of[1]}", command)
        self.contacts += sum(answer["result"] == "recorded" for answer in done.results)

    def _answers(self, rows: Sequence[Row], of: Span) -> Sequence[dict[str, Any]]:
        # Asked again, the chunk's key gives the answers of the first time.
        if not rows:
            return ()
        command = RecordHistory(campaign_id=self.campaign_id, rows=tuple(self._history_of(row) for row in rows))
        return self._execute(f"rows:{of[0]}-{of[1]}", command).results

    def end(self, *, accepted: int, refused: int) -> None:
        """End the import; the campaign is completed with it."""
        self._execute("end", FinishImport(campaign_id=self.campaign_id, accepted=accepted, refused=refused))

    def _history_of(self, row: Row) -> HistoryRow:
        person = row.person
        results = tuple((self._goal_ids[place], result) for place, result in row.results)
        calls = (_EARLIER,) * row.earlier_calls
        if row.call is not None:
            calls += (self._call_of(row, row.call, () if self._per_contact else results),)
        return HistoryRow(
            reference=person.reference,
            name=person.name,
            phone=person.phone,
            country=person.country,
            email=person.email,
            profile=person.profile,
            zone=person.zone,
            tags=person.tags,
            first_attempt=1 if self._per_contact else None,
            calls=calls,
            results=results if self._per_contact else (),
            finish=self._per_contact,
        )

    def _call_of(self, row: Row, call: Call, results: Results) -> HistoryCall:
        conversation = not self._per_contact and MEANING[call.outcome].conversation
        return HistoryCall(
            outcome=call.outcome,
            duration_seconds=call.duration_seconds,
            conversation_id=uuid5(self.campaign_id, f"call:{row.number}") if conversation else None,
            occurred=call.occurred,
            summary=call.summary,
            transcript_reference=call.transcript_reference,
            results=results,
        )

    def _refusal(self, row: Row, answer: dict[str, Any]) -> Refusal | None:
        again = answer["result"] == "already_recorded" or answer.get("reason") == RefusalCode.IMPOSSIBLE_ORDER
        if self._per_contact and again:
            column = self._mapping.contact.reference or ""
            said = Complaint(column, row.person.reference, "another row has the same reference")
        elif answer["result"] == "refused":
            said = complaint(answer, row.person, self._mapping)
        else:
            return None
        return Refusal(row.number, row.line, (said,))

    def _execute(self, item: str, command: Command) -> Done:
        key = Idempotency(key=f"import:{self.campaign_id}:{item}", kept_for=None)

        def attempt() -> Done:
            return self._commands.execute(command, self._principal, now=self._clock(), idempotency=key)

        try:
            done = self._patience.until_it_answers(attempt, waiting=self._waiting)
        except Refused as refused:
            if refused.code is not RefusalCode.IDEMPOTENCY_KEY_REUSED:
                raise
            raise OtherReading(
                f"{self._inspected.file}: another version of Drumbeat began this import and read these rows "
                "otherwise; nothing more was written"
            ) from refused
        self.wrote_nothing = self.wrote_nothing and done.repeated
        return done
