"""The demonstration: a campaign that real commands have worked on for two simulated weeks, and that still runs.

The same seed gives the same campaign, whatever the day. It is loaded once: a run that was interrupted is cancelled
and deleted, and the next one begins anew; a finished one is found again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from threading import Event
from uuid import UUID, uuid4

from drumbeat.aggregates.campaign import CAMPAIGN
from drumbeat.aggregates.refusals import Refused
from drumbeat.commands.campaign import (
    CancelCampaign,
    ChangeSettings,
    DeleteCampaign,
    LaunchCampaign,
    PauseCampaign,
    RenameCampaign,
    ResumeCampaign,
)
from drumbeat.commands.command import Command, Done
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.enrolment import ContactRow, EnrolContacts
from drumbeat.commands.ledger import Ledger
from drumbeat.commands.senders import ReportSpamScore
from drumbeat.events import Principal
from drumbeat.events.values import PauseReason
from drumbeat.intake.buffered import BufferedLedger
from drumbeat.intake.demonstration_plan import (
    NAME,
    NAME_WHILE_LOADING,
    Cast,
    cast,
    first_morning,
    setting_up,
    working_days,
)
from drumbeat.intake.dialler import Dialler
from drumbeat.intake.simulator import Person, people

SEED = 1
_CALLS_A_DAY_PER_CONTACT = 0.3
_DAYS_A_WEEK = 5


class Interrupted(Exception):
    """Loading was told to stop; the next run begins anew."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading came to. `repeated`: the demonstration was there already, and nothing was written."""

    campaign_id: UUID
    commands: int
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """Loads the demonstration. `person` runs the campaign, `provider` reports its calls, `policies` end contacts.

    Everything happens before `now`, the real time. For one thread of one process at a time.
    """

    ledger: Ledger
    commands_on: Callable[[Ledger], Commands]
    """Makes what carries out commands on a ledger: while loading, on one that writes behind."""
    person: Principal
    provider: Principal
    policies: Principal
    now: datetime
    people: int
    seed: int = SEED
    kept_events: int = 2_000
    """Events that are written together."""

    def load(self, *, stop: Event, on_progress: Callable[[float], None] = lambda _share: None) -> Loaded:
        """Load it, or find it again. `on_progress` hears the share that is done, 0 to 1.

        Raises `Interrupted` when `stop` is set meanwhile, and `LedgerUnavailable`: then load again.
        """
        for run in count(1):
            ours = cast(self.person.workspace_id, self.seed, run)
            campaign = self.ledger.load(CAMPAIGN, ours.campaign_id).state
            if campaign is None:
                return Loaded(ours.campaign_id, _Play(self, ours, stop, on_progress).perform(), repeated=False)
            if campaign.core.name != NAME_WHILE_LOADING:
                return Loaded(ours.campaign_id, 0, repeated=True)
            self._abandon(ours)
        raise AssertionError("there is always a next run")

    def _abandon(self, ours: Cast) -> None:
        commands = self.commands_on(self.ledger)
        for command in (
            CancelCampaign(campaign_id=ours.campaign_id, reason="loading was interrupted"),
            DeleteCampaign(campaign_id=ours.campaign_id),
        ):
            try:
                commands.execute(command, self.person, now=self.now)
            except Refused:
                # A draft cannot be cancelled, and what is deleted stays deleted.
                continue


class _Play:
    """One run of the demonstration, from the draft to the name that says it is whole."""

    def __init__(
        self, demonstration: Demonstration, ours: Cast, stop: Event, on_progress: Callable[[float], None]
    ) -> None:
        self._demonstration = demonstration
        self._cast = ours
        self._stop = stop
        self._on_progress = on_progress
        self._given = 0
        self._ledger = BufferedLedger(demonstration.ledger, limit_events=demonstration.kept_events)
        self._commands = demonstration.commands_on(self._ledger)
        self._dialler = Dialler(ours, demonstration.seed, self._reported, self._timed_out)

    def perform(self) -> int:
        """Play it all; the number of commands."""
        days = working_days(first_morning(self._demonstration.now))
        first = days[0][0]
        for minute, command in enumerate(setting_up(self._cast)):
            self._by_hand(command, first - timedelta(days=3) + timedelta(minutes=3 * minute))
        self._enrol(people(self._demonstration.seed, self._demonstration.people), first - timedelta(days=1))
        self._by_hand(LaunchCampaign(campaign_id=self._cast.campaign_id), first)
        for number, (opens, closes) in enumerate(days):
            self._before(number, opens)
            self._day(opens, closes, share=(number / len(days), 1 / len(days)))
            self._after(number, closes)
        self._by_hand(
            RenameCampaign(campaign_id=self._cast.campaign_id, name=NAME), days[-1][1] + timedelta(hours=3)
        )
        self._ledger.flush()
        self._on_progress(1.0)
        return self._given

    def _enrol(self, persons: list[Person], now: datetime) -> None:
        rows = tuple(
            ContactRow(
                reference=person.reference,
                name=person.name,
                phone=person.phone,
                zone=person.zone,
                priority=person.priority,
                tags=person.tags,
            )
            for person in persons
        )
        self._by_hand(EnrolContacts(campaign_id=self._cast.campaign_id, rows=rows), now)
        self._dialler.take(persons)

    def _day(self, opens: datetime, closes: datetime, *, share: tuple[float, float]) -> None:
        pause = (closes - opens) / (self._demonstration.people * _CALLS_A_DAY_PER_CONTACT)
        now = opens
        while now < closes:
            if self._stop.is_set():
                raise Interrupted
            self._dialler.until(now)
            self._dialler.call(now)
            self._on_progress(share[0] + share[1] * ((now - opens) / (closes - opens)))
            now += pause
        self._dialler.until(closes + timedelta(hours=2))

    def _before(self, day: int, opens: datetime) -> None:
        if day == _DAYS_A_WEEK:
            self._by_hand(ResumeCampaign(campaign_id=self._cast.campaign_id), opens - timedelta(minutes=20))
        if day == 2:
            changes = {"retry_interval_seconds": 3 * 3600}
            self._by_hand(
                ChangeSettings(campaign_id=self._cast.campaign_id, changes=changes), opens - timedelta(minutes=5)
            )

    def _after(self, day: int, closes: datetime) -> None:
        evening = closes + timedelta(hours=2, minutes=5)
        report = ReportSpamScore(sender_id=self._cast.sender_ids[2], score=min(1 + day, 6), source="carrier")
        self._reported(report, evening)
        if day == _DAYS_A_WEEK - 1:
            pause = PauseCampaign(
                campaign_id=self._cast.campaign_id,
                pause_reason=PauseReason.REVIEW,
                note="The first week is looked at before we go on.",
            )
            self._by_hand(pause, evening + timedelta(minutes=10))

    def _by_hand(self, command: Command, now: datetime) -> Done:
        return self._give(command, self._demonstration.person, now)

    def _reported(self, command: Command, now: datetime) -> Done:
        return self._give(command, self._demonstration.provider, now)

    def _timed_out(self, command: Command, now: datetime) -> Done:
        return self._give(command, self._demonstration.policies, now)

    def _give(self, command: Command, principal: Principal, now: datetime) -> Done:
        self._given += 1
        alone = replace(principal, correlation_id=uuid4())
        return self._commands.execute(command, alone, now=now)
