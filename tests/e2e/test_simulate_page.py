"""docs/simulate.md is run as it stands, by bash and `drumbeat`, on a log that the read models follow.

What it shows is written anew by `WRITE_PAGE=1 pytest tests/e2e/test_simulate_page.py`.
"""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from drumbeat import bootstrap
from drumbeat.projections.engine.projector import Projector
from drumbeat.settings import Settings
from drumbeat.simulate.variants import MOST_RETRIES, MOST_VARIANTS, SIMULATED
from drumbeat.transport.source import LogSource
from support.machine import DRUMBEAT, environment
from support.postgres import TestServer
from support.sealing import keys_in

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "simulate.md"
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
MARK = "-- end of a block --"


@contextmanager
def followed(url: str) -> Iterator[None]:
    """The read models follow the log meanwhile."""
    over = threading.Event()

    def follow() -> None:
        with closing(LogSource(url)) as source:
            projector = Projector(source, url, bootstrap.PROJECTIONS, ask=keys_in(url))
            while not over.wait(0.02):
                projector.run_until(source.high_water())

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def shown(home: Path, url: str, blocks: list[str]) -> list[str]:
    """What each block prints when all are pasted into one shell, one after another."""
    (home / "examples").symlink_to(ROOT / "examples")
    env = environment(home / ".drumbeat", DRUMBEAT_DATABASE_URL=url)
    env["PATH"] = f"{Path(DRUMBEAT).parent}:{env['PATH']}"
    script = "".join(f"{block}\necho '{MARK}'\n" for block in blocks)
    done = subprocess.run(
        ["bash"], input=script, cwd=home, env=env, capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stderr == ""
    *outputs, rest = done.stdout.split(f"{MARK}\n")
    assert rest == ""
    return outputs


@pytest.mark.long
def test_the_page_of_simulations_shows_what_it_says(postgres_server: TestServer, tmp_path: Path) -> None:
    text = PAGE.read_text()
    blocks = [block for block, _ in BLOCK.findall(text)]
    with postgres_server.fresh_database() as url:
        bootstrap.migrate(Settings(), url)
        with followed(url):
            outputs = shown(tmp_path, url, blocks)
    if os.environ.get("WRITE_PAGE"):
        given = iter(outputs)
        PAGE.write_text(BLOCK.sub(lambda found: _with_output(found[1], next(given)), text))
        text = PAGE.read_text()
    told = [output for _, output in BLOCK.findall(text)]
    assert [_steady(output) for output in outputs] == [_steady(output) for output in told]
    assert sum(bool(output) for output in told) == 3


def _steady(text: str) -> str:
    return re.sub(r"as of \S+", "as of TOKEN", text).rstrip()


def _with_output(block: str, output: str) -> str:
    text = f"```sh\n{block}```\n"
    return f"{text}\n```text\n{output.rstrip()}\n```\n" if output.strip() else text


def test_the_page_lists_every_setting_that_can_be_simulated() -> None:
    text = PAGE.read_text()
    listed = re.findall(
        r"^\| `([a-z_]+)`(?:, or `([a-z_]+)`)? \| ", text.split("## What can be set")[1], re.MULTILINE
    )
    assert [exact or name for name, exact in listed][: len(SIMULATED)] == list(SIMULATED)
    assert f"0 to {MOST_RETRIES:,}" in text
    assert f"at most {MOST_VARIANTS} variants" in text
