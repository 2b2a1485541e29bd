"""A row belongs to one stream, and a stream to one partition: so one projector at a time writes it."""

import pytest

from drumbeat.bootstrap import PROJECTIONS
from drumbeat.projections.engine import Projection


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
def test_the_rows_of_a_table_follow_from_streams_of_one_kind(projection: Projection) -> None:
    for entity in projection.entities:
        kinds = {fact.TYPE.split(".")[0] for fact in entity.folds}
        assert len(kinds) == 1, f"{entity.table} follows from {kinds}, which stand in several topics"
