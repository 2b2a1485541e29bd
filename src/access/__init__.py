"""Workspaces, their secret keys, keys of the API, and who acts."""

from drumbeat.access.api_keys import StoredKeys
from drumbeat.access.authenticator import Authenticator
from drumbeat.access.keys import StoredWorkspaceKeys
from drumbeat.access.principals import person, provider, system
from drumbeat.access.rate_limit import RateLimit
from drumbeat.aggregates.workspace import DEFAULT_WORKSPACE

__all__ = [
    "Authenticator", "DEFAULT_WORKSPACE", "RateLimit", "StoredKeys", "StoredWorkspaceKeys", "person",
    "provider", "system",
]  # fmt: skip
