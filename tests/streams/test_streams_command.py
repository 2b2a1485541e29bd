"""`drumbeat streams create`: for people on lines, for programs in JSON, and with a code that a shell can use."""

import json
from pathlib import Path

import pytest

from drumbeat.opsapi.exits import Exit
from drumbeat.transport.cluster import Cluster
from support.machine import drumbeat_inside, environment, free_ports

pytestmark = pytest.mark.kafka


@pytest.fixture
def env(kafka_cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    return environment(
        tmp_path,
        DRUMBEAT_KAFKA_BOOTSTRAP=kafka_cluster.bootstrap,
        DRUMBEAT_KAFKA_TOPIC_PREFIX=kafka_cluster.topic_prefix,
    )


@pytest.mark.kafka
def test_create_says_what_it_made_and_the_next_time_that_all_is_well(env: dict[str, str]) -> None:
    for words in ("made", "as it should be"):
        answer = drumbeat_inside("streams", "create", env=env)
        assert (answer.returncode, answer.stderr) == (Exit.DONE, "")
        assert [line.split(": ")[1] for line in answer.stdout.splitlines()] == [words] * 8


@pytest.mark.kafka
def test_check_makes_nothing(env: dict[str, str]) -> None:
    for _ in range(2):
        answer = drumbeat_inside("streams", "create", "--check", env=env)
        assert answer.returncode == Exit.UNFIT
        assert [line.split(": ")[1] for line in answer.stdout.splitlines()] == ["missing"] * 8


@pytest.mark.kafka
def test_a_difference_is_a_line_and_an_exit_code(env: dict[str, str]) -> None:
    drumbeat_inside("streams", "create", env=env)
    other = env | {"DRUMBEAT_KAFKA_CONTACTS_PARTITIONS": "4"}
    answer = drumbeat_inside("streams", "create", env=other)
    assert answer.returncode == Exit.UNFIT
    (told,) = [line for line in answer.stdout.splitlines() if not line.endswith("as it should be")]
    assert "contacts: the number of partitions is 6, but should be 4" in told
    answer = drumbeat_inside("streams", "create", "--json", env=other)
    assert answer.returncode == Exit.UNFIT
    different = [topic for topic in json.loads(answer.stdout) if topic["state"] == "different"]
    assert [(one["wanted"], one["found"], one["breaks"]) for one in different[0]["differences"]] == [
        ("4", "6", True)
    ]


def test_without_brokers_in_the_settings_it_says_which_setting_names_them(tmp_path: Path) -> None:
    answer = drumbeat_inside("streams", "create", env=environment(tmp_path))
    assert answer.returncode == Exit.UNFIT
    assert "DRUMBEAT_KAFKA_BOOTSTRAP" in answer.stderr


@pytest.mark.long
@pytest.mark.slow
def test_brokers_that_do_not_answer_are_one_line(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    answer = drumbeat_inside("streams", "create", env=environment(tmp_path, DRUMBEAT_KAFKA_BOOTSTRAP=nowhere))
    assert answer.returncode == Exit.UNAVAILABLE
    assert len(answer.stderr.splitlines()) == 1
    assert f"no Kafka broker answers at {nowhere}" in answer.stderr
