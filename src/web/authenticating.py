"""Who sends a request, and whether they may: told by the key in `Authorization: Bearer`, never by a body.

A dependency of every route that needs a key. It runs before the body is read, and never blocks the event loop: a
key that is known is found in memory, any other is looked up by a thread.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from fastapi import Request
from fastapi.dependencies.models import Dependant

from drumbeat.access.authenticator import Authenticator, Holder, KeyExpired, KeyRevoked, NotAdmitted
from drumbeat.access.rate_limit import RateLimit
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.events import Cause, Principal
from drumbeat.events.workspace import KeyScope
from drumbeat.web.declaring import refuse_unknown
from drumbeat.web.problems import (
    DatabaseAway,
    ExpiredKey,
    InvalidHeader,
    MissingScope,
    NoKey,
    Problem,
    RevokedKey,
    TooManyRequests,
    UnknownKey,
)

F = TypeVar("F", bound=Callable[..., Any])

ACTOR_HEADER: Final = "Drumbeat-Actor"
LONGEST_ACTOR: Final = 100
_AUTHORIZATION: Final = b"authorization"
_ACTOR: Final = ACTOR_HEADER.lower().encode()

GUARDED: tuple[type[Problem], ...] = (
    NoKey, UnknownKey, ExpiredKey, RevokedKey, MissingScope, TooManyRequests, InvalidHeader, DatabaseAway,
)  # fmt: skip
"""What every route that needs a key may answer."""


class Gate(Protocol):
    """Tells who sends a request. One an application."""

    async def admit(self, request: Request, needed: KeyScope) -> Principal:
        """The principal of a request that needs a scope. Raises a `Problem` of `GUARDED`."""
        ...

    def close(self) -> None:
        """The application ends."""
        ...


@dataclass(frozen=True, slots=True)
class OwnProcess:
    """Admits whatever this process asks itself, as the principal that it names; it has no port.

    Whoever runs the command line on a database can read all of it anyway.
    """

    principal: Callable[[], Principal]

    async def admit(self, request: Request, needed: KeyScope) -> Principal:  # noqa: ARG002  everything is allowed
        """See `Gate`."""
        return self.principal()

    def close(self) -> None:
        """Nothing is held."""


class KeyGate:
    """Admits who shows a key, as often as keys may ask."""

    def __init__(
        self,
        keys: Authenticator,
        limit: RateLimit,
        *,
        wait_seconds: float = 10.0,
        closed: Callable[[], None] = lambda: None,
    ) -> None:
        """`wait_seconds`: how long a key that has to be looked up is waited for before the answer is 503.

        `closed` is called when the gate was closed, to close what its look-ups used.
        """
        self.keys = keys
        self._limit = limit
        self._wait_seconds = wait_seconds
        self._closed = closed

    async def admit(self, request: Request, needed: KeyScope) -> Principal:
        """See `Gate`."""
        token, actor = _told(request)
        holder = await self._holder(token)
        if self._limit.take(holder.key_id):
            raise TooManyRequests(
                f"the key {holder.name!r} has sent more than {self._limit.per_second} requests in a second",
                allowed=f"{self._limit.per_second} requests a second",
            )
        _require(holder, needed)
        name = f"key:{holder.name}"
        if actor is not None:
            _require(holder, KeyScope.IMPERSONATE)
        correlation_id: UUID = request.scope["state"]["correlation_id"]
        return Principal(
            workspace_id=holder.workspace_id,
            actor=name if actor is None else actor,
            cause=Cause.USER,
            correlation_id=correlation_id,
            via=None if actor is None else name,
        )

    def close(self) -> None:
        """End its threads."""
        self.keys.close()
        self._closed()

    async def _holder(self, token: str) -> Holder:
        try:
            known = self.keys.known(token)
            if known is not None:
                return known
            looking = asyncio.get_running_loop().run_in_executor(self.keys.executor, self.keys.look_up, token)
            return await asyncio.wait_for(looking, self._wait_seconds)
        except KeyExpired as error:
            raise ExpiredKey(str(error)) from error
        except KeyRevoked as error:
            raise RevokedKey(str(error)) from error
        except NotAdmitted as error:
            raise UnknownKey(str(error)) from error
        except (LedgerUnavailable, TimeoutError) as error:
            raise DatabaseAway("the database that knows the keys does not answer; try again") from error


def needs(scope: KeyScope) -> Callable[[Request], Coroutine[Any, Any, Principal]]:
    """The dependency of a route that needs a scope; it refuses unknown parameters too, after that."""

    @asks_for(scope)
    async def admitted(request: Request) -> Principal:
        principal = await admit(request, scope)
        refuse_unknown(request)
        return principal

    return admitted


async def admit(request: Request, scope: KeyScope) -> Principal:
    """Who sends a request that needs a scope; `principal_of` tells it again. Raises a `Problem` of `GUARDED`."""
    gate: Gate = request.app.state.gate
    principal = await gate.admit(request, scope)
    request.scope["state"]["principal"] = principal
    return principal


def principal_of(request: Request) -> Principal:
    """Who sends a request that was admitted."""
    principal: Principal = request.scope["state"]["principal"]
    return principal


def asks_for(scope: KeyScope) -> Callable[[F], F]:
    """Marks a dependency that admits: the OpenAPI document tells of its routes which scope they need."""

    def mark(dependency: F) -> F:
        _SCOPES[dependency] = scope
        return dependency

    return mark


def scope_of(dependant: Dependant) -> KeyScope | None:
    """The scope that a route needs, by its dependencies; None when it is open."""
    if dependant.call in _SCOPES:
        return _SCOPES[dependant.call]
    return next((scope for inner in dependant.dependencies if (scope := scope_of(inner))), None)


_SCOPES: dict[Callable[..., Any], KeyScope] = {}
"""Filled while the modules of endpoints are imported, then read only."""


SECURITY_SCHEMES: Final = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of a workspace, as `drumbeat keys create` shows it once. Each operation names the "
        "scope that the key must have.",
    }
}


def _told(request: Request) -> tuple[str, str | None]:
    """The token and the actor that the headers name."""
    authorization = actor = None
    for name, value in request.scope["headers"]:
        if name == _AUTHORIZATION:
            if authorization is not None:
                raise UnknownKey("Authorization stands twice")
            authorization = value
        elif name == _ACTOR:
            if actor is not None:
                raise InvalidHeader(f"{ACTOR_HEADER} stands twice", field=ACTOR_HEADER, allowed="one value")
            actor = value
    if not authorization:
        raise NoKey("this needs a key: Authorization: Bearer KEY")
    scheme, _, token = authorization.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer":
        raise UnknownKey("Authorization is not Bearer KEY")
    return token.strip(), None if actor is None else _actor(actor)


def _actor(value: bytes) -> str:
    try:
        name = value.decode().strip()
    except UnicodeDecodeError:
        name = ""
    # A person is never taken for a key: the history tells them apart by this.
    if not 1 <= len(name) <= LONGEST_ACTOR or not name.isprintable() or name.startswith("key:"):
        raise InvalidHeader(
            f"{ACTOR_HEADER} is the name of a person",
            field=ACTOR_HEADER,
            allowed=f"1 to {LONGEST_ACTOR} printable characters in UTF-8, not beginning with key:",
        )
    return name


def _require(holder: Holder, scope: KeyScope) -> None:
    if scope not in holder.scopes:
        has = ", ".join(sorted(holder.scopes))
        raise MissingScope(f"this needs the scope {scope}; the key {holder.name!r} has {has}", allowed=scope.value)
