"""docs/tour.md is run as it stands, by bash and curl, on a machine that has just been started.

What it shows is written anew by `WRITE_TOUR=1 pytest tests/e2e/test_tour.py`. Ids, instants and positions are
others in every run.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.machine import machine

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "docs" / "tour.md"
ADDRESS = "http://127.0.0.1:8400"
BLOCK = re.compile(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
MARK = "-- end of a block --"
CHANGES = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "INSTANT"),
    (r'"position":\d+', '"position":N'),
]


def steady(text: str) -> str:
    """A text without what differs from run to run."""
    for pattern, word in CHANGES:
        text = re.sub(pattern, word, text)
    return text.strip()


def shown(home: Path, address: str, blocks: list[str]) -> list[str]:
    """What each block prints when all are pasted into one shell, one after another."""
    script = "".join(f"{block.replace(ADDRESS, address)}\necho '{MARK}'\n" for block in blocks)
    done = subprocess.run(
        ["bash"], input=script, cwd=home, capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stderr == ""
    *outputs, rest = done.stdout.split(f"{MARK}\n")
    assert rest == ""
    return outputs


@pytest.mark.long
def test_the_tour_shows_what_it_says(tmp_path: Path) -> None:
    text = PAGE.read_text()
    blocks = [block for block, _ in BLOCK.findall(text)]
    with machine(tmp_path / ".drumbeat", tmp_path / "log") as made:
        outputs = shown(tmp_path, made.address, blocks)
    if os.environ.get("WRITE_TOUR"):
        given = iter(outputs)
        PAGE.write_text(BLOCK.sub(lambda found: _with_output(found[1], next(given)), text))
        text = PAGE.read_text()
    told = [output for _, output in BLOCK.findall(text)]
    assert [steady(output) for output in outputs] == [steady(output) for output in told]
    assert sum(bool(output) for output in told) >= 14


def _with_output(block: str, output: str) -> str:
    text = f"```sh\n{block}```\n"
    return f"{text}\n```text\n{output.strip()}\n```\n" if output.strip() else text
