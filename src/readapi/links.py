"""Numbers, and the links to exactly the rows behind them."""

from urllib.parse import urlencode
from uuid import UUID

import msgspec

from drumbeat.readapi.metrics import METRICS


class Number(msgspec.Struct, omit_defaults=True):
    """A number of a read model. `metric` names its definition in /metrics/definitions.

    `rows` lists exactly the rows behind it: as many as `value` says, or, when `sums` names a field, rows whose
    sum of that field it is.
    """

    metric: str
    value: int
    rows: str
    sums: str | None = None
    unit: str = ""

    def __post_init__(self) -> None:
        """The unit is the metric's."""
        self.unit = METRICS[self.metric].unit


class Ratio(msgspec.Struct):
    """A number over another; `value` is null as the metric's null rule says, else in its unit."""

    metric: str
    value: float | None
    unit: str
    numerator: Number
    denominator: Number


def ratio(metric: str, numerator: Number, denominator: Number) -> Ratio:
    """The quotient, in per cent where the metric is told so."""
    unit = METRICS[metric].unit
    scale = 100 if unit == "percent" else 1
    value = None if denominator.value == 0 else scale * numerator.value / denominator.value
    return Ratio(metric, value, unit, numerator, denominator)


def contacts_link(campaign_id: UUID, **filters: object) -> str:
    """The list of the contacts that the filters let through."""
    return _link(campaign_id, "contacts", filters)


def attempts_link(campaign_id: UUID, **filters: object) -> str:
    """The list of the calls that the filters let through."""
    return _link(campaign_id, "attempts", filters)


def _link(campaign_id: UUID, what: str, filters: dict[str, object]) -> str:
    asked = urlencode([(name, str(value)) for name, value in filters.items()])
    return f"/campaigns/{campaign_id}/{what}{asked and '?' + asked}"
