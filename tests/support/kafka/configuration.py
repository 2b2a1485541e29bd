"""The properties of a broker for tests and development, and the ports that it gets."""

import base64
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from support.kafka.certificates import KEYSTORE, PASSWORD

SCRAM: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512")
_LOGIN_MODULES: Final = "org.apache.kafka.common.security"
_ORDINARY: Final = {
    "auto.create.topics.enable": "false",
    "delete.topic.enable": "true",
    # A consumer group is to be ready at once: tests make many and wait for each.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # A killed broker is let in again, or replaced by another, after this time; nine seconds are usual.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.index.size.max.bytes": "1048576",
    "log.segment.delete.delay.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "16777216",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """The controllers that make up a cluster: node id → port."""

    controllers: Mapping[int, int]
    cluster_id: str = field(default_factory=lambda: base64.urlsafe_b64encode(uuid4().bytes).decode().rstrip("="))

    @classmethod
    def of_one(cls, port: int) -> "Quorum":
        """A cluster of the node 1 alone."""
        return cls(controllers={1: port})

    @property
    def replicas(self) -> int:
        """How many copies there can be."""
        return len(self.controllers)


def listeners(*, users: bool, tls: bool) -> list[str]:
    """The listeners for clients, by their protocols. One without TLS and password is always there."""
    secured = {"SASL_PLAINTEXT": users, "SSL": tls, "SASL_SSL": users and tls}
    return ["PLAINTEXT", *(name for name, wanted in secured.items() if wanted)]


def properties(
    folder: Path,
    *,
    node_id: int,
    quorum: Quorum,
    ports: Mapping[str, int],
    advertised: Mapping[str, int],
    users: Mapping[str, str],
    overrides: Mapping[str, str],
) -> dict[str, str]:
    """Everything that stands in the server.properties of one node; `overrides` have the last word."""
    clients = {name: port for name, port in ports.items() if name != "CONTROLLER"}
    copies, in_sync = str(quorum.replicas), str(min(2, quorum.replicas))
    return {
        "process.roles": "broker,controller",
        "node.id": str(node_id),
        "controller.quorum.voters": ",".join(
            f"{node}@127.0.0.1:{port}" for node, port in quorum.controllers.items()
        ),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items()),
        "advertised.listeners": ",".join(
            f"{name}://127.0.0.1:{advertised.get(name, port)}" for name, port in clients.items()
        ),
        "listener.security.protocol.map": ",".join(
            ["CONTROLLER:PLAINTEXT", *(f"{name}:{name}" for name in clients)]
        ),
        "log.dirs": str(folder / "data"),
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        **_ORDINARY,
        **(_tls(folder) if "SSL" in clients else {}),
        **(_sasl(users, [name for name in clients if name.startswith("SASL")]) if users else {}),
        **overrides,
    }


def _tls(folder: Path) -> dict[str, str]:
    return {
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": str(folder / KEYSTORE),
        "ssl.keystore.password": PASSWORD,
        "ssl.key.password": PASSWORD,
    }


def _sasl(users: Mapping[str, str], names: list[str]) -> dict[str, str]:
    known = " ".join(f'user_{name}="{password}"' for name, password in users.items())
    found = {"sasl.enabled.mechanisms": ",".join(["PLAIN", *SCRAM])}
    for name in names:
        own = f"listener.name.{name.lower()}"
        found[f"{own}.plain.sasl.jaas.config"] = f"{_LOGIN_MODULES}.plain.PlainLoginModule required {known};"
        for mechanism in SCRAM:
            module = f"{_LOGIN_MODULES}.scram.ScramLoginModule required;"
            found[f"{own}.{mechanism.lower()}.sasl.jaas.config"] = module
    return found


def quiet_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on now, below those that the system gives to outgoing connections.

    A client that tries a port of the system's own range again and again while its broker is down can come to be
    connected to itself, and then the broker cannot have it back.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
