"""Ids that follow from what they name, so that the same thing finds itself again."""

import hashlib
import hmac
from uuid import UUID, uuid5

DRUMBEAT = UUID("6f1c2a54-6f0e-5c7b-9a36-3d5b0f8f4a11")
"""The namespace of every derived id."""


def workspace_namespace(workspace_id: str) -> UUID:
    """The namespace of ids that belong to one workspace."""
    return uuid5(DRUMBEAT, workspace_id)


def workspace_stream_id(workspace_id: str) -> UUID:
    """The stream of a workspace: what was done to it and to its keys."""
    return uuid5(workspace_namespace(workspace_id), "workspace")


def contact_id(campaign_id: UUID, reference: str) -> UUID:
    """The stream of a person in a campaign: enrolling the same reference again finds the same stream."""
    return uuid5(campaign_id, reference)


def import_campaign_id(workspace_id: str, file_hash: str, mapping_hash: str) -> UUID:
    """The campaign that an import makes: the same file under the same mapping finds itself."""
    return uuid5(workspace_namespace(workspace_id), f"import:{file_hash}:{mapping_hash}")


def suppression_id(workspace_key: bytes, channel: str, normalized_address: str) -> UUID:
    """The stream of a suppressed address: HMAC-SHA-256 under the workspace key, cut to a UUID (version 8)."""
    digest = hmac.new(workspace_key, f"{channel}:{normalized_address}".encode(), hashlib.sha256).digest()
    return _uuid8(digest)


def person_id(workspace_key: bytes, reference: str) -> UUID:
    """A person in a workspace, by the opaque reference, as everything about them is sealed and erased together."""
    return _uuid8(hmac.new(workspace_key, f"person:{reference}".encode(), hashlib.sha256).digest())


def _uuid8(digest: bytes) -> UUID:
    value = int.from_bytes(digest[:16], "big")
    value = value & ~(0xF << 76) | 0x8 << 76  # version 8: made by a rule of our own (RFC 9562)
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)
