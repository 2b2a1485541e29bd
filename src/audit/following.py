"""The tree follows the log: one follower leads, appends what has become safe, and signs heads.

Nobody who appends to the log waits for it. It never reads past the high-water mark, so that leaves come in the
order of positions and nothing can appear between two of them later.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from time import monotonic
from typing import Final

import psycopg
import structlog

from drumbeat.audit.merkle import leaf_hash
from drumbeat.audit.published import HeadFile, HeadsUnreadable
from drumbeat.audit.signing import SigningKey
from drumbeat.audit.stored import SQL, GrowingTree, TreeDamaged, event_at, heads_above
from drumbeat.eventstore.connections import LogConnection, UnsafeServer, open_connection
from drumbeat.eventstore.migrations import SchemaMismatch
from drumbeat.eventstore.roles import Role
from drumbeat.transport.source import LogRewound, LogSource, SourceUnavailable

log = structlog.get_logger(__name__)

SESSION: Final = {"statement_timeout": "60s", "idle_session_timeout": "0", "timezone": "UTC"}
_LEAD_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.5
_GATHER_SECONDS: Final = 1.0
"""What comes one by one is gathered for so long: the tree costs the database one commit a second."""
_SHORTEST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 5.0


@dataclass(slots=True)
class TreeStats:
    """What a follower is at. Written by its thread, read by any."""

    leading: bool = False
    leaves: int = 0
    lag_events: int = 0
    head_leaves: int = 0
    fault: str | None = None
    """What keeps the tree from growing or its heads from being published, in words for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """How heads are signed and published. `key` None: none is signed; `file` None: they stay in the database."""

    clock: Callable[[], datetime]
    key: SigningKey | None = None
    file: HeadFile | None = None
    seconds: float = 60.0
    """A head is signed so often while the tree grows."""


@dataclass(slots=True)
class TreeFollower:
    """Grows the tree of the log at a URL. `run` belongs to one thread; of many followers one leads."""

    url: str
    heads: Heads
    batch_events: int = 20_000
    stats: TreeStats = field(default_factory=TreeStats)

    def run(self, stop: Event) -> None:
        """Lead, or wait to lead, until `stop` is set. What is in the way is told, and tried again."""
        pause = _SHORTEST_PAUSE_SECONDS
        while not stop.is_set():
            try:
                with closing(open_connection(self.url, settings=SESSION, role=Role.AUDIT)) as session:
                    pause = _SHORTEST_PAUSE_SECONDS
                    if _leads(session, stop):
                        self._lead(session, stop)
            except (psycopg.Error, SourceUnavailable) as error:
                self._tell("tree_waits_for_the_database", error)
            except (TreeDamaged, LogRewound, SchemaMismatch, UnsafeServer) as error:
                self._tell("tree_does_not_grow", error)
                pause = _LONGEST_PAUSE_SECONDS
            finally:
                self.stats.leading = False
            stop.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _lead(self, session: LogConnection, stop: Event) -> None:
        with closing(LogSource(self.url)) as source:
            tree = begun(session)
            self.stats.leading, self.stats.fault = True, None
            log.info("tree_follows", leaves=tree.size, position=tree.position, signs=self.heads.key is not None)
            signing = Signing(tree, session, self.heads)
            while not stop.is_set():
                batch = source.read(tree.position, self.batch_events)
                if batch.rows:
                    tree.append(batch.rows)
                self.stats.fault = signing.look()
                self.stats.leaves = tree.size
                self.stats.lag_events = max(0, batch.high_water - tree.position) if batch.rows else 0
                self.stats.head_leaves = tree.head.tree_size if tree.head is not None else 0
                if not batch.rows:
                    source.wait(_POLL_SECONDS)
                elif len(batch.rows) < self.batch_events:
                    stop.wait(_GATHER_SECONDS)

    def _tell(self, what: str, error: Exception) -> None:
        words = " ".join(str(error).split())
        if words != self.stats.fault:
            log.warning(what, problem=words)
        self.stats.fault = words


def begun(session: LogConnection) -> GrowingTree:
    """The tree, ready to go on where it ended. Raises `TreeDamaged` when its last event is another one now."""
    tree = GrowingTree(session)
    last = tree.last
    if last is not None and last.hash not in {leaf_hash(*found) for found in event_at(session, last.position)}:
        # To go on would be to build on what was altered, and to sign it.
        raise TreeDamaged(
            f"the log does not hold at position {last.position} what its tree says was there: "
            "see `drumbeat audit check`"
        )
    return tree


class Signing:
    """Signs and publishes heads of a growing tree when it is time. For one thread."""

    def __init__(self, tree: GrowingTree, session: LogConnection, how: Heads) -> None:
        self._tree = tree
        self._session = session
        self._how = how
        self._signed_at = -float("inf")
        self._published: int | None = None
        self._trouble: str | None = None

    def look(self) -> str | None:
        """Do what is due; what keeps heads from being published, in words, or None."""
        tree, key = self._tree, self._how.key
        unsigned = tree.size > (tree.head.tree_size if tree.head is not None else 0)
        if key is not None and unsigned and monotonic() - self._signed_at >= self._how.seconds:
            tree.sign(key, self._how.clock())
            self._signed_at = monotonic()
        file = self._how.file
        if file is None or tree.head is None or self._published == tree.head.tree_size:
            return None
        try:
            self._publish(file)
        except (OSError, HeadsUnreadable) as error:
            trouble = f"heads are not published: {error}"
            if trouble != self._trouble:
                log.warning("heads_are_not_published", file=str(file.path), problem=str(error))
            self._trouble = trouble
            return trouble
        self._published, self._trouble = tree.head.tree_size, None
        return None

    def _publish(self, file: HeadFile) -> None:
        if self._published is None:
            self._published = file.newest_size()
        file.append(heads_above(self._session, self._published))


def _leads(session: LogConnection, stop: Event) -> bool:
    while not stop.is_set():
        if session.execute(SQL["lead"]).fetchone() == (True,):
            return True
        stop.wait(_LEAD_SECONDS)
    return False
