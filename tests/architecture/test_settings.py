"""Settings: what is read, what is refused and in which words, and that the documentation lists them all."""

from pathlib import Path

import pytest

from drumbeat.choices import LogFormat
from drumbeat.settings import Settings, SettingsError, allowed, read, table, variable_of

ROOT = Path(__file__).parents[2]


def test_without_variables_every_setting_has_its_default() -> None:
    assert read({"PATH": "/bin"}) == Settings()


def test_a_variable_sets_its_setting() -> None:
    settings = read({"DRUMBEAT_API_PORT": "9000", "DRUMBEAT_LOG_FORMAT": "json", "DRUMBEAT_HOME": "/var/d"})
    assert (settings.api_port, settings.log_format, settings.home) == (9000, LogFormat.JSON, Path("/var/d"))


def test_an_empty_variable_counts_as_unset() -> None:
    assert read({"DRUMBEAT_DATABASE_URL": ""}).database_url is None


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        (
            "DRUMBEAT_API_PORT",
            "70000",
            "DRUMBEAT_API_PORT is '70000', but must be a whole number from 1 to 65,535",
        ),
        ("DRUMBEAT_API_PORT", "x", "DRUMBEAT_API_PORT is 'x', but must be a whole number from 1 to 65,535"),
        (
            "DRUMBEAT_LOG_LEVEL",
            "loud",
            "DRUMBEAT_LOG_LEVEL is 'loud', but must be one of debug, info, warning, error",
        ),
        (
            "DRUMBEAT_DATABASE_URL",
            "mysql://me:secret@there/x",
            "DRUMBEAT_DATABASE_URL is 'mysql://me:***@there/x', but must be a postgresql:// URL",
        ),
        ("DRUMBEAT_APY_PORT", "1", "DRUMBEAT_APY_PORT is not a setting; see docs/settings.md"),
    ],
)
def test_a_bad_variable_is_refused_in_one_line(variable: str, value: str, line: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read({variable: value})
    assert str(refused.value) == line


def test_two_bad_variables_are_both_named() -> None:
    with pytest.raises(SettingsError) as refused:
        read({"DRUMBEAT_API_PORT": "0", "DRUMBEAT_COLOUR": "red"})
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_number_has_a_range_that_holds(name: str) -> None:
    if not allowed(name).startswith(("a number", "a whole number")):
        assert allowed(name)
        return
    low, high = allowed(name).replace(",", "").split("from ")[1].split(" to ")
    for inside in (low, high):
        assert getattr(read({variable_of(name): inside}), name) == float(inside)
    for outside in (str(float(low) - 1), str(float(high) + 1), "nan"):
        with pytest.raises(SettingsError, match=variable_of(name)):
            read({variable_of(name): outside})


def test_every_setting_has_an_effect() -> None:
    elsewhere = [path.read_text() for path in (ROOT / "src").rglob("*.py") if path.name != "settings.py"]
    elsewhere.append((ROOT / "src" / "settings.py").read_text().split("@property", 1)[1])
    unused = [name for name in Settings.model_fields if not any(f".{name}" in text for text in elsewhere)]
    assert unused == []


def test_the_documentation_lists_every_setting_as_it_is() -> None:
    assert table() in (ROOT / "docs" / "settings.md").read_text()
