"""A client that is slow, half closed, greedy or talks nonsense: it is ended in time, and harms nobody else."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import httpx
import pytest

from support.api_process import ApiProcess, answer_on, api_process, is_ended
from support.keys import TESTS_KEY, bearer
from support.machine import until
from support.postgres import TestServer

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

REQUEST_SECONDS = 1.0
IN_TIME_SECONDS = 15.0
"""On a busy machine, far below what a client without a bound would take."""
CONNECTIONS = 300
HEADER_BYTES = 8_000
BODY_BYTES = 200_000
MEMORY_BYTES = 150_000_000
COMMAND = (
    b"POST /campaigns HTTP/1.1\r\nHost: drumbeat\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer %s\r\n" % TESTS_KEY.encode()
)
BODY = b'{"kind": "call", "name": "Spring"}'


@pytest.fixture(scope="module")
def api(postgres_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    with (
        postgres_server.fresh_database() as url,
        api_process(
            url,
            tmp_path_factory.mktemp("api"),
            DRUMBEAT_API_REQUEST_SECONDS=REQUEST_SECONDS,
            DRUMBEAT_API_MAX_CONNECTIONS=CONNECTIONS,
            DRUMBEAT_API_MAX_HEADER_BYTES=HEADER_BYTES,
            DRUMBEAT_API_MAX_BODY_BYTES=BODY_BYTES,
        ) as made,
    ):
        yield made


@contextmanager
def others_go_on(api: ApiProcess) -> Iterator[None]:
    """While the block runs another client gives commands: all are carried out, none waits for long."""
    stop, seconds, statuses = threading.Event(), list[float](), set[int]()

    def command() -> None:
        with httpx.Client(base_url=str(api.client.base_url), timeout=30, headers=bearer(TESTS_KEY)) as client:
            while not stop.is_set() or len(seconds) < 5:
                began = time.monotonic()
                statuses.add(client.post("/campaigns", json={"kind": "call", "name": "Other"}).status_code)
                seconds.append(time.monotonic() - began)

    other = threading.Thread(target=command)
    other.start()
    before = api.memory_bytes()
    try:
        yield
    finally:
        stop.set()
        other.join(60)
    assert not other.is_alive()
    assert statuses == {201}
    assert max(seconds) < 5.0
    assert sorted(seconds)[len(seconds) // 2] < 0.5
    assert api.memory_bytes() - before < MEMORY_BYTES


@contextmanager
def in_time() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < IN_TIME_SECONDS


def is_sent(connection: socket.socket, piece: bytes) -> bool:
    """Whether the server still takes something."""
    try:
        connection.sendall(piece)
    except OSError:
        return False
    return True


def drip(connection: socket.socket, piece: bytes) -> None:
    """Send a piece now and then, until the server will have no more."""
    connection.settimeout(0.05)
    for _ in range(int(IN_TIME_SECONDS / 0.05)):
        try:
            connection.sendall(piece)
            if connection.recv(1, socket.MSG_PEEK):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    connection.settimeout(20)


def test_a_header_byte_at_a_time_is_answered_408_when_the_time_is_over(api: ApiProcess) -> None:
    with others_go_on(api), in_time(), closing(api.connect()) as slow:
        slow.sendall(COMMAND + b"X-Slow: ")
        drip(slow, b"x")
        assert answer_on(slow).problem()["code"] == "request-too-slow"
        assert is_ended(slow)


def test_a_body_byte_at_a_time_is_answered_408_when_the_time_is_over(api: ApiProcess) -> None:
    with others_go_on(api), in_time(), closing(api.connect()) as slow:
        slow.sendall(COMMAND + b"Content-Length: 100000\r\n\r\n{")
        drip(slow, b" ")
        document = answer_on(slow).problem()
        assert (document["status"], document["code"]) == (408, "request-too-slow")
        assert document["allowed"] == "≤ 1 s"
        assert is_ended(slow)


def test_a_client_that_says_nothing_or_only_blank_lines_is_ended(api: ApiProcess) -> None:
    with others_go_on(api), in_time(), closing(api.connect()) as silent, closing(api.connect()) as blank:
        drip(blank, b"\r\n")
        assert is_ended(silent)
        assert is_ended(blank)


def test_a_client_that_stays_after_its_answer_and_drips_a_body_nobody_wants_is_ended(api: ApiProcess) -> None:
    with others_go_on(api), in_time(), closing(api.connect()) as slow:
        slow.sendall(b"GET /health/live HTTP/1.1\r\nHost: drumbeat\r\nContent-Length: 1000\r\n\r\n")
        assert answer_on(slow).status == 200
        drip(slow, b"x")
        assert is_ended(slow)


def test_a_request_that_is_whole_is_answered_though_its_client_sends_no_more(api: ApiProcess) -> None:
    with closing(api.connect()) as half:
        half.sendall(COMMAND + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY)
        half.shutdown(socket.SHUT_WR)
        assert answer_on(half).status == 201
        assert is_ended(half)


@pytest.mark.parametrize("sent", [COMMAND, COMMAND + b"Content-Length: 100\r\n\r\n" + BODY], ids=["head", "body"])
def test_a_request_that_is_cut_off_is_answered_400_and_has_no_effect(api: ApiProcess, sent: bytes) -> None:
    with others_go_on(api), in_time(), closing(api.connect()) as half:
        half.sendall(sent)
        half.shutdown(socket.SHUT_WR)
        assert answer_on(half).problem()["code"] == "request-cut-off"
        assert is_ended(half)


def test_clients_that_go_away_in_the_middle_leave_no_trace_of_a_mistake(api: ApiProcess) -> None:
    with others_go_on(api):
        for _ in range(20):
            with closing(api.connect()) as gone:
                gone.sendall(COMMAND + b"Content-Length: 100\r\n\r\n{")
    assert "request_broke" not in api.log.read_text()


def test_a_client_that_never_takes_its_answers_is_ended_and_holds_no_memory(api: ApiProcess) -> None:
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: drumbeat\r\n\r\n"
    with others_go_on(api), in_time(), ExitStack() as stack:
        greedy = [stack.enter_context(closing(api.connect())) for _ in range(20)]
        for one in greedy:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            one.sendall(asked * 30)
        assert until(lambda: api.log.read_text().count("client_cut_off") >= len(greedy), IN_TIME_SECONDS)


def test_more_connections_than_there_may_be_make_room_for_the_newest(api: ApiProcess) -> None:
    with others_go_on(api), ExitStack() as stack:
        idle = [stack.enter_context(closing(api.connect())) for _ in range(500)]
        assert is_ended(idle[0])
        newest = stack.enter_context(closing(api.connect()))
        newest.sendall(b"GET /health/live HTTP/1.1\r\nHost: drumbeat\r\n\r\n")
        assert answer_on(newest).status == 200


def test_a_huge_length_is_refused_before_the_body_comes(api: ApiProcess) -> None:
    with others_go_on(api), in_time(), closing(api.connect()) as huge:
        huge.sendall(COMMAND + b"Content-Length: 999999999999\r\n\r\n{")
        assert answer_on(huge).problem()["code"] == "body-too-large"


def test_a_body_without_a_length_is_refused_once_it_is_too_large_and_then_cut_off(api: ApiProcess) -> None:
    chunk = b"%x\r\n" % 50_000 + b" " * 50_000 + b"\r\n"
    with others_go_on(api), in_time(), closing(api.connect()) as endless:
        endless.sendall(COMMAND + b"Transfer-Encoding: chunked\r\n\r\n")
        assert not all(is_sent(endless, chunk) for _ in range(2_000))


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW /campaigns HTTP/1.1\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        COMMAND + b"Content-Length: x\r\n\r\n",
        COMMAND + b"Content-Length: 10\r\nContent-Length: 11\r\n\r\n",
        COMMAND + b"Content-Length: 99999999999999999999999999\r\n\r\n",
        COMMAND + b"Content-Length: 34\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY,
        COMMAND + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nnonsense\r\n",
        COMMAND + b"Broken\r\n header\r\n\r\n",
    ],
)
def test_what_is_no_http_is_answered_400_with_a_problem(api: ApiProcess, sent: bytes) -> None:
    with others_go_on(api), in_time(), closing(api.connect()) as odd:
        odd.sendall(sent)
        document = answer_on(odd).problem()
        assert (document["status"], document["code"]) == (400, "malformed-request")
        assert is_ended(odd)


@pytest.mark.parametrize(
    "sent",
    [
        COMMAND + b"X-Large: " + b"x" * HEADER_BYTES + b"\r\nContent-Length: 0\r\n\r\n",
        COMMAND + b"X-Endless: " + b"x" * 3_000_000,
        COMMAND + b"".join(b"X-%d: y\r\n" % number for number in range(1_000)) + b"\r\n",
        b"GET /" + b"x" * HEADER_BYTES + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["one", "endless", "many", "path"],
)
def test_gigantic_headers_are_answered_431(api: ApiProcess, sent: bytes) -> None:
    with others_go_on(api), in_time(), closing(api.connect()) as large:
        large.sendall(sent)
        document = answer_on(large).problem()
        assert (document["status"], document["code"]) == (431, "headers-too-large")
        assert document["allowed"] == "≤ 8,000 bytes"
        assert is_ended(large)


def test_requests_sent_ahead_are_answered_in_their_order_up_to_a_bound(api: ApiProcess) -> None:
    with others_go_on(api), in_time(), closing(api.connect()) as ahead:
        ahead.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: drumbeat\r\n\r\n" % number for number in range(20)))
        assert [answer_on_line(ahead) for _ in range(20)] == [f"/{number}" for number in range(20)]
        ahead.sendall(b"GET /more HTTP/1.1\r\nHost: drumbeat\r\n\r\n" * 5_000)
        assert is_ended(ahead)


def answer_on_line(connection: socket.socket) -> str:
    """The path that the next answer is about; the connection is read byte by byte, for more may follow."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    body = b""
    while len(body) < int(length.split(b":")[1]):
        body += connection.recv(1)
    return httpx.Response(404, content=body).json()["instance"]  # type: ignore[no-any-return]
