"""The write API, to be served."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anyio import CapacityLimiter
from fastapi import FastAPI

from drumbeat.commands.dispatch import Commands
from drumbeat.commands.rebuilds import Rebuilds
from drumbeat.commands.uploads import Uploads
from drumbeat.web import app as web
from drumbeat.writeapi import (
    bulk,
    campaigns,
    contacts,
    copying,
    imports,
    people,
    rebuilds,
    senders,
    simulations,
    switches,
)
from drumbeat.writeapi.commanding import Services
from drumbeat.writeapi.copying import OpenSource

ROUTERS = (
    bulk.router,
    campaigns.router,
    contacts.router,
    copying.router,
    imports.router,
    imports.reading,
    people.router,
    people.reading,
    rebuilds.router,
    senders.router,
    simulations.router,
    switches.router,
)

_DESCRIPTION = """\
Commands: what happens is decided when it is asked for, and written to the log or refused by name. Every answer has
the `position` of its last event; a read asked with `at_least` that position shows the effect. `If-Match` carries
the version that the stream must stand at. The same command under the same `Idempotency-Key` has its effect once:
key and first answer are kept for {key_kept_for}, as every answer says (`Drumbeat-Key-Kept-Seconds`).
`dry_run=true` answers what would happen and writes nothing.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """What the write API needs. `dry` decides and writes nothing.

    `source` opens contacts of campaigns and their history. `imports_at_once`: uploads of a workspace that may wait
    or run. `page_rows`: the most on a page. `simulated_contacts`: the most in one simulation, None: any number.
    `commands_at_once`: single commands that are carried out at a time.
    """

    commands: Commands
    dry: Commands
    uploads: Uploads
    rebuilds: Rebuilds
    source: OpenSource
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    body_limit_bytes: int = 8 * 1024 * 1024
    key_kept_for: timedelta = timedelta(days=7)
    imports_at_once: int = 4
    page_rows: int = 500
    simulated_contacts: int | None = None
    commands_at_once: int = 4


def writing(deps: Deps) -> web.Part:
    """The write API, to be served beside others or alone."""

    @asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        app.state.writing = Services(
            commands=deps.commands,
            dry=deps.dry,
            uploads=deps.uploads,
            rebuilds=deps.rebuilds,
            source=deps.source,
            imports_at_once=deps.imports_at_once,
            page_rows=deps.page_rows,
            simulated_contacts=deps.simulated_contacts,
            at_once=CapacityLimiter(deps.commands_at_once),
            simulating=CapacityLimiter(1),
            clock=deps.clock,
            body_limit_bytes=deps.body_limit_bytes,
            key_kept_for=deps.key_kept_for,
        )
        try:
            yield
        finally:
            deps.uploads.close()
            deps.rebuilds.close()

    return web.Part(
        routers=ROUTERS,
        opened=opened,
        described=_DESCRIPTION.format(key_kept_for=_words(deps.key_kept_for)),
        maxima={"limit": deps.page_rows},
        examples=json.loads(Path(__file__).with_name("examples.json").read_bytes()),
    )


def _words(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"
