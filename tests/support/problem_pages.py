"""Every kind of problem of every API, and the document that its page shows."""

import importlib
import pkgutil

import msgspec

import drumbeat
from drumbeat.web.problems import Problem

_INSTANCE = "/campaigns/0198a1a2-0000-7000-8000-000000000001"
_CORRELATION_ID = "5f0c3c1e-7d7f-4a55-8a53-3f6f1f6a0c11"


def kinds() -> dict[str, type[Problem]]:
    """By code, of every module of ours."""
    for module in pkgutil.walk_packages(drumbeat.__path__, "drumbeat."):
        if module.name.rsplit(".", 1)[-1].startswith(("problems", "connection")):
            importlib.import_module(module.name)
    found: dict[str, type[Problem]] = {}
    pending: list[type[Problem]] = [Problem]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if "code" in kind.__dict__:
            assert kind.code not in found, f"two kinds of problem are called {kind.code}"
            found[kind.code] = kind
    return dict(sorted(found.items()))


def example(kind: type[Problem]) -> str:
    """The example of a page: what every document of the kind has."""
    document = kind("what exactly is wrong, in a sentence").document(
        instance=_INSTANCE, correlation_id=_CORRELATION_ID
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
