"""The tree of RFC 6962 and 9162: how leaves and nodes are hashed, how it grows, and which hashes a proof takes.

Complete subtrees never change once they are there. Their hashes are kept in *tiles* of 32 neighbours, and only at
every fifth level of the tree: what lies between is folded from one tile. So a leaf costs little more than its own
hash, and a proof reads few tiles however large the tree is.
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

HASH_BYTES: Final = 32
TILE_LEVELS: Final = 5
TILE_HASHES: Final = 1 << TILE_LEVELS
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
_LEAF: Final = struct.Struct(">BQ")


class Tile(NamedTuple):
    """A place for 32 hashes. On tile level L stand the roots of subtrees of 32^L leaves, the leaves on level 0."""

    level: int
    number: int


Range = tuple[int, int]
"""Leaves from the first number up to but without the second."""


def leaf_hash(position: int, raw: bytes) -> bytes:
    """The hash of an event as a leaf: of 0x00, its position as 8 bytes (the greatest first), and its bytes."""
    return hashlib.sha256(_LEAF.pack(0, position) + raw).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash above two."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root above neighbours whose number is a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def split(joined: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


class Edge:
    """The right edge of a tree: all that is needed to append leaves, and to tell the root."""

    def __init__(self, size: int = 0, tiles: Mapping[Tile, bytes] | None = None) -> None:
        """`tiles` has those that `edge_tiles` names. Raises `ValueError` when they lack hashes."""
        self.size = size
        self._open: list[list[bytes]] = []
        self._changed: dict[Tile, bytes] = {}
        known = tiles or {}
        for level, count in enumerate(_counts(size)):
            self._open.append(split(known.get(Tile(level, count // TILE_HASHES), b"")))
            if len(self._open[level]) != count % TILE_HASHES:
                raise ValueError(f"the edge of a tree of {size} leaves lacks hashes on level {level}")

    def append(self, leaves: Iterable[bytes]) -> None:
        """More leaves, by their hashes."""
        for leaf in leaves:
            self._push(0, self.size, leaf)
            self.size += 1

    def fork(self) -> "Edge":
        """Another tree that is the same up to here."""
        other = Edge()
        other.size, other._open = self.size, [list(hashes) for hashes in self._open]
        return other

    def changed(self) -> dict[Tile, bytes]:
        """The tiles that are new or longer since this was asked last, each whole."""
        changed, self._changed = self._changed, {}
        for level, count in enumerate(_counts(self.size)):
            if level < len(self._open) and self._open[level]:
                changed[Tile(level, count // TILE_HASHES)] = b"".join(self._open[level])
        return changed

    def root(self) -> bytes:
        """The root hash of the tree as it is."""
        root: bytes | None = None
        for hashes in self._open:
            end = len(hashes)
            while end:
                start = end - (end & -end)
                left = fold(hashes[start:end])
                root = left if root is None else node_hash(left, root)
                end = start
        return EMPTY_ROOT if root is None else root

    def _push(self, level: int, number: int, value: bytes) -> None:
        if level == len(self._open):
            self._open.append([])
        hashes = self._open[level]
        hashes.append(value)
        if len(hashes) == TILE_HASHES:
            tile = number // TILE_HASHES
            self._changed[Tile(level, tile)] = b"".join(hashes)
            self._open[level] = []
            self._push(level + 1, tile, fold(hashes))


def edge_tiles(size: int) -> list[Tile]:
    """The tiles at the right edge that have room left."""
    return [Tile(level, n // TILE_HASHES) for level, n in enumerate(_counts(size)) if n % TILE_HASHES]


def _counts(size: int) -> list[int]:
    """How many hashes each tile level has, the leaves first."""
    counts = []
    while size:
        counts.append(size)
        size //= TILE_HASHES
    return counts


def inclusion(leaf: int, size: int) -> list[Range]:
    """The subtrees whose roots prove that a leaf is in a tree, from the leaf upwards (RFC 9162, 2.1.3.1)."""
    path: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _half(end - start)
        inside, beside = ((start, middle), (middle, end)) if leaf < middle else ((middle, end), (start, middle))
        path.append(beside)
        start, end = inside
    return path[::-1]


def consistency(first: int, second: int) -> list[Range]:
    """The subtrees whose roots prove that a tree is the beginning of a larger one (RFC 9162, 2.1.4.1)."""
    path: list[Range] = []
    start, end, from_zero = 0, second, True
    while end > first:
        middle = start + _half(end - start)
        if first <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start, from_zero = middle, False
    return ([] if from_zero else [(start, end)]) + path[::-1]


def _half(leaves: int) -> int:
    """The greatest power of two below a number of leaves."""
    return 1 << (leaves - 1).bit_length() - 1


def tiles_of(ranges: Iterable[Range]) -> set[Tile]:
    """The tiles from which the roots of these subtrees are folded."""
    return {_place(level, number)[0] for one in ranges for level, number in _blocks(one)}


def roots(ranges: Iterable[Range], tiles: Mapping[Tile, bytes]) -> list[bytes]:
    """The roots of these subtrees. Raises `ValueError` when the tiles lack one of their hashes."""
    return [_root(one, tiles) for one in ranges]


def _root(one: Range, tiles: Mapping[Tile, bytes]) -> bytes:
    root: bytes | None = None
    for level, number in reversed(_blocks(one)):
        tile, start, count = _place(level, number)
        hashes = split(tiles.get(tile, b""))[start : start + count]
        if len(hashes) < count:
            raise ValueError(f"tile {tile.number} of level {tile.level} lacks hashes")
        root = fold(hashes) if root is None else node_hash(fold(hashes), root)
    assert root is not None, "no subtree is empty"
    return root


def _blocks(one: Range) -> list[tuple[int, int]]:
    """A subtree as complete ones, from left to right, each as its level and number in the tree."""
    start, end = one
    blocks = []
    while start < end:
        fits = (end - start).bit_length() - 1
        level = fits if start == 0 else min(fits, (start & -start).bit_length() - 1)
        blocks.append((level, start >> level))
        start += 1 << level
    return blocks


def _place(level: int, number: int) -> tuple[Tile, int, int]:
    """Where a complete subtree is folded from: tile, first hash in it, number of hashes."""
    tile_level, above = divmod(level, TILE_LEVELS)
    first = number << above
    return Tile(tile_level, first // TILE_HASHES), first % TILE_HASHES, 1 << above
