"""Old facts in today's shape. An upcaster turns the data of one version into the next, on every read.

Stored bytes never change: what a version said stays readable for ever.
"""

from collections.abc import Callable
from typing import Any

Data = dict[str, Any]


def _say_who_reported_a_spam_score(data: Data) -> Data:
    # Version 1 had one reporter, the carriers' feed, and did not name it.
    return {**data, "source": "carrier_feed"}


UPCASTERS: dict[str, tuple[str, Callable[[Data], Data]]] = {
    "sender.spam_score_reported.v1": ("sender.spam_score_reported.v2", _say_who_reported_a_spam_score),
}
"""Old type name → the next version's type name and the function that turns the data into it."""


def upcast(type_name: str, data: Data) -> tuple[str, Data]:
    """Bring data to the newest version; returns the type name that it then has."""
    while (step := UPCASTERS.get(type_name)) is not None:
        type_name, raise_to_next = step
        data = raise_to_next(data)
    return type_name, data
