"""From a command to the decision of the same name: the command's fields are the decision's arguments."""

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias
from uuid import UUID

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.campaign import CAMPAIGN
from drumbeat.commands.command import Command, Done
from drumbeat.commands.loop import Run
from drumbeat.events import Fact

Decision: TypeAlias = Callable[..., tuple[Fact, ...]]
Handler: TypeAlias = Callable[[Any, Run], Done]


class OfCampaign(Command):
    """The base of commands on one campaign.

    With `expected_version` the command is refused `stale_version` when the stream stands at another one.
    """

    campaign_id: UUID
    expected_version: int | None = None


def on_campaign(decide: Decision) -> Handler:
    """The handler of an `OfCampaign` whose other fields are named like the decision's arguments."""
    return _on(CAMPAIGN, "campaign_id", decide, in_campaign=True)


def on_stream(aggregate: Aggregate[Any], id_field: str, decide: Decision) -> Handler:
    """The same for a stream that belongs to no campaign; `id_field` is the command's field with its id."""
    return _on(aggregate, id_field, decide, in_campaign=False)


def _on(aggregate: Aggregate[Any], id_field: str, decide: Decision, *, in_campaign: bool) -> Handler:
    wants_now = "now" in inspect.signature(decide).parameters

    def handle(command: Command, run: Run) -> Done:
        stream_id: UUID = getattr(command, id_field)
        arguments: dict[str, Any] = {
            name: getattr(command, name)
            for name in type(command).model_fields
            if name not in {id_field, "expected_version"}
        }
        if wants_now:
            arguments["now"] = run.now
        return run.one(
            aggregate,
            stream_id,
            lambda state: decide(state, **arguments),
            campaign_id=stream_id if in_campaign else None,
            expected_version=getattr(command, "expected_version", None),
        )

    return handle
