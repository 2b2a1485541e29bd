"""Slices of a rebuild, and the pieces in which they are folded."""

from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from drumbeat.projections.rebuild.cutting import EVENTS_A_PIECE, Slice, how_many


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


@given(events=st.integers(0, 10**8), workers=st.integers(1, 64), events_a_slice=st.integers(EVENTS_A_PIECE, 10**6))
def test_each_worker_gets_as_many_slices_and_none_is_longer_than_was_asked(
    events: int, workers: int, events_a_slice: int
) -> None:
    slices = how_many(events, workers, events_a_slice)
    assert slices >= workers
    assert slices == 4_096 or (slices % workers == 0 and events / slices <= events_a_slice)


def test_a_log_that_fits_one_slice_is_shared_out_so_that_all_workers_end_together() -> None:
    assert [how_many(events, 2, 200_000) for events in (0, 30_000, 80_000, 320_000)] == [2, 2, 8, 8]
    assert how_many(10_000_000, 2, 200_000) == 50
