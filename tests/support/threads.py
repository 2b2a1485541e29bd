"""What runs until it is told to stop, in a thread of its own."""

import contextlib
import threading
from collections.abc import Callable, Iterator


class Running:
    """A thread that has begun; `raised` is what ended it before it was told to."""

    def __init__(self, run: Callable[[threading.Event], object]) -> None:
        self.raised: list[BaseException] = []
        self._run = run
        self._told = threading.Event()
        self._thread = threading.Thread(target=self._guarded)
        self._thread.start()

    def _guarded(self) -> None:
        try:
            self._run(self._told)
        except BaseException as error:  # noqa: BLE001  told to the test's thread
            self.raised.append(error)

    def stop(self) -> None:
        """Tell it, and wait."""
        self._told.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


@contextlib.contextmanager
def running(run: Callable[[threading.Event], object], *, fails: bool = False) -> Iterator[Running]:
    """Until the end of the `with`; only one that `fails` may raise."""
    thread = Running(run)
    try:
        yield thread
    finally:
        thread.stop()
        assert fails or thread.raised == []
