"""`drumbeat workspaces`: make and list the tenants of one Drumbeat. What is in one is seen by its keys alone."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from drumbeat.opsapi.keys import Json, KeyKeeper

app = typer.Typer(help="Make and list workspaces.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def create(
    context: typer.Context,
    workspace: Annotated[str, typer.Argument(metavar="ID", help="A short word: a-z, 0-9 and -.")],
    name: Annotated[str | None, typer.Option(help="What people call it; default: its id.")] = None,
) -> None:
    """Make a workspace; it needs a key of its own (`drumbeat keys create NAME --workspace ID`)."""
    keeper: KeyKeeper = context.obj
    with keeper.keys() as ring:
        ring.create_workspace(workspace, name or workspace, keeper.principal, now=keeper.now())
    typer.echo(workspace)


@app.command("list")
def list_workspaces(context: typer.Context, as_json: Json = False) -> None:
    """List the workspaces, with how many keys of each are not revoked."""
    keeper: KeyKeeper = context.obj
    with keeper.keys() as ring:
        rows = ring.workspaces()
    if as_json:
        told = [{**asdict(row), "made_at": row.made_at.isoformat()} for row in rows]
        typer.echo(json.dumps(told, indent=2))
        return
    for row in rows:
        keys = "1 key" if row.keys == 1 else f"{row.keys} keys"
        typer.echo(f"{row.workspace_id:<24}{keys:<12}{row.name}")
