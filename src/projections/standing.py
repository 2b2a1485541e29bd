"""How far the projections are, for whoever looks from outside."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.roles import Role
from drumbeat.projections.dead_letters import ReadModelsUnavailable
from drumbeat.queries import load_queries

_SQL = load_queries(Path(__file__).with_name("standing.sql"))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one projection is. `recorded_at`: of the event at `position`, None before the first."""

    projection: str
    position: int
    recorded_at: datetime | None
    updated_at: datetime
    parked: int


def standings(database_url: str) -> list[Standing]:
    """Every projection that is read, by name. Raises `ReadModelsUnavailable`."""
    try:
        with closing(open_connection(database_url, settings={"timezone": "UTC"}, role=Role.PROJECT)) as connection:
            return [Standing(*row) for row in connection.execute(_SQL["standings"])]
    except psycopg.OperationalError as error:
        raise ReadModelsUnavailable(f"the read database does not answer: {error}") from error
