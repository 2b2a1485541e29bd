"""Applications served in a process of their own, and clients that cost as little as can be."""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

import uvloop

Serve = Callable[[str, int], None]


@contextmanager
def served(serve_on: Serve, url: str) -> Iterator[int]:
    """The port of `serve_on(url, port)` in a process of its own, ended at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=serve_on, args=(url, port), daemon=True)
    process.start()
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.join()


def _wait_for(port: int, process: BaseProcess) -> None:
    while True:
        assert process.is_alive(), "the server did not start"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as it goes over the wire; header names with underscores for dashes."""
    told = {"Host": "drumbeat", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if body:
        told = {"Content-Type": "application/json", "Content-Length": str(len(body))} | told
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def exchange(connection: socket.socket, asked: bytes) -> bytes:
    """Send a request; the body of its answer, which has to be a success."""
    connection.sendall(asked)
    answer = b""
    while (whole := whole_answer(answer)) is None:
        answer += connection.recv(65_536)
    return whole


def whole_answer(received: bytes) -> bytes | None:
    """The body of an answer that has come wholly; None before. Asserts that it is a success."""
    head, ended, body = received.partition(b"\r\n\r\n")
    if not ended:
        return None
    assert head.startswith(b"HTTP/1.1 20"), received
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return body if len(body) >= length else None


def take_turns(port: int, scripts: Sequence[Sequence[bytes]]) -> list[float]:
    """A client a script, all at once, each sending its next request when the last was answered.

    Answers the seconds of every exchange. Asserts that every answer is a success.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        took = runner.run(_all_at_once(port, scripts))
    return [seconds for one in took for seconds in one]


async def _all_at_once(port: int, scripts: Sequence[Sequence[bytes]]) -> list[list[float]]:
    loop = asyncio.get_running_loop()
    clients = [_Client(script) for script in scripts]
    lines = [await loop.create_connection(lambda: client, "127.0.0.1", port) for client in clients]  # noqa: B023
    for line, client in lines:
        client.start(line)
    return [await client.done for client in clients]


class _Client(asyncio.Protocol):
    """One client. Belongs to its event loop."""

    def __init__(self, script: Sequence[bytes]) -> None:
        self._left = iter(script)
        self._took: list[float] = []
        self._received = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()

    def start(self, transport: asyncio.Transport) -> None:
        """Send the first request."""
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """See the library."""
        self._received += data
        try:
            whole = whole_answer(self._received)
        except AssertionError as error:
            self._end(error)
            return
        if whole is not None:
            self._took.append(time.perf_counter() - self._sent_at)
            self._received = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """See the library."""
        if not self.done.done():
            self._end(exc or ConnectionError("the server hung up"))

    def _next(self) -> None:
        asked = next(self._left, None)
        if asked is None:
            self.done.set_result(self._took)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(asked)

    def _end(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)
        self._transport.close()
