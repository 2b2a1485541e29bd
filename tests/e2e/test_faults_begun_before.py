"""Processes that are begun before their database is there: they wait for it, and then do their work."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from drumbeat.bootstrap import now
from support.keys import asking, key_for
from support.machine import DRUMBEAT, environment, until
from support.proxy import line_to
from support.whole import whole_system

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@contextmanager
def process(name: str, env: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`drumbeat NAME`, ended at the end."""
    with log.open("w") as said, subprocess.Popen([DRUMBEAT, name], env=env, stdout=said, stderr=said) as begun:
        try:
            yield begun
        finally:
            begun.terminate()


@pytest.mark.long
def test_api_projector_and_policies_wait_for_a_database_that_comes_later(
    database_url: str, tmp_path: Path
) -> None:
    with whole_system(database_url) as whole:
        whole.now = now() - timedelta(hours=1)
        campaign_id = whole.running_campaign("ann", start_at=whole.now + timedelta(minutes=30))
    with line_to(database_url) as line, ExitStack() as running:
        line.cut()
        env = environment(tmp_path, DRUMBEAT_DATABASE_URL=line.url, DRUMBEAT_DATABASE_WAIT_SECONDS=1)
        logs = {name: tmp_path / f"{name}.log" for name in ("api", "project", "policies")}
        begun = {name: running.enter_context(process(name, env, log)) for name, log in logs.items()}
        for name, sign in (("api", "listening"), ("project", "feeds_wait_for"), ("policies", "waits_for")):
            assert until(lambda name=name, sign=sign: sign in logs[name].read_text()), name  # type: ignore[misc]
        assert [name for name, one in begun.items() if one.poll() is not None] == []
        line.mend()
        address = f"http://127.0.0.1:{env['DRUMBEAT_API_PORT']}/campaigns/{campaign_id}"
        card = asking(address, key_for(database_url))
        assert until(lambda: status_at(card) == "running"), {name: log.read_text() for name, log in logs.items()}


def status_at(address: Request) -> str | None:
    """The status on a campaign's card; None while it cannot be had."""
    try:
        with urlopen(address, timeout=5) as answer:
            return str(json.loads(answer.read())["status"])
    except (URLError, OSError):
        return None
