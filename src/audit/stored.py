"""The tree as it is stored beside the log: looked at, and grown by whoever leads."""

import struct
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from drumbeat.audit.heads import SignedHead, TreeHead
from drumbeat.audit.merkle import HASH_BYTES, TILE_HASHES, Edge, Tile, edge_tiles, leaf_hash
from drumbeat.audit.signing import SigningKey
from drumbeat.eventstore.reader import LogRow, event_id_of
from drumbeat.queries import load_queries

SQL: Final = load_queries(Path(__file__).parent / "sql" / "tree.sql")
POSITION_BYTES: Final = 8
_COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_END: Final = b"\xff\xff"
_PLACE: Final = struct.Struct(">hi16siq")

Connection = psycopg.Connection[tuple[Any, ...]]
Events = Sequence[tuple[int, bytes]]
"""Positions and bytes."""


class TreeDamaged(Exception):
    """The stored tree lacks what it must hold, or does not fit the log: `drumbeat audit check` says where."""


class Leaf(NamedTuple):
    """A leaf: its number, the position of its event, and its hash."""

    number: int
    position: int
    hash: bytes


def last_leaf(connection: Connection) -> Leaf | None:
    """The newest leaf; None in an empty tree. Raises `TreeDamaged`."""
    row = connection.execute(SQL["last_leaves"]).fetchone()
    return leaves_in(*row)[-1] if row is not None else None


def leaf_at(connection: Connection, position: int) -> Leaf | None:
    """The leaf of the event at a position; None when the tree has none. Raises `TreeDamaged`."""
    row = connection.execute(SQL["leaves_around"], [position]).fetchone()
    found = leaves_in(*row) if row is not None else []
    return next((leaf for leaf in found if leaf.position == position), None)


def leaves_in(number: int, positions: bytes, hashes: bytes) -> list[Leaf]:
    """The leaves of a row. Raises `TreeDamaged`."""
    count = len(hashes) // HASH_BYTES
    whole = len(hashes) == count * HASH_BYTES and len(positions) == count * POSITION_BYTES
    if not whole or not 1 <= count <= TILE_HASHES:
        raise TreeDamaged(f"the tree's row of leaves from {number * TILE_HASHES} on is not what it was written as")
    places = struct.unpack(f">{count}q", positions)
    return [
        Leaf(number * TILE_HASHES + at, place, hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES])
        for at, place in enumerate(places)
    ]


def tiles(connection: Connection, wanted: Collection[Tile]) -> dict[Tile, bytes]:
    """Those of some tiles that are there."""
    above = [tile for tile in wanted if tile.level]
    arguments = {
        "leaves": [tile.number for tile in wanted if not tile.level],
        "levels": [tile.level for tile in above],
        "numbers": [tile.number for tile in above],
    }
    return {Tile(level, number): hashes for level, number, hashes in connection.execute(SQL["tiles"], arguments)}


def newest_head(connection: Connection) -> SignedHead | None:
    """The head with the most leaves; None before the first."""
    return _one_head(connection, "newest_head")


def first_head(connection: Connection) -> SignedHead | None:
    """The head with the fewest leaves; None before the first."""
    return _one_head(connection, "first_head")


def head_of_size(connection: Connection, size: int) -> SignedHead | None:
    """The head of so many leaves; None when none was signed."""
    return _one_head(connection, "head_of", size)


def heads_above(connection: Connection, size: int) -> list[SignedHead]:
    """Every head with more leaves than that, the smallest first."""
    return [_head(*row) for row in connection.execute(SQL["heads_above"], [size])]


def event_at(connection: Connection, position: int) -> Events:
    """The position and the bytes of the event there; nothing where there is none."""
    return [(found, bytes(raw)) for found, raw in connection.execute(SQL["event_at"], [position])]


def events_of_id(connection: Connection, event_id: UUID) -> Events:
    """Positions and bytes of the events of an id that the tree has: one, if nobody forged another."""
    return [(found, bytes(raw)) for found, raw in connection.execute(SQL["event_of_id"], [event_id])]


