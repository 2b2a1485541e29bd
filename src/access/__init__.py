"""Workspaces, their secret keys, and who acts."""

from drumbeat.access.keys import StoredWorkspaceKeys
from drumbeat.access.principals import DEFAULT_WORKSPACE, person, system

__all__ = ["DEFAULT_WORKSPACE", "StoredWorkspaceKeys", "person", "system"]
