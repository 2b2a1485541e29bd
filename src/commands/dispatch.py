"""From a command to its handler: a plain dict, and the one function that everything outside calls."""

from datetime import datetime
from typing import Any

from drumbeat.aggregates.values import require_storable
from drumbeat.commands import (
    calls,
    campaign,
    contacts,
    enrolment,
    evaluations,
    goals,
    history,
    imports,
    people,
    rebuilds,
    reports,
    requests,
    schedules,
    senders,
    suppressions,
    uploads,
    workspaces,
)
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.ledger import Ledger
from drumbeat.commands.limits import Limits
from drumbeat.commands.loop import Idempotency, Run, WorkspaceKeys
from drumbeat.commands.person_file import person_file
from drumbeat.events import Principal

# Each module of commands ends with its own part of the table.
HANDLERS: dict[type[Command], Handler] = {
    **campaign.HANDLERS,
    **goals.HANDLERS,
    **imports.HANDLERS,
    **rebuilds.HANDLERS,
    **reports.HANDLERS,
    **senders.HANDLERS,
    **schedules.HANDLERS,
    **suppressions.HANDLERS,
    **workspaces.HANDLERS,
    **enrolment.HANDLERS,
    **contacts.HANDLERS,
    **calls.HANDLERS,
    **evaluations.HANDLERS,
    **history.HANDLERS,
    **people.HANDLERS,
    **requests.HANDLERS,
    **uploads.HANDLERS,
}


class Commands:
    """Carries out commands on a ledger. May be used by many threads at once."""

    def __init__(self, ledger: Ledger, keys: WorkspaceKeys, limits: Limits | None = None) -> None:
        self._ledger = ledger
        self._keys = keys
        self._limits = limits or Limits()

    def execute(
        self, command: Command, principal: Principal, *, now: datetime, idempotency: Idempotency | None = None
    ) -> Done:
        """Carry out one command. Raises `Refused` with the reason; nothing is written then.

        With an idempotency key the same command again gives the first answer and writes nothing; another command
        under the same key is refused `idempotency_key_reused`. A text that no database could keep is refused
        `out_of_range`, whatever the command; what is larger than the limits allow, as `Limits` says.
        """
        self._limits.require(command)
        for name in type(command).model_fields:
            if name not in command.JUDGED_BY_ROW:
                require_storable(name, getattr(command, name))
        return HANDLERS[type(command)](command, self._run(command, principal, now, idempotency))

    def person(self, reference: str, principal: Principal, *, now: datetime) -> dict[str, Any]:
        """Everything that is known of a person, as JSON. Raises `Refused` (`unknown_stream`, `out_of_range`)."""
        return person_file(Run(ledger=self._ledger, keys=self._keys, principal=principal, now=now), reference)

    def _run(self, command: Command, principal: Principal, now: datetime, idempotency: Idempotency | None) -> Run:
        return Run(
            ledger=self._ledger,
            keys=self._keys,
            principal=principal,
            now=now,
            idempotency=idempotency,
            fingerprint=(idempotency.request or command.fingerprint()) if idempotency else b"",
        )
