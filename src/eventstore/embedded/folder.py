"""The state folder of an embedded server: its paths, its locks, and its errors put into words.

`data/` is PostgreSQL's own and belongs to the account that it runs under. `start.lock` is held exclusively while
a server is made, started, joined or left; `users.lock` is held shared by every process that uses the server, so
that the last one to leave, and nobody before it, stops it. The kernel releases both when a process dies.
"""

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drumbeat.eventstore.embedded.errors import StateFolderUnusable, StateOfAnotherVersion
from drumbeat.eventstore.embedded.postmaster import SOCKET_NAME
from drumbeat.eventstore.embedded.programs import MAJOR_VERSION

_LONGEST_SOCKET_PATH_BYTES = 100
_LEAST_FREE_BYTES = 64 * 1024 * 1024
_LARGEST_LOG_BYTES = 16 * 1024 * 1024


class StateFolder:
    """The paths of one state folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder.absolute()
        self.data = self.path / "data"
        self.unfinished = self.path / "data.unfinished"
        self.log = self.path / "server.log"
        self.socket_note = self.path / "socket"

    def prepare(self) -> None:
        """Make the folder; refuses one that cannot be written or is of another PostgreSQL version."""
        with unusable_folder(self.path):
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
        self.refuse_another_version()

    def refuse_another_version(self) -> None:
        """Raises `StateOfAnotherVersion`."""
        try:
            found = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateFolderUnusable(self.path, error.strerror or str(error)) from error
        if found != MAJOR_VERSION:
            raise StateOfAnotherVersion(self.path, found, MAJOR_VERSION)

    def refuse_full_disk(self) -> None:
        """Raises `StateFolderUnusable` before PostgreSQL stumbles over it half way."""
        free_bytes = shutil.disk_usage(self.path).free
        if free_bytes < _LEAST_FREE_BYTES:
            raise StateFolderUnusable(
                self.path,
                f"only {free_bytes // 2**20} MiB of its disk are free, {_LEAST_FREE_BYTES // 2**20} needed",
            )

    def open_log(self) -> int:
        """A descriptor to append the server's words to; a log that grew large starts again."""
        with unusable_folder(self.path):
            if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG_BYTES:
                self.log.replace(self.log.with_suffix(".log.1"))
            return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def new_socket_folder(self) -> Path:
        """Where the next server listens: the data folder itself, or a private short path when that is too long."""
        if len(os.fsencode(self.data / SOCKET_NAME)) <= _LONGEST_SOCKET_PATH_BYTES:
            return self.data
        return self._last_socket_folder() or Path(tempfile.mkdtemp(prefix="drumbeat-", dir="/tmp"))

    def _last_socket_folder(self) -> Path | None:
        """Where the last server listened, so that its clients find the next one; None when it is gone."""
        try:
            folder = Path(self.socket_note.read_text())
            status = folder.lstat()
            owners = {os.geteuid(), self.data.stat().st_uid}
        except OSError:
            return None
        private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o700
        return folder if folder != self.data and private and status.st_uid in owners else None

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Hold the start lock: one process at a time makes, starts, joins or leaves."""
        descriptor = self._open_lock("start.lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def register_user(self) -> int:
        """Count this process among the users until the descriptor is closed."""
        descriptor = self._open_lock("users.lock")
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return descriptor

    def is_last_user(self, descriptor: int) -> bool:
        """Whether nobody but the holder of this descriptor uses the server. To be asked under the start lock."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _open_lock(self, name: str) -> int:
        with unusable_folder(self.path):
            return os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextmanager
def unusable_folder(folder: Path) -> Iterator[None]:
    """Turn what the system says of a file into what a person can do about the folder."""
    try:
        yield
    except OSError as error:
        raise StateFolderUnusable(folder, error.strerror or str(error)) from error


def reason_in(last_words: str) -> str | None:
    """The cause of a failure that lies in the disk and not in PostgreSQL, if its words name one."""
    for code in (errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO):
        if os.strerror(code) in last_words:
            return os.strerror(code)
    return None
