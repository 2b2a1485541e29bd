"""Commands as they are seen from outside: counted, and logged under their correlation id."""

from datetime import datetime

import structlog

from drumbeat import telemetry
from drumbeat.aggregates.refusals import Refused
from drumbeat.commands.command import Command, Done
from drumbeat.commands.dispatch import Commands
from drumbeat.commands.loop import Idempotency
from drumbeat.events import Principal

log = structlog.get_logger(__name__)


class ObservedCommands(Commands):
    """Carries out commands like `Commands`. One record each, at debug level; refusals at info."""

    def execute(
        self, command: Command, principal: Principal, *, now: datetime, idempotency: Idempotency | None = None
    ) -> Done:
        """See `Commands`."""
        with telemetry.correlated(principal.correlation_id):
            try:
                done = super().execute(command, principal, now=now, idempotency=idempotency)
            except Refused as refused:
                telemetry.COMMANDS.labels(command.NAME, refused.code.value).inc()
                log.info("command_refused", command=command.NAME, code=refused.code.value, actor=principal.actor)
                raise
            outcome = "done" if done.facts else "nothing"
            telemetry.COMMANDS.labels(command.NAME, outcome).inc()
            log.debug(
                "command_done",
                command=command.NAME,
                actor=principal.actor,
                stream_id=str(done.stream_id),
                position=done.position,
                events=len(done.facts),
            )
            return done


def count_policy(policy: str, outcome: str) -> None:
    """A policy gave a command."""
    telemetry.POLICY_COMMANDS.labels(policy, outcome).inc()
