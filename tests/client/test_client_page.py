"""docs/client.md does what it says: its blocks are run in their order against both APIs."""

import re
from pathlib import Path

import pytest

from support.writing import projected, writing

pytestmark = pytest.mark.postgres

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
ADDRESS = "http://127.0.0.1:8400"


def test_every_block_of_the_page_runs(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 5
    names: dict[str, object] = {}
    with writing(database_url) as server, projected(server):
        Path(".drumbeat").mkdir()
        Path(".drumbeat/key").write_text(f"{server.key}\n")
        for block in blocks:
            assert ADDRESS in block
            exec(block.replace(ADDRESS, str(server.client.base_url)), names)
        server_says = server.client.get(
            f"/campaigns/{names['campaign']}", params={"at_least": server.ledger.head()}
        )
    assert (server_says.json()["status"], server_says.json()["name"]) == ("paused", "Summer")
