"""Compares the log with its tree, and both with heads: what was altered, removed, inserted or moved is named.

The stored leaves say what each event was when it was added; a head that was kept elsewhere says that the leaves
are those. Whoever changes events and tree together cannot make a head that fits: then the first head that does
not shows between which leaves it was done.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from operator import attrgetter
from time import monotonic
from typing import Final, NamedTuple, Protocol

from drumbeat.audit.differences import Differences
from drumbeat.audit.heads import SignedHead
from drumbeat.audit.judging import Heads, judge
from drumbeat.audit.merkle import HASH_BYTES, TILE_HASHES, Edge, Tile, leaf_hash
from drumbeat.audit.stored import (
    POSITION_BYTES,
    SQL,
    Connection,
    Leaf,
    TreeDamaged,
    heads_above,
    last_leaf,
    leaves_in,
)
from drumbeat.audit.verdict import Finding, Kind, Report
from drumbeat.eventstore.connections import open_connection
from drumbeat.eventstore.reader import LogRow
from drumbeat.eventstore.roles import Role
from drumbeat.transport.source import Batch, LogSource, SourceUnavailable

Show = Callable[[float, str], None]
"""Hears the share that is done, and what is being looked at."""

_ROWS: Final = 256
_EVENTS: Final = 10_000
_BEFORE_ALL: Final = -(2**63 - 1)
"""Positions count from 1, unless somebody inserted another."""


class Log(Protocol):
    """What is needed of the log."""

    def read(self, after: int, limit: int) -> Batch:
        """Events above a position, in order."""
        ...


def check(
    url: str,
    kept: Sequence[SignedHead] = (),
    *,
    public_key: bytes | None = None,
    patience_seconds: float = 30.0,
    show: Show = lambda _share, _words: None,
) -> Report:
    """Look at all of the log that the tree covers. `kept` are heads from elsewhere, beside those of the database.

    `public_key` must have signed every head; None: the key that each head names. Everybody may go on meanwhile; an
    append that is under way is waited for. Raises `SourceUnavailable` when that takes longer, and psycopg's errors
    too when the database does not answer.
    """
    settings = {"default_transaction_read_only": "on"}
    with (
        closing(open_connection(url, settings=settings, role=Role.READ)) as connection,
        closing(LogSource(url)) as log,
    ):
        # Heads first: the tree is never behind one that was there before it was looked at.
        heads = Heads.of(heads_above(connection, 0), kept, public_key)
        try:
            last = last_leaf(connection)
        except TreeDamaged as error:
            return Report(0, 0, (Finding(Kind.TREE_DAMAGED, None, None, str(error)),), heads.rejected, 0, 0)
        _wait_for(log, last.position if last is not None else 0, patience_seconds)
        return _Comparison(connection, log, last, heads, show).report()


class _Side:
    """A tree on the way, and its roots at the sizes of heads."""

    def __init__(self, edge: Edge, sizes: Sequence[int]) -> None:
        self.edge = edge
        self.roots: dict[int, bytes] = {}
        self._sizes = sorted((size for size in sizes if size > edge.size), reverse=True)

    def append(self, hashes: Sequence[bytes]) -> None:
        """More leaves; a head may stand between two of them."""
        while self._sizes and self._sizes[-1] <= self.edge.size + len(hashes):
            size = self._sizes.pop()
            until = size - self.edge.size
            self.edge.append(hashes[:until])
            hashes = hashes[until:]
            self.roots[size] = self.edge.root()
        self.edge.append(hashes)


class _Row(NamedTuple):
    """Leaves as they are stored."""

    number: int
    positions: bytes
    hashes: bytes


class _Comparison:
    """One walk along leaves and events. Belongs to one thread."""

    def __init__(
        self, connection: Connection, log: LogSource, last: Leaf | None, heads: Heads, show: Show
    ) -> None:
        self._connection = connection
        self._events = _Events(log, last.position if last is not None else 0)
        self._size = last.number + 1 if last is not None else 0
        self._heads = heads
        self._show = show
        self._differences = Differences()
        self._tree = _Side(Edge(), list(heads.by_size))
        self._log: _Side | None = None
        """The tree that the events give, from the first difference on."""
        self._nodes: dict[Tile, bytes] = {}

    def report(self) -> Report:
        """What was found."""
        damaged: list[Finding] = []
        try:
            for row in self._rows():
                self._compare(row)
            damaged += self._compare_nodes()
        except TreeDamaged as error:
            # Without its leaves the rest of the log cannot be told apart.
            damaged.append(Finding(Kind.TREE_DAMAGED, self._tree.edge.size, None, str(error)))
        agreeing, judged = judge(self._heads, self._tree.roots, self._log.roots if self._log is not None else {})
        compared = [judged.blamed(one) for one in self._differences.findings()]
        findings = (*compared, *damaged, *judged.findings(self._size))
        return Report(
            self._size, self._events.read, findings, self._heads.rejected, agreeing, self._differences.untold
        )

    def _rows(self) -> Iterator[_Row]:
        expected = 0
        while expected * TILE_HASHES < self._size:
            rows = self._connection.execute(SQL["leaves"], [expected, _ROWS]).fetchall()
            for number, positions, hashes in rows:
                # A follower may have made the last one longer meanwhile.
                count = min(TILE_HASHES, self._size - expected * TILE_HASHES)
                if number != expected or len(hashes) < count * HASH_BYTES:
                    break
                yield _Row(number, positions[: count * POSITION_BYTES], hashes[: count * HASH_BYTES])
                expected += 1
                if expected * TILE_HASHES >= self._size:
                    return
            else:
                if rows:
                    self._collect_nodes()
                    self._show(expected * TILE_HASHES / self._size, f"{self._events.read:,} events")
                    continue
            raise TreeDamaged(f"the tree lacks leaves from {expected * TILE_HASHES:,} on")

    def _compare(self, row: _Row) -> None:
        before, last = self._events.position, int.from_bytes(row.positions[-POSITION_BYTES:], "big", signed=True)
        events = self._events.up_to(last)
        hashes = [leaf_hash(event.position, event.bytes) for event in events]
        positions = struct.pack(f">{len(events)}q", *[event.position for event in events])
        expected = hashes
        if positions != row.positions or b"".join(hashes) != row.hashes:
            leaves = leaves_in(*row)
            places = [before, *(leaf.position for leaf in leaves)]
            if places != sorted(set(places)):
                raise TreeDamaged(f"the positions of the leaves from {leaves[0].number:,} on are not in order")
            self._differences.compare(leaves, events, hashes)
            self._log = self._log or _Side(self._tree.edge.fork(), list(self._heads.by_size))
            expected = [leaf.hash for leaf in leaves]
        if self._log is not None:
            self._log.append(hashes)
        self._tree.append(expected)

    def _collect_nodes(self) -> None:
        self._nodes.update((tile, joined) for tile, joined in self._tree.edge.changed().items() if tile.level)

    def _compare_nodes(self) -> Iterator[Finding]:
        self._collect_nodes()
        stored = {Tile(level, number): hashes for level, number, hashes in self._connection.execute(SQL["nodes"])}
        for tile, hashes in sorted(self._nodes.items()):
            # A follower may have made it longer meanwhile.
            if not stored.get(tile, b"").startswith(hashes):
                leaf = tile.number * TILE_HASHES ** (tile.level + 1)
                words = (
                    f"nodes of level {tile.level} from leaf {leaf:,} on do not follow from the leaves: proofs fail"
                )
                yield Finding(Kind.TREE_DAMAGED, leaf, None, words)


_position_of = attrgetter("position")


class _Events:
    """The log's events up to a position, handed out in windows."""

    def __init__(self, log: Log, end: int) -> None:
        self._log = log
        self._end = end
        self._waiting: list[LogRow] = []
        self._at = 0
        self._over = False
        self._after = _BEFORE_ALL
        self.position = _BEFORE_ALL
        """Up to where events were handed out."""
        self.read = 0

    def up_to(self, position: int) -> list[LogRow]:
        """Every event after those handed out, up to this position."""
        window: list[LogRow] = []
        self.position = position
        while True:
            end = bisect_right(self._waiting, position, self._at, key=_position_of)
            window += self._waiting[self._at : end]
            self._at = end
            if end < len(self._waiting) or self._over:
                self.read += len(window)
                return window
            self._refill()

    def _refill(self) -> None:
        rows = self._log.read(self._after, _EVENTS).rows
        self._waiting, self._at = [row for row in rows if row.position <= self._end], 0
        self._over = len(self._waiting) < _EVENTS
        self._after = rows[-1].position if rows else self._after


def _wait_for(log: LogSource, position: int, patience_seconds: float) -> None:
    """An append that is under way may hold this reader's mark below what the tree has already."""
    deadline = monotonic() + patience_seconds
    while log.high_water() < position and log.held_up_seconds:
        if monotonic() >= deadline:
            raise SourceUnavailable(
                f"an append has been under way for {log.held_up_seconds:.0f} s, and the log cannot be read to its "
                "end; `drumbeat status` names it"
            )
        log.wait(0.1)
