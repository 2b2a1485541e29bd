"""Writes the files of `streams/` that follow from the code; with `release`, keeps the schemas as released."""

import shutil
import sys

from streams_contract.files import generated, stale
from streams_contract.schemas import STREAMS


def write() -> None:
    """Write what follows from the code, and remove what no longer does."""
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    for path in stale():
        path.unlink()


def release() -> None:
    """Keep today's schemas as those that consumers have been promised."""
    for path in sorted((STREAMS / "schemas").glob("*.json")):
        shutil.copy(path, STREAMS / "released" / path.name)


if __name__ == "__main__":
    write()
    if sys.argv[1:] == ["release"]:
        release()
