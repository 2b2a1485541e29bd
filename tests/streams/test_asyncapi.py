"""`streams/asyncapi.yaml` holds together: topics, types, headers, files. The official parser judges the rest."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from drumbeat.transport.cluster import Cluster
from drumbeat.transport.record_headers import headers
from drumbeat.transport.topic_definitions import topic_of, topics_of
from drumbeat.transport.watermarks import WATERMARK_TYPE
from streams_contract.schemas import STREAMS, record_types

DOCUMENT: dict[str, Any] = yaml.safe_load((STREAMS / "asyncapi.yaml").read_text())
RUN = STREAMS.parent / "dev" / "asyncapi" / "run"


def references(node: Any) -> Iterator[str]:
    """Everything that the document refers to."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    if isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        if not reference.startswith("#/"):
            assert (STREAMS / reference).is_file(), reference
            continue
        node: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_there_is_a_channel_for_each_topic_with_its_numbers() -> None:
    channels = {channel["address"]: channel["bindings"]["kafka"] for channel in DOCUMENT["channels"].values()}
    topics = topics_of(Cluster(bootstrap="nowhere:9092"), {}, replication=1)
    assert {name: binding["partitions"] for name, binding in channels.items()} == {
        topic.name: topic.partitions for topic in topics
    }
    for topic in topics:
        told = channels[topic.name]["topicConfiguration"]
        assert told.keys() == topic.config.keys()
        assert told["max.message.bytes"] == int(topic.config["max.message.bytes"])


def test_every_type_of_record_stands_in_the_topic_that_carries_it() -> None:
    carried = {name: set(channel["messages"]) for name, channel in DOCUMENT["channels"].items()}
    assert set().union(*carried.values()) == set(record_types()) == set(DOCUMENT["components"]["messages"])
    for topic, types in carried.items():
        assert (WATERMARK_TYPE in types) is (topic != "dead-letters")
        for name in types:
            if not name.startswith("drumbeat."):
                assert topic_of(name) == topic


def test_the_headers_are_those_that_are_written() -> None:
    told = DOCUMENT["components"]["messageTraits"]["record"]["headers"]
    assert list(told["properties"]) == [name for name, _ in headers("x", 1)]
    assert told["required"] == [name for name, _ in headers("x", None)]
    assert told["properties"]["content-type"]["const"] == dict(headers("x", 1))["content-type"].decode()


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("false", 0), ("1", 1)])
def test_without_node_the_official_parser_is_told_as_not_run_and_fails_where_ci_is_set(
    ci: str, code: int, tmp_path: Path
) -> None:
    for program in ("bash", "dirname"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    environment = {**os.environ, "PATH": str(tmp_path), "CI": ci}
    answer = subprocess.run([RUN], env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == code
    assert "NOT RUN: there is no node" in answer.stdout


def test_the_lock_of_the_parser_names_no_place_to_fetch_from() -> None:
    assert '"resolved"' not in (RUN.parent / "package-lock.json").read_text()
