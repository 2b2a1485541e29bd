"""What concerns the whole installation, asked for over HTTP: for whom it is, and how wishes are written down.

Read models are of all workspaces. So whatever is done with them is for keys of the workspace `default` alone, with
the scope operate: whoever runs the installation has them, a tenant has none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request

from drumbeat.aggregates.refusals import RefusalCode as No
from drumbeat.aggregates.workspace import DEFAULT_WORKSPACE
from drumbeat.commands import rebuilds as wishes
from drumbeat.commands.command import Command
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.loop import Idempotency
from drumbeat.commands.rebuilds import OfProjections, Rebuild
from drumbeat.events.workspace import KeyScope
from drumbeat.web.authenticating import needs, principal_of
from drumbeat.web.problems import DatabaseAway
from drumbeat.writeapi.commanding import ALWAYS, Services, carry_out, keyed
from drumbeat.writeapi.problems import (
    REFUSALS,
    CannotGoLive,
    InvalidBody,
    NotForThisWorkspace,
    RebuildUnderWay,
    UnknownProjection,
    UnknownRebuild,
)

W = TypeVar("W", bound=OfProjections)


async def of_the_installation(request: Request) -> None:
    """What concerns every workspace is not for a tenant. Raises `NotForThisWorkspace`."""
    workspace_id = principal_of(request).workspace_id
    if workspace_id != DEFAULT_WORKSPACE:
        raise NotForThisWorkspace(
            f"read models are of all workspaces; this key is of {workspace_id!r}",
            allowed=f"a key of the workspace {DEFAULT_WORKSPACE} with the scope operate",
        )


def operator_router(tag: str) -> APIRouter:
    """A router for what concerns every workspace."""
    return APIRouter(tags=[tag], dependencies=[Depends(needs(KeyScope.OPERATE)), Depends(of_the_installation)])


EVERY = (*ALWAYS, NotForThisWorkspace)
"""What all of it may be answered."""
KEYED = (*EVERY, *(REFUSALS[no] for no in (No.IDEMPOTENCY_KEY_REUSED, No.CONFLICT)))
"""What may be answered to a wish, with or without an idempotency key."""
REBUILDS, REBUILD = "/projections/rebuilds", "/projections/rebuilds/{generation}"

Generation = Annotated[
    str,
    Path(
        pattern="^gen_[1-9][0-9]{0,8}$", description="As `GET /projections` and the answer to its start have it."
    ),
]


def services_of(request: Request) -> Services:
    """What the process has."""
    services: Services = request.app.state.writing
    return services


def chosen(wish: W) -> W:
    """A wish that says of which projections. Raises `InvalidBody`."""
    if wish.all is (wish.projections is not None):
        raise InvalidBody(
            "name projections, or say all", field="projections", allowed="either projections or all: true"
        )
    return wish


def find(request: Request, generation: str) -> Rebuild:
    """How a rebuild is doing. Raises `UnknownRebuild`."""
    found = services_of(request).rebuilds.find(generation)
    if found is None:
        raise UnknownRebuild(f"{generation} is no rebuild", field="generation", value=generation)
    return found


def noted(
    request: Request, wish: Command, key: str | None, *, dry_run: bool
) -> tuple[Idempotency | None, UUID | None]:
    """The idempotency of a wish, and its id: the same as before under a key that is known. None: a dry run."""
    once = keyed(request, key)
    done = carry_out(request, wish, once, dry_run=dry_run)
    return once, None if dry_run else UUID(done.results[0]["id"])


@contextmanager
def answering() -> Iterator[None]:
    """What cannot be, as a problem."""
    try:
        yield
    except wishes.NoProjection as unknown:
        named = {"field": "projections", "value": unknown.name, "allowed": list(unknown.known)}
        raise UnknownProjection(str(unknown), **named) from unknown
    except wishes.AlreadyUnderWay as under_way:
        raise RebuildUnderWay(str(under_way)) from under_way
    except wishes.NotToBe as refused:
        raise CannotGoLive(str(refused)) from refused
    except LedgerUnavailable as error:
        raise DatabaseAway("the database does not answer; send it again, with the same Idempotency-Key") from error
