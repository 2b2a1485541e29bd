"""Requests and answers: what is sent how, what is sent again, what comes back as what."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
import msgspec
from msgspec import UNSET

from drumbeat.client.errors import CutOff, NoAnswer, UnreadableAnswer, error_of
from drumbeat.client.generated.models import ProblemDocument
from drumbeat.client.retrying import Retries
from drumbeat.client.values import token_of

T = TypeVar("T")

_JSON = "application/json"
_PROBLEM = "application/problem+json"
_LATER = frozenset({429, 503})


def path(template: str, **parameters: object) -> str:
    """A path with its parameters put in."""
    return template.format_map({name: quote(str(value), safe="") for name, value in parameters.items()})


class Connection:
    """Sends requests to one address. May be used by many threads at once."""

    def __init__(self, http: httpx.Client, retries: Retries) -> None:
        self._http = http
        self._retries = retries

    def read(self, method: str, where: str, *, answers: type[T], query: Mapping[str, object] | None = None) -> T:
        """Ask, and decode the answer."""
        return _decoded(self._sent(method, where, query=query), answers)

    def raw(
        self, method: str, where: str, *, answers: type[bytes], query: Mapping[str, object] | None = None
    ) -> bytes:
        """Ask for what is no JSON."""
        return answers(self._sent(method, where, query=query).content)

    def lines(
        self, method: str, where: str, *, answers: type[str], query: Mapping[str, object] | None = None
    ) -> Iterator[str]:
        """Ask for text of any length: its lines with their ends, read as they are asked for. Memory does not grow
        with it; until the last one, or `close`, it takes a connection. Raises `CutOff` where it breaks off.
        """
        answer = self._sent(method, where, query=query, streamed=True)
        return _lines(answer, answers)

    def command(
        self,
        method: str,
        where: str,
        *,
        answers: type[T],
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        content: bytes | None = None,
        content_type: str = _JSON,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> T:
        """Give a command, and decode its answer. Every attempt of one call has the same key."""
        key = idempotency_key or str(uuid4())
        headers = {"Idempotency-Key": key}
        if if_match is not None:
            headers["If-Match"] = f'"{if_match}"'
        if body is not None:
            given = {name: value for name, value in body.items() if value is not UNSET}
            content = msgspec.json.encode(given)
        if content is not None:
            headers["Content-Type"] = content_type
        return _decoded(
            self._sent(method, where, query=query, headers=headers, content=content, idempotency_key=key), answers
        )

    def _sent(
        self,
        method: str,
        where: str,
        *,
        query: Mapping[str, object] | None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        idempotency_key: str | None = None,
        streamed: bool = False,
    ) -> httpx.Response:
        request = self._http.build_request(method, where, params=_query(query), headers=headers, content=content)
        attempt, waited = 1, 0.0
        while True:
            answer: httpx.Response | None = None
            failed: httpx.TransportError | None = None
            try:
                answer = self._http.send(request, stream=streamed)
                if not answer.is_success:
                    answer.read()
            except httpx.TransportError as error:
                failed = error
            if answer is not None and answer.status_code not in _LATER:
                return _succeeded(answer)
            pause = self._retries.pause(attempt, retry_after=_retry_after(answer))
            if attempt >= self._retries.attempts or waited + pause > self._retries.patience_seconds:
                if answer is not None:
                    return _succeeded(answer)
                words = f"{method} {request.url.path} had no answer in {attempt} attempts: {failed}"
                raise NoAnswer(words, idempotency_key=idempotency_key) from failed
            self._retries.sleep(pause)
            attempt, waited = attempt + 1, waited + pause


def _lines(answer: httpx.Response, kind: type[str]) -> Iterator[str]:
    # Not httpx's own lines: those end at characters that may stand within a row, and lose their ends.
    rest = b""
    try:
        for piece in answer.iter_bytes():
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield kind(line + b"\n", "utf-8")
        if rest:
            yield kind(rest, "utf-8")
    except httpx.TransportError as error:
        raise CutOff(f"{answer.request.url.path} broke off: {error}") from error
    finally:
        answer.close()


def _retry_after(answer: httpx.Response | None) -> float | None:
    told = "" if answer is None else answer.headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdigit() else None


def _query(query: Mapping[str, object] | None) -> list[tuple[str, str | int | float | bool | None]]:
    pairs: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in (query or {}).items():
        values = value if isinstance(value, list | tuple | set | frozenset) else [value]
        pairs += [(name, _text(name, one)) for one in values if one is not None]
    return pairs


def _text(name: str, value: Any) -> str:
    if name == "at_least":
        return token_of(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _succeeded(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    if answer.headers.get("Content-Type", "").partition(";")[0] == _PROBLEM:
        raise error_of(_decoded(answer, ProblemDocument))
    raise UnreadableAnswer(f"{answer.request.url} answered {answer.status_code}", status=answer.status_code)


def _decoded(answer: httpx.Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError as error:
        words = f"{answer.request.url.path} answered what this client does not understand: {error}"
        raise UnreadableAnswer(words, status=answer.status_code) from error
