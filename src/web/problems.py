"""What an API can answer instead of what was asked: problem documents of RFC 9457, and the kinds of every route.

Problem
├── BadRequest 400
│   ├── UnknownParameter      a query parameter that this route does not have
│   ├── InvalidParameter      a value that is not allowed
│   ├── PageTooLarge          more rows than this installation gives at once
│   ├── MalformedRequest      what was sent is no HTTP
│   ├── RequestCutOff         the client stopped in the middle of its request
│   └── InvalidHeader
├── Unauthenticated 401       with WWW-Authenticate
│   ├── NoKey
│   ├── UnknownKey            no key, or another secret: which one is not said
│   ├── ExpiredKey
│   └── RevokedKey
├── MissingScope 403
├── TooManyRequests 429       with Retry-After
├── NotFound 404
│   └── UnknownRoute
├── MethodNotAllowed 405
├── RequestTooSlow 408
├── HeadersTooLarge 431
├── Unavailable 503           with Retry-After
│   ├── DatabaseAway
│   ├── NotReady
│   └── TooManyConnections
└── InternalError 500         a mistake of ours
"""

from typing import Any, ClassVar

import msgspec
from starlette.responses import Response

CONTENT_TYPE = "application/problem+json"


class ProblemDocument(msgspec.Struct, omit_defaults=True, rename={"type_": "type"}):
    """A problem, RFC 9457. `type` never changes for a kind of problem; `detail` is for people."""

    type_: str
    title: str
    status: int
    detail: str
    code: str
    """The last part of `type`: the same word for programs."""
    instance: str | None = None
    """The path that was asked."""
    correlation_id: str | None = None
    field: str | None = None
    """The parameter at fault."""
    value: Any = None
    """What it was."""
    allowed: str | list[str] | None = None
    """What it may be."""
    position: int | None = None
    """How far the read models are, where that is the problem."""
    retry_after_seconds: int | None = None


class Problem(Exception):
    """The base of this module's errors. A subclass names its HTTP status, its stable code and its title."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    retry_after_seconds: ClassVar[int | None] = None

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members

    def document(self, *, instance: str | None = None, correlation_id: str | None = None) -> ProblemDocument:
        """The document that a client sees."""
        return ProblemDocument(
            type_=type_uri(self.code),
            title=self.title,
            status=self.status,
            detail=self.detail,
            code=self.code,
            instance=instance,
            correlation_id=correlation_id,
            retry_after_seconds=self.retry_after_seconds,
            **self.members,
        )

    def headers(self) -> dict[str, str]:
        """Headers beside the content type."""
        retry = {} if self.retry_after_seconds is None else {"Retry-After": str(self.retry_after_seconds)}
        return {"Cache-Control": "no-store", **retry}

    def response(self, *, instance: str | None = None, correlation_id: str | None = None) -> Response:
        """The whole answer."""
        body = msgspec.json.encode(self.document(instance=instance, correlation_id=correlation_id))
        return Response(body, self.status, self.headers(), CONTENT_TYPE)


def type_uri(code: str) -> str:
    """The URI that names a kind of problem; docs/api.md describes each."""
    return f"urn:drumbeat:problem:{code}"


class BadRequest(Problem):
    """The question itself is wrong; asked again it will be wrong again."""

    status = 400


class UnknownParameter(BadRequest):
    code = "unknown-parameter"
    title = "This route does not have that parameter"


class InvalidParameter(BadRequest):
    code = "invalid-parameter"
    title = "A parameter has a value that is not allowed"


class PageTooLarge(BadRequest):
    code = "page-too-large"
    title = "A page of that many rows is not given"


class MalformedRequest(BadRequest):
    code = "malformed-request"
    title = "What was sent is no request of HTTP"


class RequestCutOff(BadRequest):
    code = "request-cut-off"
    title = "The request ended before it was whole"


class InvalidHeader(BadRequest):
    code = "invalid-header"
    title = "A header has a value that is not allowed"


class Unauthenticated(Problem):
    """Who asks is not known; the same again with a key may be answered."""

    status = 401
    challenge: ClassVar[str] = 'Bearer realm="drumbeat", error="invalid_token"'

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "WWW-Authenticate": self.challenge}


class NoKey(Unauthenticated):
    code = "no-key"
    title = "This needs a key, and none was shown"
    challenge = 'Bearer realm="drumbeat"'


class UnknownKey(Unauthenticated):
    code = "unknown-key"
    title = "What was shown is no key"


class ExpiredKey(Unauthenticated):
    code = "expired-key"
    title = "The time of the key is over"


class RevokedKey(Unauthenticated):
    code = "revoked-key"
    title = "The key was revoked, or its secret was replaced"


class MissingScope(Problem):
    """`allowed` names the scope that is needed."""

    status = 403
    code = "missing-scope"
    title = "The key is not for this"

    def headers(self) -> dict[str, str]:
        needed = self.members["allowed"]
        challenge = f'Bearer realm="drumbeat", error="insufficient_scope", scope="{needed}"'
        return {**super().headers(), "WWW-Authenticate": challenge}


class TooManyRequests(Problem):
    """Of one key in one second; it may go on after `Retry-After`."""

    status = 429
    code = "too-many-requests"
    title = "The key asks more often than keys may"
    retry_after_seconds = 1


class NotFound(Problem):
    """There is no such thing, or it is not this workspace's."""

    status = 404


class UnknownRoute(NotFound):
    code = "unknown-route"
    title = "There is nothing at this path"


class MethodNotAllowed(Problem):
    status = 405
    code = "method-not-allowed"
    title = "This path does not take that method"

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "Allow": self.members["allowed"]}


class RequestTooSlow(Problem):
    status = 408
    code = "request-too-slow"
    title = "The request did not arrive in time"


class HeadersTooLarge(Problem):
    status = 431
    code = "headers-too-large"
    title = "The headers are larger than this server takes"


class Unavailable(Problem):
    """Not now; the same question may be asked again after `Retry-After`."""

    status = 503
    retry_after_seconds = 1


class DatabaseAway(Unavailable):
    code = "database-away"
    title = "The database cannot be reached"
    retry_after_seconds = 2


class NotReady(Unavailable):
    code = "not-ready"
    title = "This process cannot answer yet"
    retry_after_seconds = 2


class TooManyConnections(Unavailable):
    code = "too-many-connections"
    title = "Too many connections are open"


class InternalError(Problem):
    status = 500
    code = "internal-error"
    title = "Something broke on our side"


OF_ANY_REQUEST: tuple[type[Problem], ...] = (
    MalformedRequest,
    RequestCutOff,
    RequestTooSlow,
    HeadersTooLarge,
    TooManyConnections,
)
"""What the server itself may answer, before any route is asked."""
