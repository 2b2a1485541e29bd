"""A client's connection, guarded: how many there are, how long a request may take, how large its head may be.

uvicorn's protocol for httptools parses and answers. What stands here ends what it would let go on for ever, and
answers what is no HTTP with a problem document, as everything else is answered.
"""

from asyncio import TimerHandle, Transport
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import uuid4

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from drumbeat.web import problems
from drumbeat.web.observing import CORRELATION_HEADER
from drumbeat.web.problems import Problem

MOST_PIPELINED = 32
"""Requests that a client may have sent ahead on one connection; what follows them is not read."""

LINGER_SECONDS = 2.0
"""How long a client that was answered early may go on sending, to find the answer, before it is cut off."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What a client's connection may take of this process."""

    connections: int = 1_000
    """Open at once. The one that has been idle for longest makes room for a new one."""
    request_seconds: float = 30.0
    """For a request to arrive whole, and for an answer that is ready to be taken."""
    header_bytes: int = 32_768
    """For the request line and all headers of a request."""
    unread_bytes: int = 16 * 1024 * 1024
    """Of a body that nobody wants, after its answer."""


def guarded(guard: Guard) -> type["Guarded"]:
    """The protocol to give to uvicorn."""
    return type("GuardedProtocol", (Guarded,), {"guard": guard})


