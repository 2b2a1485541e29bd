"""The tree against the one that the RFC draws, of any size: roots, tiles, and proofs.

A program without our code finds proofs right, and finds them wrong when anything in them is another.
"""

from base64 import b64encode
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drumbeat.audit.heads import TreeHead
from drumbeat.audit.merkle import (
    EMPTY_ROOT,
    Edge,
    Tile,
    consistency,
    edge_tiles,
    inclusion,
    leaf_hash,
    roots,
    tiles_of,
)
from support.auditing import KEY, checker

CHECK = checker()
MOST = 2_200
"""More than two tiles of the level above the leaves."""


def raw(number: int) -> bytes:
    return f"event {number}".encode()


def position(number: int) -> int:
    """With holes."""
    return 3 * number + 1


LEAVES = [leaf_hash(position(number), raw(number)) for number in range(MOST)]


def naive(start: int, end: int) -> bytes:
    """The root above these leaves, by the RFC's own recursion."""
    root: bytes = CHECK.root_of(LEAVES[start:end])
    return root


@cache
def whole() -> dict[Tile, bytes]:
    """Every tile of the greatest tree."""
    edge = Edge()
    edge.append(LEAVES)
    return edge.changed()


def head(size: int) -> dict[str, Any]:
    return KEY.sign(TreeHead(size, 1_772_700_000_000 + size, naive(0, size))).document()


def encoded(hashes: list[bytes]) -> list[str]:
    return [b64encode(one).decode() for one in hashes]


def inclusion_answer(leaf: int, size: int) -> dict[str, Any]:
    """As the API answers."""
    return {
        "position": position(leaf),
        "bytes": b64encode(raw(leaf)).decode(),
        "leaf_index": leaf,
        "audit_path": encoded(roots(inclusion(leaf, size), whole())),
        "head": head(size),
    }


def consistency_answer(first: int, second: int) -> dict[str, Any]:
    hashes = roots(consistency(first, second), whole())
    return {"first": head(first), "second": head(second), "consistency": encoded(hashes)}


SIZES = st.one_of(st.integers(1, 70), st.integers(1, MOST))


def test_an_empty_tree_has_the_root_of_nothing() -> None:
    assert Edge().root() == EMPTY_ROOT == CHECK.root_of([])
    assert Edge().changed() == {}


@pytest.mark.parametrize("size", range(1, 140))
def test_every_small_tree_has_the_root_that_the_rfc_gives_it(size: int) -> None:
    edge = Edge()
    edge.append(LEAVES[:size])
    assert edge.root() == naive(0, size)


@given(steps=st.lists(st.integers(1, 200), min_size=1, max_size=10))
def test_a_tree_grows_the_same_in_any_steps_and_goes_on_from_its_stored_edge(steps: list[int]) -> None:
    stored: dict[Tile, bytes] = {}
    size = 0
    for step in steps:
        edge = Edge(size, {tile: stored[tile] for tile in edge_tiles(size)})
        edge.append(LEAVES[size : size + step])
        for tile, hashes in edge.changed().items():
            assert hashes.startswith(stored.get(tile, b"")), "a tile only becomes longer"
            stored[tile] = hashes
        size += step
        assert edge.size == size
        assert edge.root() == naive(0, size)
    at_once = Edge()
    at_once.append(LEAVES[:size])
    assert stored == at_once.changed()


@given(size=SIZES, share=st.floats(0, 1, exclude_max=True))
def test_an_inclusion_proof_is_found_right_and_is_short(size: int, share: float) -> None:
    leaf = int(share * size)
    answer = inclusion_answer(leaf, size)
    assert CHECK.is_right(answer, KEY.public_key)
    assert len(answer["audit_path"]) <= (size - 1).bit_length()
    assert len(tiles_of(inclusion(leaf, size))) <= 2 * (size.bit_length() // 5 + 1)


@given(first=SIZES, second=SIZES)
def test_a_consistency_proof_is_found_right_and_is_short(first: int, second: int) -> None:
    first, second = sorted((first, second))
    answer = consistency_answer(first, second)
    assert CHECK.is_right(answer, KEY.public_key)
    assert len(answer["consistency"]) <= second.bit_length() + 1


def without_one(answer: dict[str, Any], name: str, at: int) -> dict[str, Any]:
    kept = answer[name]
    return {**answer, name: kept[: at % len(kept)] + kept[at % len(kept) + 1 :]}


def with_another(answer: dict[str, Any], name: str, at: int) -> dict[str, Any]:
    changed = list(answer[name])
    changed[at % len(changed)] = encoded([leaf_hash(0, b"another")])[0]
    return {**answer, name: changed}


@given(
    size=st.integers(2, MOST),
    share=st.floats(0, 1, exclude_max=True),
    at=st.integers(0, 12),
    bit=st.integers(0, 7),
)
def test_an_inclusion_proof_of_anything_else_is_found_wrong(size: int, share: float, at: int, bit: int) -> None:
    leaf = int(share * size)
    right = inclusion_answer(leaf, size)
    other = raw(leaf)[:-1] + bytes([raw(leaf)[-1] ^ (1 << bit)])
    wrong = [
        {**right, "bytes": b64encode(other).decode()},
        {**right, "position": right["position"] + 1},
        {**right, "leaf_index": leaf + 1},
        {**right, "leaf_index": leaf - 1 if leaf else size},
        {**right, "head": head(size - 1)},
        {**right, "audit_path": [*right["audit_path"], right["audit_path"][0]]},
        without_one(right, "audit_path", at),
        with_another(right, "audit_path", at),
        {**right, "head": {**right["head"], "timestamp": right["head"]["timestamp"] + 1}},
        {**right, "head": {**right["head"], "tree_head_signature": head(size - 1)["tree_head_signature"]}},
    ]
    assert [CHECK.is_right(one, KEY.public_key) for one in wrong] == [False] * len(wrong)
    assert not CHECK.is_right(right, bytes(32)[:31] + b"\x01")


@given(first=SIZES, second=SIZES, at=st.integers(0, 12))
def test_a_consistency_proof_of_anything_else_is_found_wrong(first: int, second: int, at: int) -> None:
    first, second = sorted((first, second))
    right = consistency_answer(first, second)
    forged = KEY.sign(TreeHead(first, 1, leaf_hash(0, b"another root"))).document()
    wrong = [
        {**right, "first": forged},
        {**right, "second": {**forged, "tree_size": second}},
        {**right, "consistency": [*right["consistency"], encoded([LEAVES[0]])[0]]},
    ]
    if right["consistency"]:
        wrong += [without_one(right, "consistency", at), with_another(right, "consistency", at)]
    if first < second:
        wrong.append({**right, "first": right["second"], "second": right["first"]})
    assert [CHECK.is_right(one, KEY.public_key) for one in wrong] == [False] * len(wrong)


@given(size=st.integers(1, MOST), first=st.integers(0, MOST - 1), last=st.integers(0, MOST - 1))
def test_tiles_that_lack_hashes_are_refused(size: int, first: int, last: int) -> None:
    with pytest.raises(ValueError, match="lacks hashes"):
        roots([(0, size)], {})
    if size % 32:
        with pytest.raises(ValueError, match="lacks hashes"):
            Edge(size, {})
