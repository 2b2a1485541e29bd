"""The client itself."""

from types import TracebackType
from typing import Self

import httpx

from drumbeat.client.connection import Connection
from drumbeat.client.generated.api import Api
from drumbeat.client.retrying import Retries


class Drumbeat(Api):
    """Both HTTP APIs at an address, in groups: `api.campaigns.launch(…)`, `api.contacts.each(…)`.

    Every method raises a `DrumbeatError`. A command is sent with an idempotency key that is made once a call, and
    again with the same key when its answer was lost: it has its effect once. May be used by many threads at once;
    close it, or use it as a context manager, when all have done.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout_seconds: float = 30.0,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`key` is an API key. `timeout_seconds` bounds connecting, sending and each wait for an answer.

        `transport` replaces the network, for tests.
        """
        self._http = httpx.Client(
            base_url=url,
            timeout=timeout_seconds,
            transport=transport,
            headers={} if key is None else {"Authorization": f"Bearer {key}"},
        )
        super().__init__(Connection(self._http, retries or Retries()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection. Nothing can be asked afterwards."""
        self._http.close()
