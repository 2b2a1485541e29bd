"""`drumbeat reconcile`, as the command line knows it."""

import json
from contextlib import AbstractContextManager
from typing import Annotated, Protocol

import typer

from drumbeat.opsapi.exits import Exit
from drumbeat.settings import Settings
from drumbeat.transport.cluster import quieten_the_library


class Databases(Protocol):
    """What the command line lends; it stands in the context's `obj`."""

    def databases(self, process: str) -> AbstractContextManager[tuple[Settings, str]]:
        """The settings in force and the URL of the log's database, with schemas that fit."""
        ...


def reconcile(
    context: typer.Context,
    since: Annotated[int, typer.Option(min=0, help="Judge only what lies above this position.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")] = False,
) -> None:
    """Compare log, topics and read models event by event; name what is missing, doubled or late."""
    from drumbeat.opsapi.reconciling import reconcile_as_set
    from drumbeat.opsapi.showing import progress

    quieten_the_library()
    lent: Databases = context.obj
    with lent.databases("reconcile") as (settings, url), progress("comparing") as show:
        report = reconcile_as_set(settings, url, since=since, show=show)
    typer.echo(json.dumps(report.document(), indent=2) if as_json else "\n".join(report.lines()))
    raise typer.Exit(Exit.DONE if report.agrees else Exit.REFUSED)
