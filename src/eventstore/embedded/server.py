"""Starting, joining and stopping the embedded server."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from drumbeat.eventstore.embedded.errors import ServerDidNotStart, StateFolderUnusable
from drumbeat.eventstore.embedded.folder import StateFolder, reason_in, unusable_folder
from drumbeat.eventstore.embedded.postmaster import Readiness, ask, postmaster_of, remove_what_is_stale
from drumbeat.eventstore.embedded.programs import Account, account_for, programs_for

TUNED_FOR_DRUMBEAT: Final[Mapping[str, str]] = {
    "shared_buffers": "512MB",
    "max_wal_size": "2GB",
    "maintenance_work_mem": "256MB",
    "work_mem": "16MB",
    "max_connections": "200",
    # Short statements on known shapes: compiling them costs more than it saves.
    "jit": "off",
    # Fewer, larger flushes of many small tables; temporary tables carry every batch's upsert.
    "temp_buffers": "32MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # What a statement fails at, values and all, is told to the client and to nobody who reads the log.
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
}
"""Settings of the embedded server, by PostgreSQL's names; docs/operations says the same for other servers."""

USER = "drumbeat"
DATABASE = "drumbeat"
Progress = Callable[[str], None]


class EmbeddedServer:
    """One process's use of the PostgreSQL server of a state folder.

    Any number of processes may use one folder at once: the first starts the server, the others join it, the last
    one to stop stops it. A process that is killed leaves the server running; the next one joins it and loses
    nothing. An instance may be used by one thread. Not inherited by forked processes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] = TUNED_FOR_DRUMBEAT,
        progress: Progress = lambda _words: None,
        silence_limit_seconds: float = 60.0,
        durable: bool = True,
    ) -> None:
        """`folder` is the state folder, made when missing. `progress` hears what a slow start is doing.

        A start that is recovering may take any time as long as its log moves; one that is silent for
        `silence_limit_seconds` is given up. `durable=False` skips syncing the new cluster to disk: for tests.
        """
        self._folder = StateFolder(folder)
        self._settings = {**settings, **({} if durable else {"fsync": "off", "full_page_writes": "off"})}
        self._progress = progress
        self._silence_limit_seconds = silence_limit_seconds
        self._durable = durable
        self._user_lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._tries_left, self._launched = 0, False

    @property
    def postmaster_pid(self) -> int | None:
        """The process id of the running server, None when none runs."""
        return postmaster_of(self._folder.data)

    def start(self) -> str:
        """Make, join or start the server and give the URL of its database.

        Raises `StateFolderUnusable`, `StateOfAnotherVersion`, `ServerProgramsMissing`, `ServerDidNotStart`.
        """
        self._folder.prepare()
        self._tries_left, self._launched = _MOST_TRIES, False
        with self._folder.starting():
            account = account_for(self._folder.data)
            if self.postmaster_pid is None:
                self._folder.refuse_full_disk()
                programs = programs_for(account)
                if not self._folder.data.exists():
                    self._make_cluster(programs, account)
                self._launch(programs, account)
            while not self._is_ready_in_time():
                # A server that was killed leaves helpers behind for a moment, and they hold its memory.
                time.sleep(0.1)
                if self.postmaster_pid is None:
                    self._launch(programs_for(account), account)
            if self._user_lock is None:
                self._user_lock = self._folder.register_user()
        return self.url

    @property
    def url(self) -> str:
        """The URL of the database, valid while the server runs."""
        socket_folder = self._folder.socket_note.read_text()
        return f"postgresql://{USER}@/{DATABASE}?host={quote(socket_folder, safe='')}"

    def stop(self) -> None:
        """Leave the server; the last user ends it cleanly. Harmless when it was never started or is gone."""
        if self._user_lock is None:
            return
        with self._folder.starting():
            if self._folder.is_last_user(self._user_lock):
                self._shut_down()
            os.close(self._user_lock)
            self._user_lock = None
        self._let_go_of_child()

    def __enter__(self) -> Self:
        """Start; the URL is then in `url`."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _make_cluster(self, programs: Path, account: Account | None) -> None:
        # Made beside and renamed when whole, so that a kill half way leaves nothing that looks like a cluster.
        self._progress("making the database")
        unfinished = self._folder.unfinished
        with unusable_folder(self._folder.path):
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700)
            if account is not None:
                os.chown(unfinished, account.uid, account.gid)
        options = ["--no-instructions", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        options += ["--builtin-locale=C.UTF-8", f"--username={USER}", "--auth=trust", "--data-checksums"]
        if not self._durable:
            options.append("--no-sync")
        made = subprocess.run(  # noqa: S603  our own program with our own arguments
            [str(programs / "bin" / "initdb"), "-D", _here(unfinished, account), *options],
            cwd=unfinished,
            capture_output=True,
            check=False,
            env=_ENVIRONMENT,
            **_as_account(account),
        )
        if made.returncode != 0:
            words = (made.stdout + made.stderr).decode(errors="replace")
            shutil.rmtree(unfinished, ignore_errors=True)
            self._give_up("PostgreSQL could not make its folder", words)
        with unusable_folder(self._folder.path):
            (unfinished / "pg_hba.conf").write_text(_WHO_MAY_CONNECT)
            unfinished.rename(self._folder.data)

    def _launch(self, programs: Path, account: Account | None) -> None:
        data = self._folder.data
        with unusable_folder(self._folder.path):
            socket_folder = self._folder.new_socket_folder()
            remove_what_is_stale(data, socket_folder)
            if account is not None and socket_folder != data:
                os.chown(socket_folder, account.uid, account.gid)
            self._folder.socket_note.write_text(str(socket_folder))
        here = _here(data, account)
        settings = {
            **self._settings,
            "listen_addresses": "",
            "unix_socket_directories": here if socket_folder == data else str(socket_folder),
            "unix_socket_permissions": "0700",
        }
        self._let_go_of_child()
        log = self._folder.open_log()
        try:
            self._launched = True
            self._log_start = os.fstat(log).st_size
            self._process = subprocess.Popen(  # noqa: S603  our own program with our own arguments
                [
                    str(programs / "bin" / "postgres"),
                    "-D",
                    here,
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                cwd=data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal is for us to answer, not for the server.
                start_new_session=True,
                env=_ENVIRONMENT,
                **_as_account(account),
            )
        finally:
            os.close(log)

    def _is_ready_in_time(self) -> bool:
        """False when the start is worth another try; raises when it is not."""
        last_words, heard_at, pause_seconds = "", time.monotonic(), 0.01
        while True:
            readiness = ask(self._url_of("postgres"), DATABASE)
            if readiness is Readiness.READY:
                return True
            if not self._launched and self.postmaster_pid is None:
                return False  # the server that we were joining died
            if self._launched and self._process is not None and self._process.poll() is not None:
                words = self._words_of_this_start()
                self._tries_left -= 1
                self._process = None
                if self._tries_left > 0 and any(sign in words for sign in _SIGNS_OF_A_KILLED_SERVER):
                    return False
                self._give_up("PostgreSQL ended while starting", words)
            words = _newest_words(self._words_of_this_start())
            if words != last_words:
                last_words, heard_at = words, time.monotonic()
                if readiness is Readiness.RECOVERING:
                    self._progress(f"waiting for the database: {words}")
            elif time.monotonic() - heard_at > self._silence_limit_seconds:
                self._give_up("PostgreSQL does not answer", self._words_of_this_start())
            time.sleep(pause_seconds)
            pause_seconds = min(pause_seconds * 1.2, 0.25)

    def _url_of(self, database: str) -> str:
        return self.url.replace(f"/{DATABASE}?", f"/{database}?")

    def _words_of_this_start(self) -> str:
        try:
            with self._folder.log.open("rb") as log:
                log.seek(self._log_start)
                return log.read().decode(errors="replace")
        except OSError:
            return ""

    def _give_up(self, what: str, words: str) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(30)
        self._process = None
        reason = reason_in(words)
        if reason is not None:
            raise StateFolderUnusable(self._folder.path, reason)
        raise ServerDidNotStart(f"{what}: {words.strip()[-1500:] or 'it said nothing'}")

    def _shut_down(self) -> None:
        # Fast, then immediate: the second loses nothing either, it leaves the work to the next start's recovery.
        for how, patience_seconds in ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
            pid = self.postmaster_pid
            if pid is None:
                return
            os.kill(pid, how)
            deadline = time.monotonic() + patience_seconds
            while self.postmaster_pid is not None and time.monotonic() < deadline:
                self._reap()
                time.sleep(0.01)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.poll()

    def _let_go_of_child(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None and self.postmaster_pid is not None:
            # Other processes still use it: it lives on without us, and Popen is not to complain of that.
            self._process.returncode = 0
        else:
            self._process.wait(30)
        self._process = None


_WHO_MAY_CONNECT = """# The socket stands in a folder that only this state's owner may enter: that is the check.
local all all trust
"""
_SIGNS_OF_A_KILLED_SERVER: Final = ("is still in use", 'lock file "postmaster.pid" already exists')
_MOST_TRIES: Final = 100
_ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _newest_words(log: str) -> str:
    # Each of our questions leaves a refusal in the log, which is no progress.
    said = [line for line in log.splitlines() if "LOG:" in line]
    return said[-1].partition("LOG:")[2].strip() if said else ""


def _here(folder: Path, account: Account | None) -> str:
    # As root the folder is entered before the privileges are dropped; its parents may be closed to the account.
    return str(folder) if account is None else "/proc/self/cwd"


def _as_account(account: Account | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}
