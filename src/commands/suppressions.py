"""Commands on the do-not-contact list. The address is given; only its keyed hash is kept."""

from typing import ClassVar
from uuid import UUID

from drumbeat.aggregates.suppression import SUPPRESSION, add_suppression, lift_suppression
from drumbeat.aggregates.values import country_code, not_acceptable
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.loop import Run
from drumbeat.events.addresses import ALLOWED, normalized_address
from drumbeat.events.ids import suppression_id
from drumbeat.events.values import Channel


class AddSuppression(Command):
    """Put an address on the do-not-contact list.

    `country` (ISO 3166-1) is that of a phone number that names none.
    """

    NAME: ClassVar[str] = "add_suppression"
    PERSONAL: ClassVar[frozenset[str]] = frozenset({"address"})
    expected_version: int | None = None
    channel: Channel
    address: str
    country: str | None = None
    reason: str
    source: str = "api"


class LiftSuppression(Command):
    """Take it off the list; nobody is revived by this."""

    NAME: ClassVar[str] = "lift_suppression"
    PERSONAL: ClassVar[frozenset[str]] = frozenset({"address"})
    expected_version: int | None = None
    channel: Channel
    address: str
    country: str | None = None
    reason: str


def _stream_of(command: AddSuppression | LiftSuppression, run: Run) -> UUID:
    country = country_code(command.country) if command.country else None
    address = normalized_address(command.channel, command.address, country)
    if address is None:
        raise not_acceptable("address", ALLOWED[command.channel])
    return suppression_id(run.keys.key(run.principal.workspace_id), command.channel, address)


def _add(command: AddSuppression, run: Run) -> Done:
    return run.one(
        SUPPRESSION,
        _stream_of(command, run),
        lambda state: add_suppression(state, reason=command.reason, source=command.source),
        expected_version=command.expected_version,
    )


def _lift(command: LiftSuppression, run: Run) -> Done:
    return run.one(
        SUPPRESSION,
        _stream_of(command, run),
        lambda state: lift_suppression(state, reason=command.reason),
        expected_version=command.expected_version,
    )


HANDLERS: dict[type[Command], Handler] = {AddSuppression: _add, LiftSuppression: _lift}
