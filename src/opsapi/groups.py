"""The groups of commands of the command line, by their names."""

from collections.abc import Mapping
from typing import Final

import typer

from drumbeat.opsapi import activity, audit, campaigns, dead_letters, keys, people, rebuilding, streams, workspaces

GROUPS: Final[Mapping[str, typer.Typer]] = {
    "activity": activity.app,
    "audit": audit.app,
    "campaign": campaigns.app,
    "dead-letters": dead_letters.app,
    "keys": keys.app,
    "people": people.app,
    "projections": rebuilding.app,
    "streams": streams.app,
    "workspaces": workspaces.app,
}
