"""A state machine over the lifecycle commands, against a model that shares no code with the decisions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from drumbeat.aggregates.campaign import CAMPAIGN, Campaign
from drumbeat.aggregates.campaign.ending import archive_campaign, cancel_campaign, delete_campaign, reopen_campaign
from drumbeat.aggregates.campaign.launching import (
    activate_campaign,
    launch_campaign,
    open_audience,
    start_campaign,
)
from drumbeat.aggregates.campaign.running import (
    close_window,
    complete_campaign,
    extend_campaign,
    finish_finalizing,
    mark_audience_processed,
    pause_campaign,
    resume_campaign,
)
from drumbeat.events.values import CampaignKind
from support.campaigns import ready
from support.given import NOW, Given, given

HOUR = timedelta(hours=1)


@dataclass
class Model:
    """What a person would write down about a campaign on paper."""

    kind: str
    end: datetime | None
    state: str = "draft"
    start: datetime | None = None
    before_pause: str = ""
    closed: bool = False
    processed: bool = False
    just_reopened: bool = False
    reason: str = ""
    drain: datetime = NOW

    @property
    def survey(self) -> bool:
        return self.kind == "survey"

    def begin(self) -> None:
        self.state = "launching" if self.survey else "running"

    def finalize(self, reason: str, now: datetime) -> None:
        self.state, self.reason, self.drain = "finalizing", reason, now + HOUR

    def launch(self, start: datetime | None, now: datetime) -> str:
        if self.state not in {"draft", "scheduled"}:
            return "wrong_state"
        start = start or now
        if self.end is not None and self.end <= max(start, now):
            return "invalid_settings"
        if start > now:
            self.state, self.start = "scheduled", start
        else:
            self.begin()
        return ""

    def start_by_clock(self, now: datetime) -> str:
        if self.state != "scheduled":
            return ""
        assert self.start is not None
        if now < self.start:
            return "not_yet"
        self.begin()
        return ""

    def activate(self) -> str:
        if self.state == "launching":
            self.state = "running"
        return ""

    def pause(self) -> str:
        if self.state not in {"scheduled", "launching", "running"}:
            return "wrong_state"
        self.before_pause, self.state = self.state, "paused"
        return ""

    def resume(self, now: datetime) -> str:
        if self.state != "paused":
            return "wrong_state"
        if self.closed or (self.end is not None and self.end <= now):
            return "window_closed"
        self.just_reopened = False
        if self.processed and not self.survey:
            self.finalize("all_processed", now)
        elif self.before_pause == "scheduled" and self.start is not None and self.start <= now:
            self.begin()
        else:
            self.state = self.before_pause
        return ""

    def complete(self, now: datetime) -> str:
        if self.state not in {"running", "paused"}:
            return "wrong_state"
        self.closed = True
        self.finalize("manual", now)
        return ""

    def extend(self, end: datetime, now: datetime) -> str:
        if self.state not in {"running", "paused"}:
            return "wrong_state"
        if self.end is None:
            return "no_end"
        if end <= self.end or end <= now:
            return "end_not_later"
        self.end, self.closed = end, False
        return ""

    def close(self, now: datetime) -> str:
        if self.state not in {"launching", "running", "paused"} or self.end is None or self.closed:
            return ""
        if now < self.end:
            return "not_yet"
        self.closed = True
        if self.state != "paused":
            self.finalize("window_closed", now)
        return ""

    def process(self, now: datetime) -> str:
        if self.survey:
            return ""
        if self.state == "running":
            self.processed = True
            self.finalize("all_processed", now)
        elif self.state == "paused" and not self.just_reopened:
            self.processed = True
        return ""

    def finish(self, drained: bool, now: datetime) -> str:
        if self.state != "finalizing":
            return ""
        if not drained and now < self.drain:
            return "not_yet"
        self.state = "completed"
        return ""

    def enrol(self) -> str:
        if self.state == "deleted":
            return "deleted"
        if self.state == "paused":
            self.processed = False
        return ""

    def cancel(self) -> str:
        if self.state not in {"scheduled", "launching", "running", "paused"}:
            return "wrong_state"
        self.state = "cancelled"
        return ""

    def reopen(self, end: datetime | None, now: datetime) -> str:
        if self.state != "completed":
            return "wrong_state"
        if end is not None and end <= now:
            return "end_not_later"
        if end is None and self.end is not None and self.end <= now:
            return "end_passed"
        self.state, self.before_pause, self.end = "paused", "running", end or self.end
        self.closed = self.processed = False
        self.just_reopened = True
        return ""

    def archive(self) -> str:
        if self.state in {"launching", "finalizing"}:
            return "wrong_state"
        self.state = "archived"
        return ""

    def delete(self) -> str:
        if self.state not in {"draft", "completed", "cancelled", "archived"}:
            return "wrong_state"
        self.state = "deleted"
        return ""


hours = st.integers(-3, 30)


class Lifecycle(RuleBasedStateMachine):
    """Every command at any time, with the clock moving on its own."""

    campaign: Given[Campaign]
    model: Model
    now: datetime
    commands: int = 0

    @initialize(
        kind=st.sampled_from([CampaignKind.VOICE_AGENT, CampaignKind.SURVEY]),
        ends=st.booleans(),
        after=st.integers(5, 40),
        ahead=st.none() | st.integers(-1, 8),
    )
    def draft(self, kind: CampaignKind, ends: bool, after: int, ahead: int | None) -> None:
        end = NOW + after * HOUR if ends or kind is CampaignKind.SURVEY else None
        self.campaign = given(CAMPAIGN, *ready(kind=kind, end_at=end))
        self.model = Model(kind=kind.value, end=end)
        self.now = NOW
        self.launch(ahead)

    def both(self, expected: str, decide: Any, **arguments: Any) -> None:
        self.commands += 1
        answer = self.campaign.when(decide, **arguments)
        code = answer.refused.code if answer.refused else ""
        if self.model.state == "deleted" and code == "deleted":
            return
        assert code == expected, (
            f"{decide.__name__}: {code or answer.facts} but the model says {expected or 'yes'}"
        )
        if answer.facts is not None:
            self.campaign = answer.then(*answer.facts)

    @rule(hours=st.integers(1, 12))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(ahead=st.none() | hours)
    def launch(self, ahead: int | None) -> None:
        start = None if ahead is None else self.now + ahead * HOUR
        self.both(self.model.launch(start, self.now), launch_campaign, start_at=start, now=self.now)

    @rule()
    def start(self) -> None:
        self.both(self.model.start_by_clock(self.now), start_campaign, now=self.now)

    @rule()
    def activate(self) -> None:
        self.both(self.model.activate(), activate_campaign)

    @rule()
    def pause(self) -> None:
        self.both(self.model.pause(), pause_campaign)

    @rule()
    def resume(self) -> None:
        self.both(self.model.resume(self.now), resume_campaign, now=self.now)

    @rule()
    def complete(self) -> None:
        self.both(self.model.complete(self.now), complete_campaign, now=self.now)

    @rule(ahead=hours)
    def extend(self, ahead: int) -> None:
        end = self.now + ahead * HOUR
        self.both(self.model.extend(end, self.now), extend_campaign, end_at=end, now=self.now)

    @rule()
    def close(self) -> None:
        self.both(self.model.close(self.now), close_window, now=self.now)

    @rule()
    def process(self) -> None:
        self.both(self.model.process(self.now), mark_audience_processed, now=self.now)

    @rule(drained=st.booleans())
    def finish(self, drained: bool) -> None:
        self.both(self.model.finish(drained, self.now), finish_finalizing, drained=drained, now=self.now)

    @rule()
    def enrol(self) -> None:
        self.both(self.model.enrol(), open_audience)

    @rule(ahead=st.none() | hours)
    def reopen(self, ahead: int | None) -> None:
        end = None if ahead is None else self.now + ahead * HOUR
        has_report = self.model.state == "completed" and self.model.survey
        if not has_report or end is not None:
            self.both(self.model.reopen(end, self.now), reopen_campaign, end_at=end, now=self.now)

    # Stories of several commands reach quickly what single steps seldom do.
    @rule()
    def pause_over_the_end(self) -> None:
        self.pause()
        if self.model.end is not None:
            self.now = max(self.now, self.model.end)
        self.close()

    @rule(ahead=st.integers(1, 9))
    def finish_and_reopen(self, ahead: int) -> None:
        self.complete()
        self.finish(drained=True)
        self.reopen(ahead)

    @rule(ahead=st.integers(1, 9))
    def extend_and_resume(self, ahead: int) -> None:
        self.extend(ahead)
        self.resume()

    @rule()
    def process_while_paused(self) -> None:
        self.pause()
        self.process()
        self.enrol()
        self.resume()

    # The ends come late, so that a run sees more than them.
    @precondition(lambda self: self.commands > 30)
    @rule()
    def cancel(self) -> None:
        self.both(self.model.cancel(), cancel_campaign, reason="budget")

    @precondition(lambda self: self.commands > 40)
    @rule()
    def archive(self) -> None:
        if self.model.state != "deleted":
            self.both(self.model.archive(), archive_campaign)

    @precondition(lambda self: self.commands > 40)
    @rule()
    def delete(self) -> None:
        self.both(self.model.delete(), delete_campaign)

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, "campaign"):
            return
        state = self.campaign.state
        assert state is not None
        assert self.model.state == state.STATUS
        assert state.core.settings.end_at == self.model.end
        if self.model.state in {"finalizing", "completed"}:
            assert getattr(state, "completion_reason", None) == self.model.reason


Lifecycle.TestCase.settings = hypothesis_settings(max_examples=200, stateful_step_count=40, deadline=None)
TestLifecycle = Lifecycle.TestCase
