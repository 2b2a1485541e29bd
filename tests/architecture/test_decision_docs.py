"""The pages about decisions say what the code does: settings and their ranges, looks across streams and tests."""

import re
from pathlib import Path

from drumbeat.aggregates.campaign.settings_rules import described_settings
from drumbeat.commands.dispatch import HANDLERS

ROOT = Path(__file__).parents[2]


def table_of(page: str) -> list[list[str]]:
    """The cells of a page's table, without its head."""
    lines = [line for line in (ROOT / "docs" / page).read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_setting_of_a_campaign_stands_in_the_docs_with_its_range_and_default() -> None:
    documented = [[cells[0].strip("`"), *cells[1:]] for cells in table_of("campaign-settings.md")]
    assert documented == [list(row) for row in described_settings()]


def test_every_crossing_names_commands_that_exist_and_a_test_that_shows_it() -> None:
    commands = {command.NAME for command in HANDLERS}
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    crossings = table_of("crossings.md")
    assert len(crossings) > 5
    for command, _looks, _crossing, repaired, test in crossings:
        assert set(command.split(", ")) <= commands
        assert set(re.findall(r"`(\w+)`", repaired)) <= commands
        assert test.strip("`") in tests
