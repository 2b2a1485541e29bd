"""A line to Postgres that a test can cut or stall: at once, at a chosen message, after so many bytes."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

_CHUNK_BYTES = 65_536
_SOCKET_NAME = ".s.PGSQL.{port}"


@dataclass(slots=True)
class Trip:
    """Breaks the connection that carries these bytes to the server before they arrive, or once it answered."""

    needle: bytes
    answered: bool
    passes: int
    tripped: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class Stall:
    """Holds the server's words back in the middle of an answer, until `over` is set."""

    after_bytes: int
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class Withheld:
    """Lets a client's bytes through to the server, and nothing of what that answers, until `over` is set."""

    needle: bytes
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False, slots=True)
class _Connection:
    """A client's socket and its counterpart to the server. `left_bytes` None: as many as it likes."""

    client: socket.socket
    server: socket.socket
    left_bytes: int | None
    answer_is_lost: bool = False
    answered_bytes: int = 0
    withheld: Withheld | None = None

    def end(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Line:
    """A port of the loopback that leads to a Postgres server. Cutting it is for the test's thread.

    `cuts` counts the connections that were broken by the line.
    """

    def __init__(self, database_url: str) -> None:
        parts = conninfo_to_dict(database_url)
        self._host, self._port = str(parts.get("host", "localhost")), int(parts.get("port") or 5432)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._connections: set[_Connection] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._is_up = True
        self._trip: Trip | None = None
        self._stall: Stall | None = None
        self._withheld: Withheld | None = None
        self.allowance: Callable[[], int | None] = lambda: None
        """How many bytes a new connection may carry, both ways together, before it breaks."""
        self.cuts = 0
        password = f":{quote(str(parts['password']), safe='')}" if parts.get("password") else ""
        self.port = int(self._listening.getsockname()[1])
        address = f"127.0.0.1:{self.port}"
        self.url = (
            f"postgresql://{parts.get('user')}{password}@{address}/{parts.get('dbname')}"
            "?sslmode=disable&gssencmode=disable"
        )
        self._start(self._accept)

    def cut(self) -> None:
        """Break every connection; new ones are broken at once, until `mend`."""
        with self._lock:
            self._is_up = False
            broken = list(self._connections)
        for connection in broken:
            self._break(connection)

    def mend(self) -> None:
        """Let new connections through again."""
        self._is_up = True

    def trip(self, needle: bytes, *, answered: bool, passes: int = 0) -> Trip:
        """Break the next connection that sends these bytes, once; `passes` such messages are let through first.

        The server never sees them; or, `answered`, it has carried them out and its answer is lost.
        """
        self._trip = Trip(needle, answered, passes)
        return self._trip

    def stall_after(self, after_bytes: int) -> Stall:
        """Stall the first connection to which the server has said so much."""
        self._stall = Stall(after_bytes)
        return self._stall

    def withhold(self, needle: bytes) -> Withheld:
        """Keep the answer to the next message with these bytes, once, from the client; the server acts."""
        self._withheld = Withheld(needle)
        return self._withheld

    def close(self) -> None:
        """End everything."""
        self.cut()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True, name="line")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                if not self._is_up:
                    raise ConnectionRefusedError
                server = self._reach_server()
            except OSError:
                client.close()
                continue
            connection = _Connection(client, server, self.allowance())
            with self._lock:
                self._connections.add(connection)
            self._start(self._carry, connection)

    def _reach_server(self) -> socket.socket:
        if not self._host.startswith("/"):
            return socket.create_connection((self._host, self._port), timeout=5)
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(Path(self._host) / _SOCKET_NAME.format(port=self._port)))
        except OSError:
            server.close()
            raise
        return server

    def _carry(self, connection: _Connection) -> None:
        back = threading.Thread(target=self._pump, args=(connection, False), daemon=True, name="line back")
        back.start()
        self._pump(connection, True)
        back.join()
        connection.client.close()
        connection.server.close()
        with self._lock:
            self._connections.discard(connection)

    def _pump(self, connection: _Connection, to_server: bool) -> None:
        source, target = connection.client, connection.server
        if not to_server:
            source, target = target, source
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK_BYTES):
                if (to_server and self._trips(connection, data)) or (not to_server and connection.answer_is_lost):
                    self._break(connection)
                    break
                if to_server:
                    self._withholds(connection, data)
                else:
                    self._stalls(connection, len(data))
                    if connection.withheld is not None:
                        connection.withheld.over.wait(60)
                target.sendall(data[: self._carried(connection, len(data))])
                if connection.left_bytes == 0:
                    self._break(connection)
                    break
        connection.end()

    def _trips(self, connection: _Connection, data: bytes) -> bool:
        trip = self._trip
        if trip is None or trip.needle not in data:
            return False
        if trip.passes > 0:
            trip.passes -= 1
            return False
        self._trip = None
        trip.tripped.set()
        connection.answer_is_lost = trip.answered
        return not trip.answered

    def _stalls(self, connection: _Connection, answered_bytes: int) -> None:
        connection.answered_bytes += answered_bytes
        stall = self._stall
        if stall is not None and connection.answered_bytes > stall.after_bytes:
            self._stall = None
            stall.reached.set()
            stall.over.wait(60)

    def _withholds(self, connection: _Connection, data: bytes) -> None:
        withheld = self._withheld
        if withheld is not None and withheld.needle in data:
            self._withheld, connection.withheld = None, withheld
            withheld.reached.set()

    def _carried(self, connection: _Connection, wanted: int) -> int:
        with self._lock:
            if connection.left_bytes is None:
                return wanted
            carried = min(wanted, connection.left_bytes)
            connection.left_bytes -= carried
            return carried

    def _break(self, connection: _Connection) -> None:
        self.cuts += 1
        connection.end()


@contextlib.contextmanager
def line_to(database_url: str) -> Iterator[Line]:
    """A line to a database; gone at the end, and whoever still uses it hears so."""
    line = Line(database_url)
    try:
        yield line
    finally:
        line.close()
