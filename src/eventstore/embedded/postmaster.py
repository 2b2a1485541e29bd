"""Whether a PostgreSQL server runs in a data folder, and whether it answers yet."""

import contextlib
import subprocess
from enum import Enum
from pathlib import Path

import psycopg
from psycopg import sql

SOCKET_NAME = ".s.PGSQL.5432"


class Readiness(Enum):
    """How far a starting server is."""

    ABSENT = "absent"
    RECOVERING = "recovering"
    READY = "ready"


def postmaster_of(data: Path) -> int | None:
    """The process id of the server of this data folder, None when none runs.

    A pid file alone proves nothing: after a crash, or in a restarted container, its number may be anybody's.
    """
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if _is_server_of(pid, data) else None


def remove_what_is_stale(data: Path, socket_folder: Path) -> None:
    """Remove what a dead server left in both folders; to be called under the start lock only.

    PostgreSQL asks no more of a lock file than whether its number is some process's.
    """
    if postmaster_of(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)
        for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
            (socket_folder / name).unlink(missing_ok=True)


def _is_server_of(pid: int, data: Path) -> bool:
    process = Path(f"/proc/{pid}")
    if not Path("/proc/self").exists():
        return _ps_says_postgres(pid)
    try:
        if (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        return (process / "comm").read_text().strip() == "postgres" and (process / "cwd").samefile(data)
    except PermissionError:
        # Another account's process: a server of this folder would run under ours.
        return False
    except OSError:
        return False


def _ps_says_postgres(pid: int) -> bool:
    said = subprocess.run(  # noqa: S603  a fixed program of the system
        ["/bin/ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False
    )
    return Path(said.stdout.strip()).name.startswith("postgres")


def ask(maintenance_url: str, database: str) -> Readiness:
    """Ask a server how far it is; one that is ready is given the database when it has none yet."""
    try:
        with contextlib.closing(
            psycopg.connect(maintenance_url, autocommit=True, connect_timeout=5)
        ) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    except psycopg.errors.CannotConnectNow:
        return Readiness.RECOVERING
    except psycopg.OperationalError as error:
        return Readiness.RECOVERING if "starting up" in str(error) else Readiness.ABSENT
    return Readiness.READY
