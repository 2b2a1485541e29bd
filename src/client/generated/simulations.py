"""Operations on simulations.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import SimulatedCampaign
from drumbeat.client.values import AtLeast, Id


class SimulationsOperations:
    """Operations on simulations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def simulate_campaign(
        self,
        campaign_id: Id,
        *,
        variants: Sequence[Mapping[str, Any]],
        cost_per_call: float | UnsetType | None = UNSET,
        cost_per_minute: float | UnsetType | None = UNSET,
        at_least: AtLeast | None = None,
    ) -> SimulatedCampaign:
        """What it would have come to under other settings.

        The recorded history of each contact is replayed through the decisions under every variant. A
        recorded later attempt counts as the retry having been due; what the history cannot know is null, or
        told by `unknown`. Nothing is written. One simulation runs at a time in a process, over no more
        contacts than `DRUMBEAT_MAX_SIMULATED_CONTACTS`.

        `POST /campaigns/{campaign_id}/simulations`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/simulations", campaign_id=campaign_id),
            query={"at_least": at_least},
            body={"variants": variants, "cost_per_call": cost_per_call, "cost_per_minute": cost_per_minute},
            answers=SimulatedCampaign,
        )
