"""What really happened, a line each, in a file and for whoever watches."""

import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any


class Diary:
    """May be written by any thread. Seconds count from when it was opened."""

    def __init__(self, path: Path, *, aloud: bool) -> None:
        """`aloud`: told on standard error too."""
        self.counts: Counter[str] = Counter()
        self._began_at = time.monotonic()
        self._file = path.open("w")
        self._aloud = aloud
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Since it was opened."""
        return time.monotonic() - self._began_at

    def note(self, what: str, target: str = "", **more: Any) -> None:
        """Write one line; `counts` counts it by what, and by what and target."""
        with self._lock:
            self.counts[what] += 1
            self.counts[f"{what} {target}"] += 1
            line = {"seconds": round(self.seconds, 2), "what": what, "target": target, **more}
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
            if self._aloud:
                told = " ".join(f"{name}={value}" for name, value in more.items())
                sys.stderr.write(f"{self.seconds:8.2f}  {what:<10} {target:<12} {told}\n")

    def close(self) -> None:
        """The last line is written."""
        self._file.close()
