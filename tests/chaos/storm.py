"""The whole of it: real brokers, a real Postgres, the real processes, and what a plan does to them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chaos.brokers import ThreeBrokers
from chaos.diary import Diary
from chaos.plan import BROKERS, PROJECTORS, RELAYS, Fault, Kind
from chaos.poison import Poisoner
from chaos.postgres import Postgres, postgres
from chaos.processes import Process
from drumbeat.transport.cluster import Cluster
from support.kafka.three import three_brokers
from support.machine import drumbeat, environment, free_ports, until

PARTITIONS: Final = {"contacts": 6, "campaigns": 3, "": 1}
_ARGUMENTS: Final = {
    **dict.fromkeys(RELAYS, ("relay",)),
    **dict.fromkeys(PROJECTORS, ("project", "--source", "kafka")),
    "api": ("api",),
    "policies": ("policies",),
}
_AWAKE_SECONDS: Final = 4.0
"""Who is to become a zombie has run for so long, and owns something."""


@dataclass(slots=True)
class Storm:
    """A `World`. For one thread."""

    postgres: Postgres
    brokers: ThreeBrokers
    processes: dict[str, Process]
    poisoner: Poisoner
    cluster: Cluster
    api: str
    diary: Diary

    def tend(self) -> None:
        """See `World`."""
        self.postgres.tend()
        self.brokers.tend()
        for process in self.processes.values():
            process.tend()

    def may(self, fault: Fault) -> bool:
        """See `World`."""
        if fault.target in BROKERS:
            return self.brokers.is_whole
        process = self.processes.get(fault.target)
        if process is None:
            return True
        running = process.is_running and not process.is_suspended
        return running and (fault.kind is not Kind.SUSPEND or process.seconds >= _AWAKE_SECONDS)

    def do(self, fault: Fault) -> None:
        """See `World`."""
        match fault.kind:
            case Kind.KILL:
                self._kill(fault.target)
            case Kind.PAUSE:
                self.brokers.pause(_node(fault.target))
            case Kind.SUSPEND:
                self.processes[fault.target].suspend()
                if fault.target in RELAYS:
                    self.poisoner.end_sessions(fault.target)
            case Kind.FOREIGN:
                self.poisoner.foreign(fault.target)
            case Kind.POISON:
                self.poisoner.poison(fault.target)

    def undo(self, fault: Fault) -> None:
        """See `World`."""
        if fault.target in BROKERS:
            self.brokers.wake(_node(fault.target))
        else:
            self.processes[fault.target].wake()

    def _kill(self, target: str) -> None:
        if target in BROKERS:
            self.brokers.kill(_node(target))
        elif target == "postgres":
            self.postgres.kill()
        else:
            self.processes[target].kill()

    @property
    def counts(self) -> dict[str, int]:
        """The event topics with their partitions."""
        kinds = ("campaigns", "contacts", "senders", "schedules", "suppressions")
        return {self.cluster.topic(kind): PARTITIONS.get(kind, PARTITIONS[""]) for kind in kinds}


def _node(target: str) -> int:
    return BROKERS.index(target) + 1


@contextmanager
def storm(folder: Path, diary: Diary) -> Iterator[Storm]:
    """Everything runs; at the end everything has ended. The words of each process stay in `folder`."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres(folder / "postgres"))
        brokers = stack.enter_context(three_brokers(folder / "kafka", heap="320m"))
        cluster = brokers.cluster()
        common = _environment(folder, database.url, cluster)
        for command in (("migrate",), ("streams", "create")):
            made = drumbeat(*command, env=common)
            assert made.returncode == 0, made.stdout + made.stderr
        processes = {}
        for name, arguments in _ARGUMENTS.items():
            ports = map(str, free_ports(2))
            own = dict(zip(("DRUMBEAT_PROJECT_METRICS_PORT", "DRUMBEAT_RELAY_METRICS_PORT"), ports, strict=True))
            env = common | own | {"DRUMBEAT_KAFKA_INSTANCE": name, "PGAPPNAME": name}
            processes[name] = Process(name, arguments, env, folder / f"{name}.log", diary)
            stack.callback(processes[name].end)
        kept = ThreeBrokers(brokers, cluster)
        stack.callback(kept.close)
        api = f"http://127.0.0.1:{common['DRUMBEAT_API_PORT']}"
        made_storm = Storm(database, kept, processes, Poisoner(database.url, cluster, diary), cluster, api, diary)
        for process in processes.values():
            process.start()
        assert until(lambda: kept.is_whole, 60), "the brokers do not come to agree"
        yield made_storm


def _environment(folder: Path, url: str, cluster: Cluster) -> dict[str, str]:
    return environment(
        folder,
        DRUMBEAT_DATABASE_URL=url,
        DRUMBEAT_KAFKA_BOOTSTRAP=cluster.bootstrap,
        DRUMBEAT_KAFKA_TOPIC_PREFIX=cluster.topic_prefix,
        DRUMBEAT_KAFKA_REPLICATION=3,
        DRUMBEAT_KAFKA_CONTACTS_PARTITIONS=PARTITIONS["contacts"],
        DRUMBEAT_KAFKA_CAMPAIGNS_PARTITIONS=PARTITIONS["campaigns"],
        DRUMBEAT_KAFKA_OTHER_PARTITIONS=PARTITIONS[""],
    )
