"""A pipe between a supervisor and its children: when the supervisor dies, even by kill -9, they end too."""

import os
import signal
import threading
import time
from types import FrameType

_PATIENCE_SECONDS = 15.0


def hold(descriptor: int) -> None:
    """End this process like Ctrl-C would, when the other end of the pipe closes; hard when that does not help."""

    def watch() -> None:
        while os.read(descriptor, 1):
            continue
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_PATIENCE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def stop_on_signals() -> threading.Event:
    """An event that the first SIGINT or SIGTERM sets; the second one ends the process at once."""
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    return stop
