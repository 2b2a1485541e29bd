"""Which object of the client has an operation, and under which name."""

from dataclasses import dataclass

from client_code.operations import Operation

_GROUPS = {"dashboard": "campaigns", "activity": "campaigns", "history": "campaigns"}
"""Tags whose operations belong to another group: what is asked of one campaign."""


@dataclass(frozen=True, slots=True)
class Method:
    """An operation under the name that it has in its group; a paged one is also walked through by `each`."""

    name: str
    each: str | None
    operation: Operation


def groups_of(operations: list[Operation]) -> dict[str, list[Method]]:
    """The methods of each group. Raises `ValueError` when two would have one name."""
    groups: dict[str, list[Method]] = {}
    for operation in operations:
        group = group_of(operation)
        groups.setdefault(group, []).append(_method(group, operation))
    for group, methods in groups.items():
        names = [name for one in methods for name in (one.name, one.each) if name]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"several operations of {group} would be called {sorted(twice)}")
    return groups


def group_of(operation: Operation) -> str:
    """What the path begins with; where that is a campaign, what the operation is filed under."""
    first = operation.path.split("/")[1].replace("-", "_")
    return _GROUPS.get(operation.tag, operation.tag) if first == "campaigns" else first


def _method(group: str, operation: Operation) -> Method:
    name = _name(group, operation.name)
    if not operation.is_paged:
        return Method(name, None, operation)
    return Method(name, "each" if name == "list" else f"each_{name}", operation)


def _name(group: str, name: str) -> str:
    one = "person" if group == "people" else group.removesuffix("s")
    if name == group:
        return "list"
    if name == one:
        return "get"
    if name.endswith(f"_{one}"):
        return name.removesuffix(f"_{one}")
    if name.endswith(f"_{group}"):
        return f"{name.removesuffix(f'_{group}')}_many"
    return name
