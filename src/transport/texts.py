"""Words that may quote anything, made fit to be kept and told."""

from typing import Final

_LONGEST: Final = 4_000


def as_text(told: str) -> str:
    """The same as Postgres keeps it: no zero bytes, no half characters, no volumes."""
    return told[:_LONGEST].replace("\0", "\\0").encode(errors="backslashreplace").decode()
