"""A route declares the refusals that its command can meet: all of them, and no other."""

import inspect
import pkgutil
from importlib import import_module
from types import FunctionType
from typing import Any

import pytest

from drumbeat import aggregates
from drumbeat.access import person
from drumbeat.aggregates.refusals import RefusalCode as No
from drumbeat.commands import limits
from drumbeat.commands.command import Command
from drumbeat.commands.dispatch import HANDLERS
from drumbeat.web.app import create_app
from drumbeat.web.authenticating import OwnProcess
from drumbeat.writeapi.app import Deps, writing
from drumbeat.writeapi.commanding import ANY_COMMAND
from drumbeat.writeapi.problems import REFUSALS
from support.reachable import refusals

_OF_A_ROW = {No.CAMPAIGN_OVER, No.DUPLICATE_ADDRESS, No.REMOVED, No.SUPPRESSED}
TOLD_BY_ROW = {"enrol_contacts": _OF_A_ROW, "copy_contacts": _OF_A_ROW}
"""What a row is answered, not the request."""
BY_NAME = {command.NAME: command for command in HANDLERS}
CODES = {kind.code: code for code, kind in REFUSALS.items()}


def operations() -> dict[str, dict[str, Any]]:
    nothing: Any = None
    deps = Deps(commands=nothing, dry=nothing, uploads=nothing, rebuilds=nothing, source=nothing)
    app = create_app([writing(deps)], OwnProcess(person))
    every = [operation for methods in app.openapi()["paths"].values() for operation in methods.values()]
    return {one["operationId"]: one for one in every if one["operationId"] in BY_NAME}


OPERATIONS = operations()


def declared(operation: dict[str, Any]) -> set[No]:
    return {
        CODES[code]
        for answer in operation["responses"].values()
        for code in answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
        if code in CODES
    }


def can_meet(command: type[Command]) -> frozenset[No]:
    handler = HANDLERS[command]
    assert isinstance(handler, FunctionType)
    versioned = {No.STALE_VERSION} if "expected_version" in command.model_fields else set()
    found = refusals(handler) | {*ANY_COMMAND} | {*limits.refusals_of(command)} | versioned
    return found - TOLD_BY_ROW.get(command.NAME, set())


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_route_declares_exactly_the_refusals_that_its_command_can_meet(name: str) -> None:
    of_any_body = {No.BATCH_TOO_LARGE} if "requestBody" in OPERATIONS[name] else set()
    assert declared(OPERATIONS[name]) == can_meet(BY_NAME[name]) | of_any_body


def test_nothing_is_refused_where_reading_the_code_would_not_find_it() -> None:
    for module in pkgutil.walk_packages(aggregates.__path__, "drumbeat.aggregates."):
        for value in vars(import_module(module.name)).values():
            if inspect.isclass(value) and value.__module__ == module.name:
                methods = [one for one in vars(value).values() if inspect.isfunction(one)]
                assert [one.__qualname__ for one in methods if "RefusalCode" in one.__code__.co_names] == []
