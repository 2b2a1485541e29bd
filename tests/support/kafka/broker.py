"""A real Kafka broker of one's own: started, killed, paused and started again."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from drumbeat.transport.cluster import Cluster
from support.kafka.certificates import CA_FILE, make_certificates
from support.kafka.configuration import SCRAM, Quorum, listeners, properties, quiet_ports
from support.kafka.guarded import hold, let_live, start_guarded
from support.kafka.programs import BROKER, STORAGE, java_command, kafka_tool
from support.kafka.wire import answers

START_LIMIT_SECONDS: Final = 60.0
_PORT_TRIES: Final = 5


class BrokerDidNotStart(Exception):
    """The broker ended, or stayed silent. The message holds the last of its words."""


class Broker:
    """One broker with its controller in one JVM, on ports of 127.0.0.1 alone; its data stays in its folder.

    It ends with the process that started it, however that ends. For one thread.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        advertised_port: int | None = None,
        users: Mapping[str, str] | None = None,
        tls: bool = False,
        overrides: Mapping[str, str] | None = None,
        heap: str = "512m",
        discard: bool = False,
        lifeline: Path | None = None,
        node_id: int = 1,
        quorum: Quorum | None = None,
    ) -> None:
        """`port`: a fixed one; else a free one is found, once. `advertised_port`: where clients are sent, a proxy.

        `users` adds a SASL listener (PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512) for these names and passwords, `tls`
        one with TLS, both also one with both. `overrides` are Kafka's own properties. `discard` removes the
        folder at the end. `lifeline` names the file whose holders keep it running.
        """
        self.folder = folder
        self.users, self.tls = dict(users or {}), tls
        self._node_id, self._quorum = node_id, quorum
        self._port, self._advertised_port = port, advertised_port
        self._overrides, self._heap, self._discard = dict(overrides or {}), heap, discard
        self._lifeline = lifeline or folder / "in-use"
        self._held: int | None = None
        self._guard: subprocess.Popen[str] | None = None
        self._ports: dict[str, int] | None = None
        self._has_answered = False
        self._log, self._log_start = folder / "broker.log", 0
        self.pid: int | None = None
        """The process id of the JVM, None when none runs."""

    @property
    def ports(self) -> Mapping[str, int]:
        """The port of each listener by its protocol, such as `SASL_SSL`; known once it has been started."""
        assert self._ports is not None, "not started yet"
        return self._ports

    @property
    def bootstrap(self) -> str:
        """Where clients begin without TLS and password: the advertised address."""
        return f"127.0.0.1:{self._advertised_port or self.ports['PLAINTEXT']}"

    @property
    def ca_file(self) -> Path:
        """The certificate that TLS clients trust it by."""
        return self.folder / CA_FILE

    @property
    def log(self) -> str:
        """Everything that it has written, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def is_running(self) -> bool:
        """Whether its process lives, paused or not."""
        return self._guard is not None and self._guard.poll() is None

    def cluster(
        self,
        topic_prefix: str = "drumbeat.",
        *,
        security: str = "PLAINTEXT",
        mechanism: str = "SCRAM-SHA-512",
        user: str | None = None,
        password: str | None = None,
    ) -> Cluster:
        """How our code reaches it through one of its listeners."""
        plain = security == "PLAINTEXT"
        return Cluster(
            bootstrap=self.bootstrap if plain else f"127.0.0.1:{self.ports[security]}",
            topic_prefix=topic_prefix,
            security=security,
            ca_file=self.ca_file if security.endswith("SSL") else None,
            mechanism=mechanism,
            user=user,
            password=password if password is not None else self.users.get(user or ""),
        )

    def start(self, *, wait: bool = True) -> None:
        """Start it, for the first time or again on the same data and ports, and wait until it answers.

        Raises `ProgramsMissing`, `BrokerDidNotStart`.
        """
        assert not self.is_running, "runs already"
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._held is None:
            self._held = hold(self._lifeline)
        if self.tls and not self.ca_file.exists():
            make_certificates(self.folder)
        self._launch()
        if wait:
            self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        """Wait until it answers clients. Raises `BrokerDidNotStart`."""
        deadline, tries_left = time.monotonic() + START_LIMIT_SECONDS, 5
        while not answers(self.ports["PLAINTEXT"]):
            if not self.is_running:
                tries_left -= 1
                if tries_left == 0 or "Address already in use" not in self._words_of_this_start():
                    self._give_up("the broker ended")
                if not self._has_answered:
                    self._ports = None
                time.sleep(0.2)
                self._launch()
            if time.monotonic() > deadline:
                self._give_up("the broker does not answer")
            time.sleep(0.02)
        self._has_answered = True

    def stop(self) -> None:
        """End it cleanly; killed when that takes longer than half a minute. Harmless when it does not run."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._bury()
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """kill -9. Harmless when it does not run."""
        self._signal(signal.SIGKILL)
        self._bury()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers, until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End it for good, at once where the folder is discarded, and let go of everything."""
        if self._discard:
            self.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            self.stop()
        self._let_go()

    def leave(self) -> None:
        """Let go of it and let it run for the others who hold its lifeline; the last one's leaving ends it."""
        if self._guard is not None:
            let_live(self._guard)
            self._guard = None
        self._let_go()

    def _let_go(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _launch(self) -> None:
        if self._ports is None:
            names = ["CONTROLLER", *listeners(users=bool(self.users), tls=self.tls)]
            self._ports = dict(zip(names, quiet_ports(len(names)), strict=True))
            if self._port is not None:
                self._ports["PLAINTEXT"] = self._port
            if self._quorum is not None:
                self._ports["CONTROLLER"] = self._quorum.controllers[self._node_id]
        settings = self._write_settings(self._quorum or Quorum.of_one(self._ports["CONTROLLER"]))
        self._log_start = len(self.log)
        command = java_command(BROKER, str(settings), options=(f"-Xmx{self._heap}", *_QUICK_START))
        self._guard, self.pid = start_guarded(
            command, lifeline=self._lifeline, log=self._log, discard=self.folder if self._discard else None
        )

    def _write_settings(self, quorum: Quorum) -> Path:
        settings = self.folder / "server.properties"
        wanted = properties(
            self.folder,
            node_id=self._node_id,
            quorum=quorum,
            ports=self.ports,
            advertised={"PLAINTEXT": self._advertised_port} if self._advertised_port else {},
            users=self.users,
            overrides=self._overrides,
        )
        settings.write_text("".join(f"{name}={value}\n" for name, value in wanted.items()))
        settings.chmod(0o600)
        if not (self.folder / "data" / "meta.properties").exists():
            arguments = ["format", f"--cluster-id={quorum.cluster_id}", "--config", str(settings)]
            for mechanism in SCRAM:
                for name, password in self.users.items():
                    arguments += ["--add-scram", f"{mechanism}=[name={name},password={password}]"]
            formatted = kafka_tool(STORAGE, *arguments)
            if formatted.returncode != 0:
                raise BrokerDidNotStart(f"formatting failed: {(formatted.stdout + formatted.stderr)[-1500:]}")
        return settings

    def _signal(self, number: int) -> None:
        if self.is_running and self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _bury(self) -> None:
        if self._guard is not None:
            self._guard.wait(30)
        self._guard, self.pid = None, None

    def _words_of_this_start(self) -> str:
        return self.log[self._log_start :]

    def _give_up(self, what: str) -> None:
        words = self._words_of_this_start().strip()[-1500:]
        self.kill()
        raise BrokerDidNotStart(f"{what}: {words or 'it said nothing'}")


_QUICK_START: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


@contextlib.contextmanager
def broker_in(folder: Path, **options: Any) -> Iterator[Broker]:
    """A running broker of one's own, with the options of `Broker`; gone at the end, with its folder."""
    broker = Broker(folder, discard=True, **options)
    try:
        broker.start()
        yield broker
    finally:
        broker.close()
