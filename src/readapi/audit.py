"""Proof that nothing was altered: signed heads of the tree over the log, and proofs against them.

A proof shows hashes, and of events only those of the workspace that asks.
"""

from base64 import b64encode
from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Path, Query, Request
from starlette.responses import Response

from drumbeat.audit import stored
from drumbeat.audit.heads import SignedHead
from drumbeat.audit.merkle import Range, inclusion, roots, tiles_of
from drumbeat.audit.merkle import consistency as consistent
from drumbeat.events.workspace import KeyScope
from drumbeat.eventstore.connections import LogConnection
from drumbeat.readapi import routing
from drumbeat.readapi.problems import NotSignedYet, UnknownEvent
from drumbeat.web.authenticating import GUARDED, principal_of
from drumbeat.web.problems import InternalError, InvalidParameter

router = routing.plain_router("audit", KeyScope.READ)

_GREATEST = 2**63 - 1
_ALWAYS = (*GUARDED, NotSignedYet, InternalError)
_PROOF = (*_ALWAYS, InvalidParameter)

Size = Annotated[
    int | None, Query(ge=1, le=_GREATEST, description="For the head of so many leaves; else for the newest.")
]


class Head(msgspec.Struct):
    """A signed tree head (RFC 6962): leaves, milliseconds since 1970 UTC, root hash, and their Ed25519 signature.

    Bytes are Base64. `public_key` is the key that the log says is its own: compare it with the one you were given.
    """

    tree_size: int
    timestamp: int
    sha256_root_hash: str
    tree_head_signature: str
    public_key: str


class Inclusion(msgspec.Struct):
    """An event with everything that shows that it is in the log: its bytes as stored, its leaf, and the hashes.

    The leaf's hash is SHA-256 of 0x00, the position as 8 bytes (the greatest first) and the bytes.
    """

    position: int
    bytes: str
    leaf_index: int
    audit_path: list[str]
    head: Head


class Consistency(msgspec.Struct):
    """Two heads, and the hashes that show that the tree of the second begins with that of the first."""

    first: Head
    second: Head
    consistency: list[str]


class _Owner(msgspec.Struct):
    workspaceid: str


_owner_of = msgspec.json.Decoder(_Owner).decode


@routing.serves(
    router,
    "/audit/head",
    answers=Head,
    problems=_ALWAYS,
    summary="The newest signed head of the tree over the log",
)
def audit_head(request: Request) -> Response:
    """One tree is over the log of all workspaces. Keep heads elsewhere: only they show what is cut off."""
    with request.app.state.services.ledger.lent() as connection:
        return _answer(_shown(_head(connection, None)))


@routing.serves(
    router,
    "/audit/proofs/events/{event_id}",
    answers=Inclusion,
    problems=(*_PROOF, UnknownEvent),
    summary="Proof that an event is in the log, by its id",
)
def event_proof(request: Request, event_id: UUID, tree_size: Size = None) -> Response:
    """An event comes into the tree within seconds, and under a head when the next one is signed."""
    with request.app.state.services.ledger.lent() as connection:
        return _prove(request, connection, stored.events_of_id(connection, event_id), tree_size)


@routing.serves(
    router,
    "/audit/proofs/positions/{position}",
    answers=Inclusion,
    problems=(*_PROOF, UnknownEvent),
    summary="Proof that an event is in the log, by its position",
)
def position_proof(
    request: Request, position: Annotated[int, Path(ge=1, le=_GREATEST)], tree_size: Size = None
) -> Response:
    """Positions have holes, leaves have none: `leaf_index` counts the events before."""
    with request.app.state.services.ledger.lent() as connection:
        return _prove(request, connection, stored.event_at(connection, position), tree_size)


@routing.serves(
    router,
    "/audit/proofs/consistency",
    answers=Consistency,
    problems=_PROOF,
    summary="Proof that the log of a later head begins with that of an earlier one",
)
def consistency_proof(
    request: Request,
    from_: Annotated[
        int | None,
        Query(alias="from", ge=1, le=_GREATEST, description="Leaves of the earlier head; else the first."),
    ] = None,
    to: Annotated[
        int | None, Query(ge=1, le=_GREATEST, description="Leaves of the later head; else the newest.")
    ] = None,
) -> Response:
    """Sizes are those of signed heads."""
    with request.app.state.services.ledger.lent() as connection:
        first = _head(connection, from_, "from", else_=stored.first_head)
        second = _head(connection, to, "to")
        if first.tree_size > second.tree_size:
            raise InvalidParameter(
                "from is greater than to", field="from", value=from_, allowed=f"up to {second.tree_size}"
            )
        proof = _hashes(connection, consistent(first.tree_size, second.tree_size))
        return _answer(Consistency(_shown(first), _shown(second), proof))


def _prove(request: Request, connection: LogConnection, events: stored.Events, tree_size: int | None) -> Response:
    workspace_id = principal_of(request).workspace_id
    position, raw = next((one for one in events if _is_of(workspace_id, one[1])), (0, b""))
    if not position:
        raise UnknownEvent("this workspace has no such event, or it has not come into the tree yet")
    head, leaf = _head(connection, tree_size), stored.leaf_at(connection, position)
    if leaf is None or (tree_size is None and leaf.number >= head.tree_size):
        raise NotSignedYet("no head was signed since this event came into the log; try again")
    if leaf.number >= head.tree_size:
        raise InvalidParameter(
            f"the event is leaf {leaf.number}, which that head does not cover",
            field="tree_size",
            value=tree_size,
            allowed=f"the size of a signed head above {leaf.number}",
        )
    path = _hashes(connection, inclusion(leaf.number, head.tree_size))
    return _answer(Inclusion(position, b64encode(raw).decode(), leaf.number, path, _shown(head)))


def _head(
    connection: LogConnection,
    size: int | None,
    field: str = "tree_size",
    *,
    else_: Callable[[LogConnection], SignedHead | None] = stored.newest_head,
) -> SignedHead:
    if size is None:
        head = else_(connection)
        if head is None:
            raise NotSignedYet("no tree head was signed yet; try again")
        return head
    found = stored.head_of_size(connection, size)
    if found is None:
        raise InvalidParameter(
            f"no head of {size} leaves was signed", field=field, value=size, allowed="the size of a signed head"
        )
    return found


def _hashes(connection: LogConnection, ranges: list[Range]) -> list[str]:
    found = stored.tiles(connection, tiles_of(ranges)) if ranges else {}
    return [b64encode(one).decode() for one in roots(ranges, found)]


def _is_of(workspace_id: str, raw: bytes) -> bool:
    try:
        return _owner_of(raw).workspaceid == workspace_id
    except msgspec.MsgspecError:
        return False  # what is no event belongs to nobody


def _shown(head: SignedHead) -> Head:
    return msgspec.convert(head.document(), Head)


def _answer(body: msgspec.Struct) -> Response:
    headers = {"Cache-Control": "private, no-cache"}
    return Response(msgspec.json.encode(body), headers=headers, media_type="application/json")
