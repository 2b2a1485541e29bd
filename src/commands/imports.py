"""Commands around the recording of a history."""

from typing import ClassVar

from drumbeat.aggregates.campaign import imports
from drumbeat.commands.command import Command
from drumbeat.commands.deciding import Handler, OfCampaign, on_campaign


class StartImport(OfCampaign):
    """A history begins to be recorded."""

    NAME: ClassVar[str] = "start_import"
    file_hash: str
    mapping_hash: str
    rows: int | None = None


class FinishImport(OfCampaign):
    """Every row was accepted or refused, and every contact finished."""

    NAME: ClassVar[str] = "finish_import"
    accepted: int
    refused: int


HANDLERS: dict[type[Command], Handler] = {
    StartImport: on_campaign(imports.start_import),
    FinishImport: on_campaign(imports.finish_import),
}
