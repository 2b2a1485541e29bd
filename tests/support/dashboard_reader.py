"""Somebody who looks at a dashboard all the time, while a test does something that they must not notice."""

import threading
import time
from typing import Self

from support.machine import Machine


class Reader:
    """Asks for the dashboard of a campaign to which nobody comes; `failed` is whatever was not answered so.

    A thread of its own, which alone writes what it tells.
    """

    def __init__(self, up: Machine, path: str, *, contacts: int) -> None:
        """Asks between `__enter__` and `__exit__`."""
        self._up, self._path, self._contacts = up, path, contacts
        self._stop = threading.Event()
        self.answered, self.failed = 0, list[str]()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                assert self._up.get(self._path)["contacts"]["value"] == self._contacts
                self.answered += 1
            except Exception as error:  # noqa: BLE001  told to the test
                self.failed.append(repr(error))
            time.sleep(0.01)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