def _one_head(connection: Connection, statement: str, *values: int) -> SignedHead | None:
    row = connection.execute(SQL[statement], values).fetchone()
    return None if row is None else _head(*row)


def _head(size: int, timestamp_ms: int, root: bytes, signature: bytes, key: bytes) -> SignedHead:
    return SignedHead(TreeHead(size, timestamp_ms, root), signature, key)


class GrowingTree:
    """The tree, at the session that leads. For one thread; not used again after an error of the database."""

    def __init__(self, connection: Connection) -> None:
        """Raises `TreeDamaged`."""
        self._connection = connection
        row = connection.execute(SQL["last_leaves"]).fetchone()
        self.last = leaves_in(*row)[-1] if row is not None else None
        size = 0 if self.last is None else self.last.number + 1
        try:
            self._edge = Edge(size, tiles(connection, edge_tiles(size)))
        except ValueError as error:
            raise TreeDamaged(str(error)) from error
        # Of the last row, while it has room.
        self._positions = bytes(row[1]) if row is not None and size % TILE_HASHES else b""
        self.head = newest_head(connection)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._edge.size

    @property
    def position(self) -> int:
        """The position of the last leaf, 0 in an empty tree."""
        return self.last.position if self.last is not None else 0

    def append(self, rows: Sequence[LogRow]) -> None:
        """Add events, which are those that come next in the log. All or none of them are kept."""
        hashes = [leaf_hash(row.position, row.bytes) for row in rows]
        self._edge.append(hashes)
        changed = self._edge.changed()
        with self._connection.transaction():
            self._keep_leaves(rows, changed)
            self._keep_nodes(changed)
            self._keep_events(rows)
        self.last = Leaf(self.size - 1, rows[-1].position, hashes[-1])

    def sign(self, key: SigningKey, now: datetime) -> SignedHead:
        """Sign the tree as it is, and keep the head. Later heads never have earlier times."""
        moment = int(now.timestamp() * 1000)
        if self.head is not None:
            moment = max(moment, self.head.head.timestamp_ms + 1)
        signed = key.sign(TreeHead(self.size, moment, self._edge.root()))
        head = signed.head
        self._connection.execute(
            SQL["keep_head"], [head.tree_size, head.timestamp_ms, head.root_hash, signed.signature, key.public_key]
        )
        self.head = signed
        return signed

    def _keep_leaves(self, rows: Sequence[LogRow], changed: Mapping[Tile, bytes]) -> None:
        packed = self._positions + struct.pack(f">{len(rows)}q", *(row.position for row in rows))
        step = TILE_HASHES * POSITION_BYTES
        positions = [packed[at : at + step] for at in range(0, len(packed), step)]
        leaves = sorted((tile.number, hashes) for tile, hashes in changed.items() if tile.level == 0)
        firsts = [int.from_bytes(places[:POSITION_BYTES], "big") for places in positions]
        numbers, hashed = [number for number, _ in leaves], [hashes for _, hashes in leaves]
        self._connection.execute(SQL["keep_leaves"], [numbers, firsts, positions, hashed])
        self._positions = positions[-1] if len(positions[-1]) < step else b""

    def _keep_nodes(self, changed: Mapping[Tile, bytes]) -> None:
        above = sorted((tile, hashes) for tile, hashes in changed.items() if tile.level)
        if above:
            levels, numbers = [tile.level for tile, _ in above], [tile.number for tile, _ in above]
            self._connection.execute(SQL["keep_nodes"], [levels, numbers, [hashes for _, hashes in above]])

    def _keep_events(self, rows: Sequence[LogRow]) -> None:
        places = [
            _PLACE.pack(2, 16, event_id.bytes, POSITION_BYTES, row.position)
            for row in rows
            if (event_id := event_id_of(row.bytes)) is not None
        ]
        with self._connection.cursor().copy(SQL["keep_events"]) as copy:
            copy.write(_COPY_HEAD + b"".join(places) + _COPY_END)
