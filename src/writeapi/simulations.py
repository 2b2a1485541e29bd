"""What a campaign would have come to under other settings. Nothing is written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

import msgspec
from anyio import CapacityLimiter, WouldBlock, to_thread
from fastapi import Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from drumbeat.aggregates.refusals import RefusalCode as No
from drumbeat.aggregates.refusals import Refused
from drumbeat.events import Event, Fact
from drumbeat.events.values import Many
from drumbeat.events.workspace import KeyScope
from drumbeat.simulate.answer import CampaignMeasures, Rates, VariantMeasures
from drumbeat.simulate.history import Happened
from drumbeat.simulate.run import Simulation
from drumbeat.simulate.timeline import Timeline
from drumbeat.simulate.variants import Variant, read_variants
from drumbeat.web.declaring import answered, declared
from drumbeat.web.problems import NotReady
from drumbeat.web.read_models import CampaignDeleted, PositionNotReached, TooManyWaiters, UnknownCampaign
from drumbeat.writeapi.bodies import JSON, WITH_BODY, body_of, described, read_body
from drumbeat.writeapi.commanding import ALWAYS, Services, parameter_router
from drumbeat.writeapi.problems import REFUSALS, SimulationUnderWay, refused

router = parameter_router("simulations", KeyScope.READ)

MOST_COST: Final = 1_000_000
Rate = Annotated[float, Field(ge=0, le=MOST_COST, allow_inf_nan=False)]


class Histories(Protocol):
    """A campaign's recorded history, as the read side finds it at a position that has been waited for."""

    def seen_at(self) -> tuple[int, datetime, str]:
        """The position that the history is read up to, the instant at which it is looked at, and their token."""
        ...

    def are_more_than(self, most: int) -> bool:
        """Whether the campaign has more contacts than that."""
        ...

    def own_events(self, *, up_to: int) -> Sequence[tuple[int, Event[Fact]]]:
        """The campaign's own events with their positions, oldest first."""
        ...

    def histories(self, *, up_to: int) -> Iterator[Sequence[Happened]]:
        """Every contact with all its events, contact after contact."""
        ...


class Simulate(BaseModel):
    """Variants of a campaign's settings, each by the names of the settings that it changes; at most 50.

    `max_retries` is 0 to 1,000 or null (none), `retry_interval_seconds` and `completion_timeout_seconds` are as a
    campaign's, or texts with a unit under the name without `_seconds`, `callback_retry` is auto or manual.
    """

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
    variants: Many[dict[str, Any]] = Field(min_length=1)
    cost_per_call: Rate | None = None
    """Of each call placed, in whatever money."""
    cost_per_minute: Rate | None = None
    """Of each minute on the line, by the second."""


class SimulatedCampaign(msgspec.Struct, kw_only=True):
    """A campaign as it was (`real`) and under each variant, in their order. `events`: how many were replayed.

    `as_of` is `position@instant`: the history is read up to the position, and waits that were due by the instant
    have ended.
    """

    campaign_id: UUID
    as_of: str
    events: int
    real: CampaignMeasures
    variants: list[VariantMeasures]


@router.post(
    "/campaigns/{campaign_id}/simulations",
    summary="What it would have come to under other settings",
    response_class=Response,
    responses={
        200: answered(SimulatedCampaign, "What it came to, and would have come to"),
        **declared(
            *ALWAYS, *WITH_BODY, NotReady, UnknownCampaign, CampaignDeleted, PositionNotReached, TooManyWaiters,
            SimulationUnderWay,
            *(REFUSALS[no] for no in (No.OUT_OF_RANGE, No.INVALID_SETTINGS, No.NOT_FOR_THIS_KIND)),
        ),
    },
    openapi_extra=described(Simulate),
)  # fmt: skip
async def simulate_campaign(
    request: Request,
    campaign_id: UUID,
    raw: Annotated[bytes, Depends(body_of)],
    *,
    at_least: Annotated[
        str | None,
        Query(
            pattern="^[0-9]{1,18}(@.*)?$",
            description="Wait until the read models are at this position; left out: for all that the log holds.",
        ),
    ] = None,
) -> Response:
    """The recorded history of each contact is replayed through the decisions under every variant. A recorded later
    attempt counts as the retry having been due; what the history cannot know is null, or told by `unknown`.
    Nothing is written. One simulation runs at a time in a process, over no more contacts than
    `DRUMBEAT_MAX_SIMULATED_CONTACTS`."""
    del at_least  # who opens the source reads it
    asked = read_body(Simulate, request, raw)
    services: Services = request.app.state.writing
    try:
        variants = read_variants(asked.variants)
        source = await services.source(request, campaign_id)
        with _alone(services.simulating):
            rates = Rates(_exact(asked.cost_per_call), _exact(asked.cost_per_minute))
            most = services.simulated_contacts
            return await to_thread.run_sync(_answer, campaign_id, variants, rates, source, most)
    except Refused as refusal:
        raise refused(refusal) from refusal


@contextmanager
def _alone(limiter: CapacityLimiter) -> Iterator[None]:
    # It takes an interpreter for itself: a second one at once would only make both, and all reads, slower.
    me = object()
    try:
        limiter.acquire_on_behalf_of_nowait(me)
    except WouldBlock:
        raise SimulationUnderWay("a simulation is under way in this process; try again when it is done") from None
    try:
        yield
    finally:
        limiter.release_on_behalf_of(me)


def _exact(rate: float | None) -> Decimal | None:
    return None if rate is None else Decimal(str(rate))


def _answer(
    campaign_id: UUID, variants: Sequence[Variant], rates: Rates, source: Histories, most: int | None
) -> Response:
    position, instant, as_of = source.seen_at()
    if most is not None and source.are_more_than(most):
        # A simulation runs to its end, whoever still waits for it.
        raise Refused(
            No.OUT_OF_RANGE,
            f"the campaign has more than {most:,} contacts, the most that are simulated over HTTP here;"
            " `drumbeat simulate` takes any number",
            field="contacts",
            value=f"more than {most}",
            allowed=f"at most {most:,} contacts (DRUMBEAT_MAX_SIMULATED_CONTACTS)",
        )
    timeline = Timeline.of(campaign_id, source.own_events(up_to=position))
    simulation = Simulation(timeline, variants, until=instant)
    for history in source.histories(up_to=position):
        simulation.add(history)
    found = simulation.answer(rates)
    answer = SimulatedCampaign(
        campaign_id=campaign_id,
        as_of=as_of,
        events=found.events,
        real=found.real,
        variants=found.variants,
    )
    return Response(msgspec.json.encode(answer), 200, {"Cache-Control": "no-store"}, JSON)
