"""Slices of a rebuild, and the pieces in which they are folded."""

from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from drumbeat.projections.rebuild.slices import EVENTS_A_PIECE, Slice


@given(of=st.integers(1, 40), mark=st.integers(0, 50 * EVENTS_A_PIECE))
def test_every_id_is_in_one_piece_of_one_slice(of: int, mark: int) -> None:
    slices = [Slice(generation="gen_2", mark=mark, number=number, of=of) for number in range(of)]
    pieces = [piece for one in slices for piece in one.pieces()]
    assert (pieces[0][0].int, pieces[-1][1].int) == (0, 2**128 - 1)
    assert all(last.int + 1 == first.int for (_, last), (first, _) in pairwise(pieces))
    assert all(first <= last for first, last in pieces)


@given(of=st.integers(1, 40), mark=st.integers(1, 50 * EVENTS_A_PIECE))
def test_a_piece_is_cut_for_no_more_events_than_fit_in_memory(of: int, mark: int) -> None:
    pieces = list(Slice(generation="gen_2", mark=mark, number=0, of=of).pieces())
    assert mark / of / len(pieces) <= EVENTS_A_PIECE
    widths = [last.int - first.int + 1 for first, last in pieces]
    assert max(widths) - min(widths) <= 1


def test_a_small_slice_is_one_piece() -> None:
    assert list(Slice(generation="gen_2", mark=5, number=1, of=2).pieces()) == [
        (UUID("80000000-0000-0000-0000-000000000000"), UUID("ffffffff-ffff-ffff-ffff-ffffffffffff"))
    ]
