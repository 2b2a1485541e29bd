"""Which projections go on first, and how far, in partitions that count offsets too."""

from uuid import UUID

from drumbeat.projections.engine.lanes import Lanes, cut
from drumbeat.transport.records import KafkaRow
from drumbeat.transport.source import Checkpoint, Delivery, is_before

P = "contacts/0"
EVENT_ID = "4b1c6c1e-0000-4000-8000-000000000000"


def at(position: int, offset: int) -> Checkpoint:
    return Checkpoint(position, UUID(EVENT_ID), offset)


def row(position: int, offset: int) -> KafkaRow:
    return KafkaRow(position, "t", f'{{"specversion":"1.0","id":"{EVENT_ID}"}}'.encode(), 0, P, offset)


def test_of_equal_positions_the_smaller_offset_goes_first() -> None:
    lanes = Lanes({"a": {P: at(7, 12)}, "b": {P: at(7, 9)}}, ["a", "b"])
    lane = lanes.next()
    assert lane.names == ("b",)
    assert lanes.ceilings(lane) == {P: at(7, 12)}
    lanes.move(("b",), {P: at(7, 12)})
    assert lanes.is_one


def test_a_lane_in_a_lost_range_stops_where_the_others_stand_though_its_offset_stays() -> None:
    ahead, healing = at(40, 90), at(20, 3)
    assert is_before(healing, ahead)
    rows = [row(position, 3) for position in (30, 40, 50)]
    taken = cut(Delivery(rows, {P: at(50, 3)}, 50), {P: healing}, {P: ahead}, None)
    assert [one.position for one in taken.rows] == [30, 40]
    assert taken.reached == {P: ahead}
    # What is behind in position is behind, whatever the offsets say.
    assert is_before(at(40, 90), at(50, 3))
