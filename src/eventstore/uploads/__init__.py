"""Where files of contacts wait until they are enrolled: beside the log, in a schema of their own."""

from drumbeat.eventstore.uploads.stored import StoredUploads

__all__ = ["StoredUploads"]
