"""The relay as a process: what it ends for, what it stays for, and what an operator sees of it."""

import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.opsapi.exits import Exit
from drumbeat.transport.cluster import Cluster
from support.following import reported
from support.kafka import Broker
from support.kafka.configuration import quiet_ports
from support.machine import drumbeat_inside, environment, until
from support.relaying import catches_up, compare_with_log, process_environment, relay_process, wanted_topics
from support.sealing import MASTER

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.slow]


def metric(env: dict[str, str], name: str) -> float | None:
    """A value of the relay's metrics; None while it does not answer."""
    try:
        with urlopen(f"http://127.0.0.1:{env['DRUMBEAT_RELAY_METRICS_PORT']}/metrics", timeout=5) as answer:
            found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
    except OSError:
        return None
    return float(found[1]) if found else None


def status_of_relay(env: dict[str, str]) -> dict[str, Any]:
    """What `drumbeat status` says of it."""
    told: dict[str, Any] = json.loads(drumbeat_inside("status", "--json", env=env).stdout)["relay"]
    return told


def test_without_brokers_in_the_settings_it_ends_and_says_which_setting_names_them(
    database_url: str, tmp_path: Path
) -> None:
    answer = drumbeat_inside("relay", env=environment(tmp_path, DRUMBEAT_DATABASE_URL=database_url))
    assert answer.returncode == Exit.UNFIT
    assert "DRUMBEAT_KAFKA_BOOTSTRAP" in answer.stderr


@pytest.mark.long
def test_brokers_that_are_away_and_topics_that_are_missing_are_seen_in_status_and_metrics_until_they_are_there(
    database_url: str, kafka_broker: Callable[..., Broker], tmp_path: Path
) -> None:
    (port,) = quiet_ports(1)
    cluster = Cluster(bootstrap=f"127.0.0.1:{port}", topic_prefix="drumbeat.")
    env, log = process_environment(tmp_path, database_url, cluster), tmp_path / "relay.log"
    with closing(EventStoreLedger(database_url, master=MASTER)) as ledger, relay_process(env, log) as process:
        ledger.append(reported(5))
        assert until(lambda: metric(env, "drumbeat_relay_fault") == 1), log.read_text()
        assert metric(env, "drumbeat_relay_lag_events") == 5
        told = status_of_relay(env)
        assert (told["position"], told["lag_events"]) == (0, 5)
        assert f"no Kafka broker answers at 127.0.0.1:{port}" in told["fault"]
        lines = drumbeat_inside("status", env=env)
        assert lines.returncode == Exit.REFUSED
        assert "nothing is published since" in lines.stdout

        kafka_broker(port=port)
        assert until(lambda: "is missing" in str(status_of_relay(env)["fault"])), log.read_text()
        assert drumbeat_inside("streams", "create", env=env).returncode == Exit.DONE
        assert catches_up(database_url, cluster), log.read_text()
        assert until(lambda: metric(env, "drumbeat_relay_fault") == 0)
        assert metric(env, "drumbeat_relay_leading") == 1
        assert metric(env, 'drumbeat_relay_failures_total{kind="unfit"}') != 0
        told = status_of_relay(env)
        assert (told["lag_events"], told["fault"], told["fault_since"]) == (0, None, None)

        process.terminate()
        assert process.wait(20) == Exit.DONE
    assert compare_with_log(database_url, cluster, wanted_topics(cluster)).count == 5
