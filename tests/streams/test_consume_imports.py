"""What `import drumbeat` brings along for programs of others, and what it does not."""

import subprocess
import sys

import pytest

import drumbeat
from drumbeat.transport import consuming


def test_asking_for_consume_imports_neither_kafka_nor_postgres_nor_a_server() -> None:
    asked = "import sys, drumbeat; drumbeat.consume, drumbeat.Later, drumbeat.ConsumedEvent; "
    heavy = "{'kafka', 'psycopg', 'psycopg_pool', 'fastapi', 'eventsourcing', 'uvicorn'} & set(sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", f"{asked}print(sorted({heavy}))"], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", drumbeat.__all__)
def test_every_name_that_the_package_lends_is_there(name: str) -> None:
    assert getattr(drumbeat, name) is getattr(consuming, name)


def test_a_name_that_is_not_lent_is_named() -> None:
    with pytest.raises(AttributeError, match="'drumbeat' has no attribute 'produce'"):
        _ = drumbeat.produce  # type: ignore[attr-defined]
