"""Projectors that end at a chosen statement, as with their process."""

from collections.abc import Callable
from typing import Any

import psycopg

from drumbeat.projections.engine.projector import Projector


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Counts statements over all connections of a projector; blows at one of them, before or after it is done."""

    def __init__(self, at: int, after: bool, blow: Callable[[], BaseException]) -> None:
        self.at, self.after, self._blow = at, after, blow
        self.statements = 0

    def before(self) -> None:
        self.statements += 1
        if self.statements == self.at and not self.after:
            raise self._blow()

    def done(self) -> None:
        if self.statements == self.at and self.after:
            raise self._blow()


class FragileProjector(Projector):
    """A projector whose statements pass a fuse. When it blows, its connections are lost, as with a process."""

    fuse: Fuse

    def _connect(self) -> psycopg.Connection[Any]:
        fuse = self.fuse

        class Cursor(psycopg.Cursor[Any]):
            def execute(self, *args: Any, **kwargs: Any) -> Any:
                fuse.before()
                result = super().execute(*args, **kwargs)
                fuse.done()
                return result

            def copy(self, *args: Any, **kwargs: Any) -> Any:
                fuse.before()
                fuse.done()
                return super().copy(*args, **kwargs)

        return psycopg.connect(self._database_url, autocommit=True, cursor_factory=Cursor)
