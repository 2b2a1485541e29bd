"""The statements of the read API."""
