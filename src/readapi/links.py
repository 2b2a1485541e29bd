"""Numbers, and the links to exactly the rows behind them."""

from uuid import UUID

import msgspec

from drumbeat.readapi.metrics import METRICS


class Number(msgspec.Struct, omit_defaults=True, gc=False):
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


class Ratio(msgspec.Struct, gc=False):
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


class Links:
    """Links to the lists of one campaign; `filters` is a query, ready to be sent."""

    def __init__(self, campaign_id: UUID | str) -> None:
        self._campaign = f"/campaigns/{campaign_id}"

    def contacts(self, filters: str = "") -> str:
        """Contacts."""
        return f"{self._campaign}/contacts?{filters}" if filters else f"{self._campaign}/contacts"

    def attempts(self, filters: str) -> str:
        """Calls."""
        return f"{self._campaign}/attempts?{filters}"
