"""Whether a process finds the schemas that it was written for, and may be whom it must be in the database."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import structlog
from eventsourcing.persistence import OperationalError

from drumbeat.eventstore.connections import open_connection, wait_for_database
from drumbeat.eventstore.migrations import ACCESS, INTAKE, LEDGER, MigrationSet
from drumbeat.eventstore.roles import Role
from drumbeat.projections.engine.bookkeeping import READMODEL
from drumbeat.settings import Settings

log = structlog.get_logger(__name__)

LOG_SETS: Final = (LEDGER, ACCESS, INTAKE)
"""The schemas of the log's database."""

MIGRATION_SETS: Final = (*LOG_SETS, READMODEL)
"""Every schema there is, in the order in which they are migrated."""

_CARRIES_OUT: Final = (Role.WRITE, Role.READ)
"""What carries out commands is these on the log: it appends, and reads streams."""


@dataclass(frozen=True, slots=True)
class Roles:
    """What a process is in the log's database and in that of the read models."""

    on_log: tuple[Role, ...]
    on_read_models: tuple[Role, ...] = ()


ROLES: Final[Mapping[str, Roles]] = {
    "api": Roles((*_CARRIES_OUT, Role.KEYS), (Role.READ, Role.OPERATE)),
    "project": Roles((Role.READ,), (Role.PROJECT,)),
    "relay": Roles((Role.READ, Role.RELAY)),
    "policies": Roles((*_CARRIES_OUT, Role.AUDIT), (Role.POLICIES,)),
}
"""By process; docs/operations.md says the same for logins on a server of one's own."""

OPERATOR: Final = Roles(())
"""What an operator looks at by hand."""


def read_url(settings: Settings, database_url: str) -> str:
    """The URL of the read models' database, which is the log's unless the settings name another."""
    return settings.read_database_url or database_url


def check_all_schemas(settings: Settings, database_url: str, roles: Roles = OPERATOR) -> None:
    """As `check_schemas`, of both databases."""
    check_schemas(database_url, LOG_SETS, *roles.on_log)
    check_schemas(read_url(settings, database_url), (READMODEL,), *roles.on_read_models)


def check_schemas(database_url: str, sets: Sequence[MigrationSet], *roles: Role) -> None:
    """Raises `SchemaOlder`, `SchemaNewer`, and `RoleUnusable` for roles that this process takes.

    A database that is away cannot be judged, and is waited for later.
    """
    try:
        wait_for_database(database_url, patience_seconds=2.0)
    except OperationalError as error:
        log.warning("database_away", problem=str(error))
        return
    with closing(open_connection(database_url, settings={})) as connection:
        for one in sets:
            one.check(connection)
    for role in roles:
        open_connection(database_url, settings={}, role=role).close()
