"""What the groups of commands work with: the API, asked from inside; commands given as this account; keys; topics.

Each group says in a protocol what it needs of it, and finds it in the context's `obj`.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from drumbeat import settings as settings_module
from drumbeat.access import person
from drumbeat.commands.command import Command, Done
from drumbeat.events import Principal
from drumbeat.opsapi.local_key import LocalKey, find_or_make
from drumbeat.opsapi.schemas import check_all_schemas
from drumbeat.opsapi.streams import create_or_check
from drumbeat.settings import Settings
from drumbeat.telemetry import configure_logging
from drumbeat.transport.topic_differences import Outcome

if TYPE_CHECKING:
    from drumbeat.access.keyring import KeyRing
    from drumbeat.opsapi.replaying import Replay
    from drumbeat.projections.rebuild.rebuild import Rebuild


def settings_of(process: str, *, quiet: bool = False) -> Settings:
    """The settings, with logging set up; what answers a person on the spot is `quiet` unless told otherwise."""
    settings = settings_module.read(os.environ)
    level = "warning" if quiet and "log_level" not in settings.model_fields_set else settings.log_level.value
    configure_logging(process=process, level=level, log_format=settings.log_format.value)
    return settings


def say(words: str) -> None:
    """Tell the person at the keyboard, beside what a command answers."""
    print(words, file=sys.stderr, flush=True)


def local_key(settings: Settings, database_url: str) -> LocalKey:
    """The key of the person at this machine, made when there is none. Raises `Failed`, `LedgerUnavailable`."""
    from drumbeat import bootstrap
    from drumbeat.opsapi.authentication import key_ring

    with bootstrap.ledger(settings, database_url) as on:
        ring = key_ring(database_url, bootstrap.commands(database_url, on, settings))
        return find_or_make(settings.key_file, ring, person(), now=bootstrap.now())


class Operator:
    """The person at the keyboard, who has the database and so needs no key. For one command."""

    def ask(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """What the read API answers. Raises `Failed`."""
        from drumbeat import bootstrap
        from drumbeat.opsapi import inside
        from drumbeat.web.authenticating import OwnProcess

        with self.databases("campaign") as (in_force, url):
            return asyncio.run(inside.ask(bootstrap.api(in_force, url, OwnProcess(person)), path, query))

    def copy(
        self, path: str, query: Sequence[tuple[str, str]], write: Callable[[bytes], object]
    ) -> Mapping[str, str]:
        """Hand what the read API answers to `write`, piece by piece; the answer's headers. Raises `Failed`."""
        from drumbeat import bootstrap
        from drumbeat.opsapi import inside
        from drumbeat.web.authenticating import OwnProcess

        with self.databases("activity") as (in_force, url):
            return asyncio.run(inside.copy(bootstrap.api(in_force, url, OwnProcess(person)), path, query, write))

    def simulate(self, campaign_id: UUID, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the API answers to a simulation. Raises `Failed`, `LedgerUnavailable`."""
        from drumbeat import bootstrap
        from drumbeat.opsapi import inside
        from drumbeat.web.authenticating import OwnProcess

        with self.databases("simulate") as (in_force, url), bootstrap.ledger(in_force, url) as on:
            # Nobody else waits for this process: the bound of the API is not for it.
            unbounded = in_force.model_copy(update={"max_simulated_contacts": sys.maxsize})
            app = bootstrap.api(unbounded, url, OwnProcess(person), on)
            return asyncio.run(inside.ask(app, f"/campaigns/{campaign_id}/simulations", {}, body))

    def give(self, command: Command) -> Done:
        """Carry out a command. Raises `Refused`, `LedgerUnavailable`."""
        from drumbeat import bootstrap
        from drumbeat.opsapi import databases

        in_force = settings_of("campaign", quiet=True)
        with databases.database(in_force, say=say) as url, bootstrap.ledger(in_force, url) as on:
            return bootstrap.commands(url, on, in_force).execute(command, person(), now=bootstrap.now())

    def person(self, reference: str) -> dict[str, Any]:
        """Everything that is known of a person. Raises `Refused`, `LedgerUnavailable`."""
        from drumbeat import bootstrap

        with self.databases("people") as (in_force, url), bootstrap.ledger(in_force, url) as on:
            return bootstrap.commands(url, on, in_force).person(reference, person(), now=bootstrap.now())

    @contextmanager
    def replay(self) -> Iterator["Replay"]:
        """The log, to be stepped through. Raises `LedgerUnavailable`, `SchemaMismatch`."""
        from drumbeat import bootstrap
        from drumbeat.opsapi.replaying import Replay
        from drumbeat.transport.source import LogSource

        with (
            self.databases("replay") as (in_force, url),
            bootstrap.ledger(in_force, url) as on,
            closing(LogSource(url)) as source,
        ):
            yield Replay(on, source, bootstrap.PROJECTIONS, person().workspace_id)

    @contextmanager
    def keys(self) -> Iterator["KeyRing"]:
        """What makes and ends keys. Raises `LedgerUnavailable`, `SchemaMismatch`."""
        from drumbeat import bootstrap
        from drumbeat.opsapi.authentication import key_ring

        with self.databases("keys") as (in_force, url), bootstrap.ledger(in_force, url) as on:
            yield key_ring(url, bootstrap.commands(url, on, in_force))

    @property
    def principal(self) -> Principal:
        """Who is at the keyboard, in the default workspace."""
        return person()

    @property
    def actor(self) -> str:
        """The name of the account."""
        return person().actor

    def now(self) -> datetime:
        """The real clock, in UTC."""
        from drumbeat import bootstrap

        return bootstrap.now()

    def read_models(self) -> AbstractContextManager[str]:
        """The URL of the database with the read models."""
        from drumbeat.opsapi import databases

        in_force = settings_of("dead-letters", quiet=True)
        own = in_force.read_database_url
        return databases.database(in_force, say=say) if own is None else nullcontext(own)

    @contextmanager
    def rebuild(self, *, workers: int = 1) -> "Iterator[Rebuild]":
        """What makes read models anew."""
        from drumbeat import bootstrap
        from drumbeat.opsapi.projecting import asking
        from drumbeat.opsapi.schemas import read_url
        from drumbeat.projections.rebuild.rebuild import Rebuild

        with self.databases("projections") as (in_force, url):
            asks = partial(asking, in_force, url)
            yield Rebuild(url, read_url(in_force, url), bootstrap.projections, asks, workers=workers, say=say)

    def topics(self, *, make: bool) -> list[Outcome]:
        """What became of every topic. Raises `KafkaProblem`."""
        return create_or_check(settings_of("streams", quiet=True), make=make)

    @contextmanager
    def databases(self, process: str) -> Iterator[tuple[Settings, str]]:
        """The settings, and the URL of the log's database, whose schemas are those of this code."""
        from drumbeat.opsapi.databases import database

        in_force = settings_of(process, quiet=True)
        with database(in_force, say=say) as url:
            check_all_schemas(in_force, url)
            yield in_force, url
