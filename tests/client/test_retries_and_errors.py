"""What the client sends again, how long it waits, and what it raises: without a network, by a script."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from drumbeat.client import (
    BadRequest,
    CutOff,
    Drumbeat,
    Forbidden,
    Gone,
    NoAnswer,
    NotFound,
    NotYet,
    ProblemError,
    Refused,
    Retries,
    ServerBroke,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnreadableAnswer,
    VersionConflict,
)

DONE = {"stream_id": "b2ff3d2e-6156-530b-87d9-901f7d240cbd", "version": 2, "position": 7, "events": 1}
CAMPAIGN = "b2ff3d2e-6156-530b-87d9-901f7d240cbd"


def problem(status: int, code: str = "some-code", **more: Any) -> httpx.Response:
    document = {
        "type": f"urn:drumbeat:problem:{code}",
        "title": "T",
        "status": status,
        "detail": "D",
        "code": code,
    }
    headers = {"Content-Type": "application/problem+json"}
    if "retry_after_seconds" in more:
        headers["Retry-After"] = str(more["retry_after_seconds"])
    return httpx.Response(status, json=document | more, headers=headers)


class Script:
    """A transport that does one thing after another, and a clock that only counts."""

    def __init__(self, *told: httpx.Response | Exception) -> None:
        self._told = list(told)
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []

    def api(self, **retries: Any) -> Drumbeat:
        how = Retries(**{"sleep": self.slept.append, "chance": lambda: 1.0, **retries})
        return Drumbeat("http://api.test", key="k", retries=how, transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        told = self._told.pop(0) if len(self._told) > 1 else self._told[0]
        if isinstance(told, Exception):
            raise told
        return told


def test_a_lost_answer_is_asked_for_again_with_the_same_key() -> None:
    server = Script(httpx.ReadTimeout("lost"), httpx.RemoteProtocolError("cut"), httpx.Response(200, json=DONE))
    assert server.api().campaigns.pause(CAMPAIGN).position == 7
    keys = [request.headers["Idempotency-Key"] for request in server.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert server.slept == [0.2, 0.4]


def test_each_call_has_a_key_of_its_own_unless_one_is_given() -> None:
    server = Script(httpx.Response(200, json=DONE))
    api = server.api()
    api.campaigns.pause(CAMPAIGN)
    api.campaigns.pause(CAMPAIGN)
    api.campaigns.pause(CAMPAIGN, idempotency_key="mine")
    first, second, third = (request.headers["Idempotency-Key"] for request in server.requests)
    assert first != second
    assert third == "mine"


def test_retry_after_is_waited_for_and_the_pauses_grow_up_to_their_bound() -> None:
    server = Script(
        problem(429, "too-many-requests", retry_after_seconds=3),
        problem(503, "database-away", retry_after_seconds=2),
        httpx.ConnectError("refused"),
        httpx.Response(200, json=DONE),
    )
    server.api(longest_pause_seconds=0.5).campaigns.pause(CAMPAIGN)
    assert server.slept == [3.2, 2.4, 0.5]


def test_attempts_are_bounded_and_a_lost_command_tells_its_key() -> None:
    server = Script(httpx.ConnectError("refused"))
    with pytest.raises(NoAnswer, match=r"had no answer in 4 attempts: refused") as raised:
        server.api(attempts=4).campaigns.pause(CAMPAIGN)
    assert len(server.requests) == 4
    assert raised.value.idempotency_key == server.requests[0].headers["Idempotency-Key"]


def test_patience_is_bounded() -> None:
    server = Script(problem(503, retry_after_seconds=40))
    with pytest.raises(Unavailable) as raised:
        server.api(patience_seconds=60).campaigns.pause(CAMPAIGN)
    assert len(server.requests) == 2
    assert raised.value.retry_after == 40


def test_waiting_ends_when_the_given_sleep_says_so() -> None:
    class Ended(Exception):
        pass

    def end(_seconds: float) -> None:
        raise Ended

    with pytest.raises(Ended):
        Script(httpx.ConnectError("refused")).api(sleep=end).campaigns.pause(CAMPAIGN)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest), (401, Unauthenticated), (403, Forbidden), (404, NotFound), (409, Refused), (410, Gone),
        (412, VersionConflict), (429, TooManyRequests), (500, ServerBroke), (503, Unavailable), (504, NotYet),
        (418, ProblemError),
    ],
)  # fmt: skip
def test_each_status_has_its_error_with_the_whole_document(status: int, kind: type[ProblemError]) -> None:
    server = Script(
        problem(status, "a-code", field="name", value="x", allowed="12", correlation_id="c-1", position=5)
    )
    with pytest.raises(ProblemError, match="a-code: D") as raised:
        server.api(attempts=1).campaigns.pause(CAMPAIGN)
    error = raised.value
    assert type(error) is kind
    assert (error.code, error.field, error.value, error.allowed) == ("a-code", "name", "x", "12")
    assert (error.correlation_id, error.problem.status) == ("c-1", status)
    if isinstance(error, VersionConflict):
        assert error.current_version == 12
    if isinstance(error, NotYet):
        assert error.position == 5


@pytest.mark.parametrize("status", [400, 404, 409, 412, 422, 500, 504])
def test_what_will_not_change_is_not_sent_again(status: int) -> None:
    server = Script(problem(status))
    with pytest.raises(ProblemError):
        server.api().campaigns.pause(CAMPAIGN)
    assert len(server.requests) == 1
    assert server.slept == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx.Response(502, text="<html>"),
        lambda: httpx.Response(200, text="<html>"),
        lambda: httpx.Response(200, json={"version": "two"}),
        lambda: httpx.Response(404, headers={"Content-Type": "application/problem+json"}, text="{"),
    ],
)
def test_what_is_not_the_apis_answer_is_told_so(answer: Callable[[], httpx.Response]) -> None:
    with pytest.raises(UnreadableAnswer):
        Script(answer()).api().campaigns.pause(CAMPAIGN)


def test_words_and_fields_that_are_newer_than_the_client_are_read() -> None:
    told = {**DONE, "colour": "red", "results": [{"attempt": 1, "shade": 2}]}
    assert Script(httpx.Response(200, json=told)).api().campaigns.pause(CAMPAIGN).results[0]["shade"] == 2


@pytest.fixture
def page() -> Script:
    fresh = {
        "as_of": "7@2026-03-02T09:00:00.000000Z",
        "freshness": {"position": 7, "recorded_at": None, "lag_events": 0},
    }
    return Script(httpx.Response(200, json={**fresh, "items": [], "next_cursor": None, "count": None}))


def test_a_query_says_what_was_given_and_nothing_else(page: Script) -> None:
    page.api().contacts.list(CAMPAIGN, status=["finished", "error"], paused=False, removed=True, search="a b&c")
    asked = page.requests[0].url
    assert asked.path == f"/campaigns/{CAMPAIGN}/contacts"
    assert sorted(asked.params.multi_items()) == [
        ("paused", "false"), ("removed", "true"), ("search", "a b&c"), ("status", "error"), ("status", "finished"),
    ]  # fmt: skip


def test_a_read_takes_the_answer_of_a_command_or_of_a_read_as_at_least(page: Script) -> None:
    done = Script(httpx.Response(200, json=DONE)).api().campaigns.pause(CAMPAIGN)
    api = page.api()
    found = api.contacts.list(CAMPAIGN, at_least=done)
    api.contacts.list(CAMPAIGN, at_least=found)
    api.contacts.list(CAMPAIGN, at_least=12)
    assert [request.url.params["at_least"] for request in page.requests] == ["7", found.as_of, "12"]


def test_ids_are_sent_as_one_part_of_the_path() -> None:
    server = Script(problem(404))
    with pytest.raises(NotFound):
        server.api().campaigns.get("../x?y")
    assert server.requests[0].url.raw_path == b"/campaigns/..%2Fx%3Fy"


def test_the_key_is_shown_in_every_request_and_in_no_words() -> None:
    server = Script(httpx.ConnectError("refused"))
    api = server.api(attempts=1)
    with pytest.raises(NoAnswer) as raised:
        api.health.live()
    assert server.requests[0].headers["Authorization"] == "Bearer k"
    assert "Bearer" not in str(raised.value) + repr(api)


class Pieces(httpx.SyncByteStream):
    """An answer in pieces, which may break off; `asked_for` counts those that were read."""

    def __init__(self, *pieces: bytes, breaks_off: bool = False) -> None:
        self._pieces, self._breaks_off = pieces, breaks_off
        self.asked_for = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.asked_for += 1
            yield piece
        if self._breaks_off:
            raise httpx.RemoteProtocolError("incomplete chunked read")

    def close(self) -> None:
        self.closed = True


def test_an_export_comes_line_by_line_as_it_is_asked_for_and_lines_end_only_where_rows_do() -> None:
    told = ['{"a":1}\n', '{"b":"李\u2028 \x0b"}\r\n', "half"]
    raw = "".join(told).encode()
    pieces = Pieces(*(raw[at : at + 1] for at in range(len(raw))))
    lines = Script(httpx.Response(200, stream=pieces)).api().campaigns.activity_export(CAMPAIGN)
    assert next(lines) == told[0]
    assert pieces.asked_for == len(told[0])
    assert [*lines] == told[1:]
    assert pieces.closed


def test_an_export_that_is_left_early_gives_its_connection_back() -> None:
    pieces = Pieces(b"1\n2\n", b"3\n")
    lines = Script(httpx.Response(200, stream=pieces)).api().campaigns.activity_export(CAMPAIGN)
    assert next(lines) == "1\n"
    lines.close()  # type: ignore[attr-defined]
    assert pieces.closed
    assert pieces.asked_for == 1


def test_an_export_that_breaks_off_says_so_after_the_lines_that_came() -> None:
    pieces = Pieces(b"1\n2", breaks_off=True)
    lines = Script(httpx.Response(200, stream=pieces)).api().campaigns.activity_export(CAMPAIGN)
    assert next(lines) == "1\n"
    with pytest.raises(CutOff, match="activity/export broke off: incomplete chunked read"):
        next(lines)
    assert pieces.closed


def test_an_export_is_asked_for_again_and_refused_before_its_first_line() -> None:
    server = Script(problem(503, "database-away"), httpx.Response(200, stream=Pieces(b"1\n")))
    assert [*server.api().campaigns.activity_export(CAMPAIGN)] == ["1\n"]
    assert len(server.requests) == 2
    with pytest.raises(NotFound):
        Script(problem(404)).api().campaigns.activity_export(CAMPAIGN)
