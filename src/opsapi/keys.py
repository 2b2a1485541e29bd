"""`drumbeat keys`: make, list, renew and end the keys of a workspace. A key is shown once, when it is made."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from drumbeat.access import DEFAULT_WORKSPACE
from drumbeat.access.api_keys import KeyRow
from drumbeat.events import Principal
from drumbeat.events.workspace import KeyScope
from drumbeat.opsapi.durations import duration, instant

if TYPE_CHECKING:
    from drumbeat.access.keyring import KeyRing


class KeyKeeper(Protocol):
    """What the command line lends to these commands; it stands in the context's `obj`."""

    def keys(self) -> AbstractContextManager["KeyRing"]:
        """What makes and ends keys. Raises `LedgerUnavailable`."""
        ...

    @property
    def principal(self) -> Principal:
        """Who is at the keyboard."""
        ...

    def now(self) -> datetime:
        """The clock."""
        ...


app = typer.Typer(help="Make, list, renew and end keys of the API.", no_args_is_help=True, rich_markup_mode=None)

Key = Annotated[str, typer.Argument(metavar="KEY", help="Its name or its id.")]
Workspace = Annotated[str, typer.Option(help="The workspace that it belongs to.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="How the audit history calls who acts with it.")],
    scopes: Annotated[
        list[KeyScope], typer.Option("--scope", help="What it is for; give several times for several.")
    ],
    expires_in: Annotated[str | None, typer.Option(help="It works so long: 12h, 90d.")] = None,
    expires_at: Annotated[str | None, typer.Option(metavar="INSTANT", help="Or until then.")] = None,
    workspace: Workspace = DEFAULT_WORKSPACE,
    as_json: Json = False,
) -> None:
    """Make a key, and show it this once."""
    if expires_in is not None and expires_at is not None:
        raise typer.BadParameter("--expires-in and --expires-at say the same thing: give one")
    keeper = _keeper(context)
    now = keeper.now()
    until = now + duration(expires_in) if expires_in is not None else instant(expires_at) if expires_at else None
    with keeper.keys() as ring:
        token, row = ring.create(name, scopes, _who(keeper, workspace), now=now, expires_at=until)
    _show_once(token.text(), row, now, as_json=as_json)


@app.command("list")
def list_keys(context: typer.Context, workspace: Workspace = DEFAULT_WORKSPACE, as_json: Json = False) -> None:
    """List the keys of a workspace, with what they are for and when they were used last."""
    keeper = _keeper(context)
    with keeper.keys() as ring:
        rows = ring.keys(workspace)
    now = keeper.now()
    if as_json:
        typer.echo(json.dumps([document(row, now) for row in rows], indent=2))
        return
    typer.echo("\n".join(lines(rows, now)))


@app.command()
def rotate(
    context: typer.Context,
    key: Key,
    overlap: Annotated[str, typer.Option(help="So long the old secret works too: 10m, 1d; at most 30d.")] = "0s",
    workspace: Workspace = DEFAULT_WORKSPACE,
    as_json: Json = False,
) -> None:
    """Give a key a new secret, and show it this once. The old one stops at once unless there is an overlap."""
    keeper = _keeper(context)
    now, both = keeper.now(), duration(overlap)
    with keeper.keys() as ring:
        token, row = ring.rotate(key, _who(keeper, workspace), now=now, overlap=both)
    _show_once(token.text(), row, now, as_json=as_json)


@app.command()
def revoke(context: typer.Context, key: Key, workspace: Workspace = DEFAULT_WORKSPACE) -> None:
    """Let a key work no more. Processes that know it admit it for DRUMBEAT_KEY_TRUSTED_SECONDS at most."""
    keeper = _keeper(context)
    with keeper.keys() as ring:
        ring.revoke(key, _who(keeper, workspace), now=keeper.now())
    typer.echo(f"{key} is revoked", err=True)


def document(row: KeyRow, now: datetime) -> dict[str, Any]:
    """A key for programs. There is no secret in it."""
    told = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in (asdict(row) | {"scopes": [*row.scopes]}).items()
    }
    return {**told, "key_id": str(row.key_id), "state": row.state(now)}


def lines(rows: Sequence[KeyRow], now: datetime) -> list[str]:
    """A line a key, for people."""
    if not rows:
        return ["there are no keys in this workspace"]
    return [
        f"{row.key_id}  {row.name:<24}{row.state(now):<9}{','.join(row.scopes):<32}"
        f"used {_when(row.last_used_at)}, expires {_when(row.expires_at)}"
        for row in rows
    ]


def _show_once(token: str, row: KeyRow, now: datetime, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"key": token, **document(row, now)}, indent=2))
        return
    typer.echo(token)
    typer.echo(
        f"the key {row.name!r} of {row.workspace_id}: {', '.join(row.scopes)}; it is not shown again", err=True
    )


def _when(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _keeper(context: typer.Context) -> KeyKeeper:
    keeper: KeyKeeper = context.obj
    return keeper


def _who(keeper: KeyKeeper, workspace: str) -> Principal:
    return replace(keeper.principal, workspace_id=workspace)
