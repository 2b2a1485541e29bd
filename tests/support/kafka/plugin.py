"""The fixtures of tests that need a real Kafka, and what the session says about it."""

import gc
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from drumbeat.transport.cluster import Cluster
from support.kafka.broker import Broker, broker_in
from support.kafka.programs import ProgramsMissing, java, libraries
from support.kafka.session import NOT_RUN, NoKafka, SharedBroker, broker_for_session

_USED = pytest.StashKey[set[str]]()


@pytest.fixture(scope="session")
def kafka_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedBroker]:
    """The session's broker, shared by its parallel workers."""
    folder: Path = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    try:
        with broker_for_session(folder / "session-kafka") as broker:
            request.config.stash[_USED].add(broker.words)
            yield broker
    except NoKafka as none:
        pytest.skip(f"{NOT_RUN}: {none}")


@pytest.fixture
def kafka_cluster(kafka_server: SharedBroker) -> Iterator[Cluster]:
    """The session's broker under a topic prefix of this test's own; its topics are deleted at the end.

    Consumer groups are not: let their names begin with the prefix too.
    """
    from kafka import KafkaAdminClient  # a third of a second, for those alone who need it

    # For the report of a test that fails: how its groups fared, without the library's remarks on a busy machine.
    logging.getLogger("kafka.coordinator").setLevel(logging.INFO)
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)
    cluster = Cluster(bootstrap=kafka_server.bootstrap, topic_prefix=f"t{uuid4().hex[:8]}.")
    yield cluster
    with closing(KafkaAdminClient(**cluster.options("tests"))) as admin:
        mine = [name for name in admin.list_topics() if name.startswith(cluster.topic_prefix)]
        if mine:
            admin.delete_topics(mine)


@pytest.fixture(autouse=True)
def _sweeps_after_kafka(request: pytest.FixtureRequest) -> Iterator[None]:
    """kafka-python leaves the sockets of failed attempts to the garbage collector: it comes in the test that made
    them, whose warnings of it count as seen."""
    yield
    if request.node.get_closest_marker("kafka") is not None:
        gc.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """See `_sweeps_after_kafka`."""
    seen = "ignore:Exception ignored in. <(socket|ssl)\\.:pytest.PytestUnraisableExceptionWarning"
    for item in items:
        if item.get_closest_marker("kafka") is not None:
            item.add_marker(pytest.mark.filterwarnings(seen))


@pytest.fixture(scope="session")
def kafka_programs() -> Path:
    """The folder of Kafka's jars, for tests that start brokers or run Kafka's tools themselves."""
    try:
        java()
        return libraries()
    except ProgramsMissing as missing:
        pytest.skip(f"{NOT_RUN}: needs Java 17 and Maven ({missing})")


@pytest.fixture
def kafka_goes_away(request: pytest.FixtureRequest) -> Iterator[None]:
    """For tests in which no broker answers: kafka-python leaves refused sockets to the garbage collector."""
    request.node.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))
    yield
    gc.collect()


@pytest.fixture
def kafka_broker(kafka_goes_away: None, kafka_programs: Path, tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Makes brokers of this test's own, running, to be killed and paused, with `Broker`'s options."""
    with ExitStack() as running:

        def make(**options: Any) -> Broker:
            return running.enter_context(broker_in(tmp_path / f"broker-{uuid4().hex[:8]}", **options))

        yield make


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is used yet."""
    config.stash[_USED] = set()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker that ends tells the session what it used."""
    node.config.stash[_USED].update(getattr(node, "workeroutput", {}).get("kafka", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Where `CI` is set, tests that could not run for want of Kafka fail the session."""
    config = session.config
    if hasattr(config, "workeroutput"):
        used = config.stash[_USED]
        config.workeroutput["kafka"] = sorted(used)
    elif exitstatus == pytest.ExitCode.OK and _not_run(config) and _in_ci():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which broker was used, or how many tests did not run."""
    used = config.stash[_USED]
    for words in sorted(used):
        terminalreporter.write_line(f"Kafka: {words}")
    missing = _not_run(config)
    if missing:
        judged = ": a failure, since CI is set" if _in_ci() else ""
        terminalreporter.write_line(
            f"Kafka: {missing} tests were NOT RUN{judged}", red=_in_ci(), yellow=not _in_ci()
        )


def _not_run(config: pytest.Config) -> int:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", ()) if reporter is not None else ()
    return sum(NOT_RUN in str(report.longrepr) for report in skipped)


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
