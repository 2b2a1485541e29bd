"""The embedded PostgreSQL: real binaries from a package, started and stopped by us.

`EmbeddedServer(folder).start()` makes the cluster when there is none, joins the server that already runs there,
or starts one, and gives the URL of its database.
"""

from drumbeat.eventstore.embedded.errors import (
    EmbeddedServerError,
    ServerDidNotStart,
    ServerProgramsMissing,
    StateFolderUnusable,
    StateOfAnotherVersion,
)
from drumbeat.eventstore.embedded.server import TUNED_FOR_DRUMBEAT, EmbeddedServer

__all__ = [
    "TUNED_FOR_DRUMBEAT",
    "EmbeddedServer",
    "EmbeddedServerError",
    "ServerDidNotStart",
    "ServerProgramsMissing",
    "StateFolderUnusable",
    "StateOfAnotherVersion",
]
