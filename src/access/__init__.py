"""Workspaces, their secret keys, and who acts."""

from drumbeat.access.keys import StoredWorkspaceKeys
from drumbeat.access.principals import DEFAULT_WORKSPACE, person, provider, system

__all__ = ["DEFAULT_WORKSPACE", "StoredWorkspaceKeys", "person", "provider", "system"]
