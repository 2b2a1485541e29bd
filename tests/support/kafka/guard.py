"""Runs a server and ends it when nobody uses it any more, even if its users were killed.

    python guard.py LIFELINE DISCARD COMMAND...

A user is a process that holds a shared lock on the file LIFELINE; the system releases it however the process ends.
The server gets a session of its own, its process id is the one line on standard output, its words go to standard
error. When the last user has gone it is ended; or, where a folder DISCARD is named, killed and the folder removed.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading

PATIENCE_SECONDS = 15.0


def main() -> None:
    lifeline, discard, *command = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the users decide
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
        preexec_fn=_hear_signals,  # noqa: PLW1509  no other thread runs yet
    )
    print(server.pid, flush=True)  # noqa: T201  the answer
    os.close(1)
    left = threading.Event()
    threading.Thread(target=_end_when_left, args=(lifeline, bool(discard), server, left), daemon=True).start()
    server.wait()
    if left.is_set() and discard:
        shutil.rmtree(discard, ignore_errors=True)


def _hear_signals() -> None:
    # What is ignored stays ignored in the server otherwise, and it could not be ended cleanly.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _end_when_left(lifeline: str, at_once: bool, server: "subprocess.Popen[bytes]", left: threading.Event) -> None:
    with open(lifeline) as file:  # noqa: PTH123  starts in 20 ms without pathlib
        fcntl.flock(file, fcntl.LOCK_EX)
        left.set()
        if not at_once:
            server.send_signal(signal.SIGCONT)
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(PATIENCE_SECONDS)
        server.kill()
        server.wait()
        _FOR_GOOD.wait()  # keeps the lock until the folder is gone and this process with it


_FOR_GOOD = threading.Event()

if __name__ == "__main__":
    main()
