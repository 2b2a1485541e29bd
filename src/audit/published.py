"""Heads in a file: a line of JSON each. Kept where the log's database is not, they show what was cut off it."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from drumbeat.audit.heads import NotAHead, SignedHead, head_of

_LONGEST_LINE_BYTES: Final = 4_096


class HeadsUnreadable(Exception):
    """A file of heads cannot be read, or holds something else; the message names file and line."""


class HeadFile:
    """A file of heads, the newest last. Written by the leading follower of the tree alone, and only at its end."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self.path = path

    def heads(self) -> list[SignedHead]:
        """Every head; none when there is no file yet. Raises `HeadsUnreadable`."""
        try:
            # What has no end yet is half of a head: it is written anew.
            lines = self.path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise HeadsUnreadable(f"{self.path} cannot be read: {error.strerror}") from error
        return [self._head(number, line) for number, line in enumerate(lines, start=1) if line.strip()]

    def newest_size(self) -> int:
        """The greatest tree size in it; 0 when there is no head. Raises `HeadsUnreadable`."""
        return max((head.tree_size for head in self.heads()), default=0)

    def append(self, heads: Sequence[SignedHead]) -> None:
        """Add heads; they are on the disk when this returns. Raises `OSError`, `HeadsUnreadable`."""
        text = "".join(json.dumps(head.document()) + "\n" for head in heads)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            file.truncate(self._end_of_last(file))
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def _end_of_last(self, file: BinaryIO) -> int:
        """Where the last whole line ends."""
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - _LONGEST_LINE_BYTES))
        end = file.read().rfind(b"\n") + 1
        if start and not end:
            raise HeadsUnreadable(f"{self.path} does not end in heads")
        return start + end

    def _head(self, number: int, line: bytes) -> SignedHead:
        try:
            document: Any = json.loads(line)
            if not isinstance(document, dict):
                raise NotAHead("no JSON object")
            return head_of(document)
        except ValueError as error:
            raise HeadsUnreadable(f"{self.path}, line {number}: {error}") from error
