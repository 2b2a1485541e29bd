"""Requests that are made of several commands, each with an append of its own."""

from typing import ClassVar
from uuid import UUID

from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.loop import Plan, Run

_NO_STREAM = UUID(int=0)


class ClaimKey(Command):
    """Give an idempotency key to a request before its commands are given, so that no other one can have it.

    Writes no event. Refused `idempotency_key_reused` when another request has the key.
    """

    NAME: ClassVar[str] = "claim_key"


def _claim(_command: ClaimKey, run: Run) -> Done:
    return run.many(lambda: Plan(_NO_STREAM, 0, ()))


HANDLERS: dict[type[Command], Handler] = {ClaimKey: _claim}
