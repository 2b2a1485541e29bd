"""A simulated dialler in real time: works a campaign off over HTTP, as a dialler of one's own would.

It asks the read API who is to be called, places calls at a steady pace, and reports what `simulator` makes of them
when that much time has passed. What the commands refuse it does not do. It keeps nothing: started again, it finds
its campaign, and the calls that are under way.
"""

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event
from uuid import UUID, uuid5

import structlog

from drumbeat.client import Drumbeat, DrumbeatError, Gone, NotFound, ProblemError
from drumbeat.client.generated.models import CampaignCard
from drumbeat.events.outcomes import MEANING
from drumbeat.intake.demonstration_plan import ZONE
from drumbeat.intake.live_plan import SEED, LiveCast, open_campaign
from drumbeat.intake.simulator import Answer, answer

log = structlog.get_logger(__name__)

_LOOK_EVERY_SECONDS = 5.0
_QUEUE = 20
_OPEN = frozenset({"running", "launching", "scheduled", "paused"})


class Ended(Exception):
    """The dialler was told to stop."""


@dataclass(slots=True)
class LiveDialler:
    """For one thread. Places a call every `pace_seconds` while its campaign runs and its hours are open."""

    api: Drumbeat
    workspace_id: str
    stop: Event
    size: int = 2_000
    pace_seconds: float = 2.0
    hurry: float = 1.0
    """How many simulated seconds of a call pass in a real one."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _agenda: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _queue: deque[UUID] = field(default_factory=deque)
    _busy: set[UUID] = field(default_factory=set)
    _order: Iterator[int] = field(default_factory=count)

    def run(self) -> None:
        """Call until `stop` is set, campaign after campaign; what is refused is passed over."""
        try:
            while True:
                self._work(open_campaign(self.api, self.workspace_id, self.size))
        except Ended:
            return

    def _work(self, ours: LiveCast) -> None:
        """Work one campaign off. Returns when it is over."""
        log.info("live_campaign", campaign_id=str(ours.campaign_id), run=ours.run)
        self._take_over(ours)
        look_at, call_at, may_call = 0.0, time.monotonic(), False
        while True:
            now = time.monotonic()
            if now >= look_at:
                card = self._look(ours)
                if card is None or card.status not in _OPEN:
                    return
                may_call = card.status == "running" and (card.hours is None or card.hours.open)
                look_at = now + _LOOK_EVERY_SECONDS
            self._until(now)
            if now >= call_at:
                call_at = now + self.pace_seconds
                if may_call and not self._call(ours):
                    # Nobody is to be called now: the next look finds whose retry is due.
                    call_at = now + _LOOK_EVERY_SECONDS
            due = self._agenda[0][0] if self._agenda else call_at
            self._wait(max(0.01, min(due, call_at, look_at) - time.monotonic()))

    def _wait(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Ended

    def _look(self, ours: LiveCast) -> CampaignCard | None:
        try:
            return self.api.campaigns.get(ours.campaign_id)
        except (NotFound, Gone):
            return None

    def _take_over(self, ours: LiveCast) -> None:
        """End the calls that an earlier run of this dialler left under way."""
        self._agenda.clear()
        self._queue.clear()
        self._busy.clear()
        for call in self.api.attempts.each(ours.campaign_id, state=["in_flight"]):
            if call.attempt is not None and call.contact_id in ours.persons:
                self._expect(ours, call.contact_id, call.attempt, connects=call.answered_by is None)

    def _call(self, ours: LiveCast) -> bool:
        """Place one call. False when nobody is to be called."""
        if not self._queue:
            self._queue.extend(self._to_call(ours))
        while self._queue:
            contact = self._queue.popleft()
            sender = ours.sender_ids[next(self._order) % len(ours.sender_ids)]
            try:
                placed = self.api.contacts.place_call(ours.campaign_id, contact, sender_id=sender)
            except ProblemError as problem:
                # In flight, paused, removed, not due: somebody else has acted, and the answer says so.
                log.debug("live_call_refused", code=problem.code)
                continue
            self._expect(ours, contact, int(placed.results[0]["attempt"]), connects=True)
            return True
        return False

    def _to_call(self, ours: LiveCast) -> list[UUID]:
        campaign, now = ours.campaign_id, self.clock()
        retries = self.api.contacts.list(campaign, status_label=["Retry"], limit=200).items
        due = [one.contact_id for one in retries if one.retry_at is not None and one.retry_at <= now]
        fresh = self.api.contacts.list(
            campaign, status=["not_started"], paused=False, sort="priority", order="desc", limit=_QUEUE
        ).items
        waiting = [*due, *(one.contact_id for one in fresh)]
        return [one for one in waiting if one in ours.persons and one not in self._busy][:_QUEUE]

    def _expect(self, ours: LiveCast, contact: UUID, attempt: int, *, connects: bool) -> None:
        how = answer(SEED + ours.run, ours.persons[contact], attempt, self.clock(), zone=ZONE)
        call = _Call(self.api, ours, contact, attempt, how)
        self._busy.add(contact)
        if connects and how.answered_by is not None:
            self._at(how.ring_seconds, call.connect)
        over = how.ring_seconds + how.duration_seconds
        self._at(over, lambda: self._ended(call))
        for seconds, happen in call.afterwards():
            self._at(over + seconds, happen)

    def _ended(self, call: "_Call") -> None:
        self._busy.discard(call.contact)
        call.end(self.clock())

    def _at(self, seconds: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (time.monotonic() + seconds / self.hurry, next(self._order), happen))

    def _until(self, now: float) -> None:
        while self._agenda and self._agenda[0][0] <= now:
            if self.stop.is_set():
                raise Ended
            _, _, happen = heapq.heappop(self._agenda)
            try:
                happen()
            except DrumbeatError as error:
                # Removed, deleted, lost meanwhile: a dialler has nothing to add to that.
                log.debug("live_report_refused", problem=type(error).__name__)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call, and what is reported of it."""

    api: Drumbeat
    ours: LiveCast
    contact: UUID
    attempt: int
    how: Answer

    def connect(self) -> None:
        """Somebody, or something, picked up."""
        if self.how.answered_by is not None:
            self.api.contacts.connect_call(
                self.ours.campaign_id, self.contact, self.attempt, answered_by=self.how.answered_by.value
            )

    def end(self, now: datetime) -> None:
        """Report the outcome, and what the conversation brought."""
        how, later = self.how, self.how.callback_in_seconds
        self.api.contacts.end_call(
            self.ours.campaign_id,
            self.contact,
            self.attempt,
            outcome=(how.reported_wrongly_as or how.outcome).value,
            duration_seconds=how.duration_seconds,
            callback_at=None if later is None else now + timedelta(seconds=later),
            permanent=how.permanent,
            conversation_id=self._conversation,
        )

    @property
    def _conversation(self) -> UUID | None:
        talks = MEANING[self.how.outcome].conversation
        return uuid5(self.contact, f"conversation:{self.attempt}") if talks else None

    def afterwards(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """What comes so many seconds after the end."""
        if self._conversation is not None:
            yield 8.0, self._judge
        if self.how.reported_wrongly_as is not None:
            yield 30.0, self._correct
        if self.how.opts_out:
            yield 20.0, self._opt_out

    def _judge(self) -> None:
        campaign, conversation = self.ours.campaign_id, self._conversation
        assert conversation is not None
        results = ((self.ours.primary_goal_id, self.how.goal), (self.ours.side_goal_id, self.how.side_goal))
        for goal, result in results:
            if result is not None:
                self.api.contacts.evaluate_goal(
                    campaign, self.contact, goal, result=result.value, conversation_id=conversation
                )
        if self.how.interest is not None:
            self.api.contacts.answer_analysis(
                campaign,
                self.contact,
                self.ours.analysis_id,
                conversation_id=conversation,
                value=self.how.interest,
            )

    def _correct(self) -> None:
        assert self.how.reported_wrongly_as is not None
        self.api.contacts.correct_outcome(
            self.ours.campaign_id,
            self.contact,
            self.attempt,
            from_=self.how.reported_wrongly_as.value,
            to=self.how.outcome.value,
            duration_seconds=self.how.duration_seconds,
            conversation_id=self._conversation,
            reason="listened to the recording again",
        )

    def _opt_out(self) -> None:
        self.api.contacts.opt_out(self.ours.campaign_id, self.contact, channel="phone")