class Guarded(HttpToolsProtocol):
    """One connection. Lives in the event loop of its server; one timer a connection, moved lazily."""

    guard: ClassVar[Guard] = Guard()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.idle_since = self.loop.time()
        self._deadline: float | None = None
        self._timer: TimerHandle | None = None
        self._chunk_bytes = 0
        self._head_bytes = 0
        """At least what the head has so far: what came since it began, and what stood before it in its chunk."""
        self._in_head = True
        self._is_receiving = False
        self._is_refused = False
        self._is_half_closed = False
        self._unread_bytes = 0

    @property
    def is_idle(self) -> bool:
        """Whether no request of this connection is being answered."""
        return not (self._is_answering() or self.transport.is_closing())

    # What happens to the connection.

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin; an idle connection is closed for this one, or it is told that there are too many."""
        super().connection_made(transport)
        self._watch(self.guard.request_seconds)
        if len(self.connections) > self.guard.connections and not self._made_room():
            self._refuse(
                problems.TooManyConnections(
                    f"{self.guard.connections:,} connections are open and busy",
                    allowed=f"≤ {self.guard.connections:,}",
                )
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def data_received(self, data: bytes) -> None:
        """Parse, unless this client was refused already."""
        if self._is_refused:
            self._drop(len(data))
            return
        self._chunk_bytes = len(data)
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # A head that does not end is seen here, one that ended in `on_headers_complete`.
        if self._in_head and self._head_bytes > self.guard.header_bytes and not self._is_refused:
            self._refuse(self._headers_too_large())

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client sends no more. What it asked wholly is answered still."""
        self._is_half_closed = True
        if self._is_receiving and not self._is_refused:
            self._refuse(problems.RequestCutOff("the connection ended in the middle of the request"))
        return self._is_answering()

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is made."""
        super().pause_writing()
        self._watch(self.guard.request_seconds)

    def resume_writing(self) -> None:
        """The client took it."""
        super().resume_writing()
        self._watch(self.guard.request_seconds)

    def timeout_keep_alive_handler(self) -> None:
        """The client was silent after an answer: closed, in time too if it has not even taken that."""
        super().timeout_keep_alive_handler()
        self._watch(self.guard.request_seconds)

    # What the parser finds.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._is_receiving = True
        self._head_bytes = max(self._head_bytes, self._chunk_bytes)
        self._watch(self.guard.request_seconds)

    def on_headers_complete(self) -> None:
        """The head is there: to the application with it, unless it is too large or one of too many."""
        self._in_head = False
        if self._is_refused:
            return
        if self._head_bytes > self.guard.header_bytes and self._exact_head_bytes() > self.guard.header_bytes:
            self._refuse(self._headers_too_large())
        elif len(self.pipeline) >= MOST_PIPELINED:
            self._is_refused = True
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body, kept for the application, or dropped when there is an answer already."""
        if self._is_refused:
            return
        if self.cycle.response_complete:
            self._drop(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        if self._is_refused:
            return
        super().on_message_complete()
        self._is_receiving, self._in_head, self._head_bytes, self._deadline = False, True, 0, None

    def on_response_complete(self) -> None:
        """An answer was given: on with the next request, or the end when there will be none."""
        self.idle_since, self._unread_bytes = self.loop.time(), 0
        if (self._is_refused or self._is_half_closed) and not self.pipeline:
            self.server_state.total_requests += 1
            self.transport.close()
        else:
            super().on_response_complete()
        if self.transport.is_closing() or not self._is_receiving:
            # Until the next request begins; or for the client to take its last answer.
            self._watch(self.guard.request_seconds)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """What was sent is no HTTP. Called by uvicorn."""
        if not self._is_refused:
            self._refuse(problems.MalformedRequest("what was sent is no request of HTTP/1.1"))

    # Ending.

    def _is_answering(self) -> bool:
        return bool(self.pipeline) or self._under_way() is not None

    def _is_lingering(self) -> bool:
        return self._is_refused and not self._is_answering()

    def _under_way(self) -> RequestResponseCycle | None:
        """The newest request, unless it is over. uvicorn has None before the first, and does not say so."""
        cycle: Any = self.cycle
        return None if cycle is None or cycle.response_complete or cycle.disconnected else cycle

    def _exact_head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _headers_too_large(self) -> Problem:
        limit = f"{self.guard.header_bytes:,}"
        return problems.HeadersTooLarge(
            f"request line and headers have more than {limit} bytes", allowed=f"≤ {limit} bytes"
        )

    def _made_room(self) -> bool:
        idle = [one for one in self.connections if isinstance(one, Guarded) and one is not self and one.is_idle]
        if not idle:
            return False
        min(idle, key=lambda one: one.idle_since).transport.close()
        return True

    def _drop(self, size: int) -> None:
        self._unread_bytes += size
        if self._unread_bytes > self.guard.unread_bytes:
            self._cut_off()

    def _watch(self, seconds: float) -> None:
        """End the connection in so many seconds, unless it is heard of otherwise before."""
        self._deadline = self.loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self.loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._deadline is None:
            return
        if self.loop.time() < self._deadline:
            self._timer = self.loop.call_at(self._deadline, self._look)
        elif self.transport.is_closing() or self.flow.write_paused or self._is_lingering():
            self._cut_off()
        elif self._is_receiving and self.flow.read_paused:
            # It is we who do not read on yet.
            self._watch(self.guard.request_seconds)
        elif self._is_receiving and not self._is_refused:
            self._refuse(
                problems.RequestTooSlow(
                    f"the request did not arrive whole within {self.guard.request_seconds:g} s",
                    allowed=f"≤ {self.guard.request_seconds:g} s",
                )
            )
        elif not self._is_answering():
            self.transport.close()
            self._watch(self.guard.request_seconds)

    def _cut_off(self) -> None:
        log.info("client_cut_off", unread_bytes=self._unread_bytes)
        self.transport.abort()

    def _refuse(self, problem: Problem) -> None:
        """Answer what this client sends now with a problem, and nothing that comes after it."""
        self._is_refused = True
        cycle = self._under_way()
        if cycle is None:
            self._answer(problem, None)
        elif not cycle.more_body:
            # What came before it is answered still; nothing can be said after that.
            return
        elif self.pipeline:
            # The request at fault waits behind another: it is never begun.
            self.pipeline.popleft()
        else:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.abort()
            else:
                self._answer(problem, cycle)

    def _answer(self, problem: Problem, cycle: RequestResponseCycle | None) -> None:
        told: Any = {} if cycle is None else cycle.scope
        correlation_id = str(told.get("state", {}).get("correlation_id", uuid4()))
        response = problem.response(instance=told.get("path"), correlation_id=correlation_id)
        response.headers[CORRELATION_HEADER] = correlation_id
        response.headers["Connection"] = "close"
        lines = [name + b": " + value + b"\r\n" for name, value in response.raw_headers]
        self.transport.write(b"".join((STATUS_LINE[problem.status], *lines, b"\r\n", response.body)))
        log.info("request_refused", code=problem.code, status=problem.status, correlation_id=correlation_id)
        if self._is_half_closed or not self.transport.can_write_eof():
            self.transport.close()
        else:
            # Closed at once, with bytes unread, the connection would be reset and the answer lost on its way.
            self.transport.write_eof()
            self.flow.resume_reading()
        self._watch(LINGER_SECONDS)
