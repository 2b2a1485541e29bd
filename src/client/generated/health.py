"""Operations on health.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import Live, Ready


class HealthOperations:
    """Operations on health."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def live(self) -> Live:
        """The process answers.

        Restart the process when this fails.

        `GET /health/live`
        """
        return self._connection.read("GET", path("/health/live"), answers=Live)

    def ready(self) -> Ready:
        """Both databases answer.

        Send no requests here while this fails; it recovers by itself.

        `GET /health/ready`
        """
        return self._connection.read("GET", path("/health/ready"), answers=Ready)
