"""Requests that are made of several commands, each with an append of its own."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field

from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.loop import Plan, Run

_NO_STREAM = UUID(int=0)


class ClaimKey(Command):
    """Give an idempotency key to a request before its commands are given, so that no other one can have it.

    Writes no event. `Done.results` has what was `found` when the key was claimed for the first time. Refused
    `idempotency_key_reused` when another request has the key.
    """

    NAME: ClassVar[str] = "claim_key"
    found: dict[str, int] = Field(default_factory=dict)


def _claim(command: ClaimKey, run: Run) -> Done:
    return run.many(lambda: Plan(_NO_STREAM, 0, (), (command.found,)))


HANDLERS: dict[type[Command], Handler] = {ClaimKey: _claim}
