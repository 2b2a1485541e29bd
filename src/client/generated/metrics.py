"""Operations on metrics.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import Definitions


class MetricsOperations:
    """Operations on metrics."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def definitions(self) -> Definitions:
        """What every number means.

        The same for every workspace; it changes with the version of Drumbeat alone.

        `GET /metrics/definitions`
        """
        return self._connection.read("GET", path("/metrics/definitions"), answers=Definitions)

    def prometheus(self) -> bytes:
        """Metrics of this process for Prometheus.

        In the text format of Prometheus; the projector and the policies serve theirs on ports of their own.

        `GET /metrics`
        """
        return self._connection.raw("GET", path("/metrics"), answers=bytes)
