"""The headers of every record on Kafka: what can be known of a record without reading its value."""

from typing import Final

POSITION: Final = "position"
TYPE: Final = "type"
CONTENT_TYPE: Final = "content-type"

STRUCTURED: Final = b"application/cloudevents+json; charset=utf-8"
"""In the Kafka binding of CloudEvents, this content type says that the value is the whole event."""


def headers(type_name: str, position: int | None) -> list[tuple[str, bytes]]:
    """The headers of a record; the position, in decimal digits, where there is one."""
    told = [(TYPE, type_name.encode()), (CONTENT_TYPE, STRUCTURED)]
    return told if position is None else [(POSITION, b"%d" % position), *told]
