"""`docs/asyncapi.md`: the AsyncAPI document as a page for people."""

from collections.abc import Iterator
from typing import Any

from streams_contract.asyncapi import document

_HEAD = """
Written by `make streams` from [`streams/asyncapi.yaml`](../streams/asyncapi.yaml), AsyncAPI {version}, which
programs read. Names are those of the default prefix; numbers are the defaults ([settings](settings.md)).
"""


def as_page() -> bytes:
    """The page as it is written."""
    told = document()
    lines = [f"# AsyncAPI: {told['info']['title']} {told['info']['version']}"]
    lines += [_HEAD.format(version=told["asyncapi"]).rstrip(), "", told["info"]["description"], ""]
    lines += ["## Headers", "", *_headers(told), "", "## Topics", "", *_topics(told)]
    for channel in told["channels"].values():
        lines += ["", f"## {channel['address']}", "", *_channel(told, channel)]
    return ("\n".join(lines) + "\n").encode()


def _headers(told: dict[str, Any]) -> Iterator[str]:
    headers = told["components"]["messageTraits"]["record"]["headers"]
    yield from ("| header | always | what it is |", "|---|---|---|")
    for name, header in headers["properties"].items():
        value = f" `{header['const']}`" if "const" in header else ""
        yield f"| `{name}` | {'yes' if name in headers['required'] else 'no'} | {header['description']}{value} |"


def _topics(told: dict[str, Any]) -> Iterator[str]:
    yield from ("| topic | partitions | kept | largest record | written by |", "|---|---|---|---|---|")
    for channel in told["channels"].values():
        kafka = channel["bindings"]["kafka"]
        configuration = kafka["topicConfiguration"]
        retention_ms = configuration["retention.ms"]
        kept = "for ever" if retention_ms < 0 else f"{retention_ms // 86_400_000} days"
        largest = f"{configuration['max.message.bytes']:,} bytes"
        yield f"| `{channel['address']}` | {kafka['partitions']} | {kept} | {largest} | {channel['x-owner']} |"


def _channel(told: dict[str, Any], channel: dict[str, Any]) -> Iterator[str]:
    yield from (channel["summary"], "", f"Key: {channel['x-key']}.", "", channel["description"], "")
    yield from ("| type | what it says | |", "|---|---|---|")
    for name in channel["messages"]:
        message = told["components"]["messages"][name]
        summary = " ".join(message["summary"].split()).replace("|", "\\|")
        links = f"[schema](../streams/schemas/{name}.json), [example](../streams/examples/{name}.json)"
        yield f"| `{name}` | {summary} | {links} |"
