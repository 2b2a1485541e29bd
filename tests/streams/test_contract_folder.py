"""`streams/` is the contract with the outside: data that anyone may copy, and no code."""

from pathlib import Path

STREAMS = Path(__file__).parents[2] / "streams"


def test_streams_holds_data_and_no_code() -> None:
    assert [path.name for path in STREAMS.rglob("*.py")] == ["__init__.py"]
    assert (STREAMS / "__init__.py").read_text().strip() in {"", '""""""'}
