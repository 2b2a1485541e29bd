"""What decisions knew of a campaign at every moment of its history, as it was and under other settings."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, TypeAlias
from uuid import UUID

from drumbeat.aggregates.campaign import CAMPAIGN, terms_of
from drumbeat.aggregates.contact.terms import Terms
from drumbeat.events import Event, Fact
from drumbeat.events.values import CampaignSource, CampaignStatus, GoalRole
from drumbeat.simulate.variants import Variant

Moment: TypeAlias = tuple[datetime, int]
"""The time of an event, then its position.

Terms are read and not locked, and histories are appended in bulk: a contact's event may stand in the log behind a
change of its campaign that came later. Both have the time of the clock that they were decided at.
"""


class Timeline:
    """The terms of a campaign from moment to moment. The last ones hold for ever."""

    def __init__(self, points: Sequence[tuple[Moment, Terms]]) -> None:
        """`points`: the moment from which on each holds, ascending; there is at least one."""
        self._moments = [moment for moment, _ in points]
        self.terms = [terms for _, terms in points]

    @classmethod
    def of(cls, campaign_id: UUID, events: Iterable[tuple[int, Event[Fact]]]) -> "Timeline":
        """From the campaign's own events with their positions, oldest first; there is at least one."""
        state = None
        points: list[tuple[Moment, Terms]] = []
        for position, event in events:
            state = CAMPAIGN.evolve(state, event)
            terms = terms_of(state, campaign_id)
            if not points:
                points.append(((event.time, position), terms))
            elif points[-1][1] != terms:
                # Clocks of two machines may differ: what came later in the stream came later.
                points.append((max(points[-1][0], (event.time, position)), terms))
        return cls(points)

    def index_at(self, time: datetime, position: int) -> int:
        """Which of `terms` an event was decided under."""
        return max(0, bisect_right(self._moments, (time, position)) - 1)

    @property
    def imported(self) -> bool:
        """Whether the campaign is history that was recorded elsewhere."""
        return self.terms[-1].source is CampaignSource.IMPORT

    @property
    def primary_goal(self) -> UUID | None:
        """The goal that counts, as the campaign names it in the end."""
        goals = self.terms[-1].goals
        return next((goal_id for goal_id, role in goals.items() if role is GoalRole.PRIMARY), None)


class Point(NamedTuple):
    """What a decision is made with at one moment, under a variant.

    `worked`: the same terms, of a campaign that is dialled now. That is what an import never was, and what a
    campaign was whenever a call of it was placed.
    """

    terms: Terms
    worked: Terms


@dataclass(frozen=True, slots=True)
class Under:
    """A timeline under a variant: a point for each of its terms."""

    variant: Variant
    points: Sequence[Point]

    @classmethod
    def of(cls, timeline: Timeline, variant: Variant) -> "Under":
        """The same moments under the settings of a variant."""
        terms = [replace(one, settings=variant.over(one.settings)) for one in timeline.terms]
        running, api = CampaignStatus.RUNNING, CampaignSource.API
        return cls(variant, [Point(one, replace(one, status=running, source=api)) for one in terms])
