"""Which refusals a command can meet: those named in the code that its handler can reach.

Followed are names of our own functions and classes, from their globals, closures and defaults; what is called on a
value is not. It finds too much rather than too little.
"""

import dis
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from drumbeat.aggregates.campaign.guards import permitted
from drumbeat.aggregates.campaign.launching import open_audience
from drumbeat.aggregates.refusals import RefusalCode
from drumbeat.events.lifecycle import ALLOWED_FROM, NOT_FOR_AN_IMPORT, ONLY_FOR

_OURS = ("drumbeat.aggregates", "drumbeat.commands")
_OF_EVERY_COMMAND = {"drumbeat.commands.loop", "drumbeat.commands.dispatch"}
"""What the loop can refuse, it can refuse of every command."""
_NEVER_REFUSES = {open_audience}
"""It is asked once the enrolment or the retry is allowed, which is from the same states."""


def refusals(handler: FunctionType) -> frozenset[RefusalCode]:
    """The codes that a handler can reach."""
    found: set[RefusalCode] = set()
    seen: set[int] = set()
    pending: list[Any] = [handler]
    while pending:
        one = pending.pop()
        if id(one) in seen or not _is_ours(one):
            continue
        seen.add(id(one))
        codes, next_ones = _read(one)
        found |= codes
        pending += next_ones
    return frozenset(found)


def _is_ours(one: Any) -> bool:
    module = getattr(one, "__module__", None) or ""
    is_code = inspect.isfunction(one) or inspect.isclass(one)
    return (
        is_code
        and module.startswith(_OURS)
        and module not in _OF_EVERY_COMMAND
        and one not in {permitted, *_NEVER_REFUSES}
    )


def _read(one: Any) -> tuple[frozenset[RefusalCode], list[Any]]:
    if inspect.isclass(one):
        if issubclass(one, RefusalCode):
            return frozenset(), []
        return frozenset(), [value for value in vars(one).values() if inspect.isfunction(value)]
    scope = _scope(one)
    codes: set[RefusalCode] = set()
    found: list[Any] = list(_values(scope.pop(_CELLS)))
    for name, attribute in _names(one.__code__):
        value = scope.get(name)
        if value is permitted:
            codes |= _of_the_table(one.__code__.co_consts)
        if value is RefusalCode and attribute in RefusalCode.__members__:
            codes.add(RefusalCode[attribute])
        elif isinstance(value, ModuleType):
            found.append(getattr(value, attribute, None))
        else:
            found += _values([value])
    return frozenset(codes), found


def _of_the_table(constants: tuple[Any, ...]) -> set[RefusalCode]:
    """What `permitted` refuses of the commands that its caller names."""
    commands = ALLOWED_FROM.keys() & {one for one in constants if isinstance(one, str)}
    codes = {RefusalCode.WRONG_STATE, RefusalCode.DELETED}
    codes |= {RefusalCode.NOT_FOR_THIS_KIND} if commands & ONLY_FOR.keys() else set()
    return codes | ({RefusalCode.NOT_FOR_AN_IMPORT} if commands & NOT_FOR_AN_IMPORT else set())


_CELLS = "\0cells"


def _scope(function: FunctionType) -> dict[str, Any]:
    closure = inspect.getclosurevars(function)
    cells = [
        *closure.nonlocals.values(),
        *(function.__defaults__ or ()),
        *(function.__kwdefaults__ or {}).values(),
    ]
    return {**function.__globals__, **closure.nonlocals, _CELLS: cells}


def _values(values: Any) -> Iterator[Any]:
    """Functions, and those in a table of functions."""
    for value in values:
        if isinstance(value, dict):
            yield from (one for one in value.values() if inspect.isfunction(one))
        else:
            yield value


def _names(code: CodeType) -> Iterator[tuple[str, str]]:
    """Each name that a function, with what it defines inside, loads; with the attribute that is asked of it."""
    loaded = ""
    for step in dis.get_instructions(code):
        if loaded:
            yield loaded, str(step.argval) if step.opname in {"LOAD_ATTR", "LOAD_METHOD"} else ""
        loaded = str(step.argval) if step.opname in {"LOAD_GLOBAL", "LOAD_DEREF"} else ""
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
