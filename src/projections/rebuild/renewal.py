"""Read models whose definition has changed in the code: made anew while their old rows go on being read."""

from collections.abc import Callable

import structlog

from drumbeat.projections.rebuild.families import names_of
from drumbeat.projections.rebuild.feeds import outdated
from drumbeat.projections.rebuild.rebuild import Rebuild

log = structlog.get_logger(__name__)


def renew(work: Rebuild, *, do: bool, is_over: Callable[[], bool] = lambda: False) -> str | None:
    """Say which live read models this code cannot go on with; with `do`, rebuild them and put them in place.

    What the change of definition changed is compared on the way and kept: `drumbeat projections compare` tells it.
    The generation, None when there was nothing to do. Raises `RebuildRefused`, and what building raises.
    """
    old = sorted(names_of(outdated(work.held(), work.projections)))
    if not old:
        return None
    log.warning(
        "read_models_outdated",
        projections=old,
        then="made anew now" if do else f"waiting for `drumbeat projections rebuild {' '.join(old)}`",
    )
    if not do:
        return None
    generation = work.begin(old)
    work.build(generation)
    differences = work.compare(generation)
    if is_over():
        return None
    work.go_live(generation)
    log.info("read_models_renewed", generation=generation, rows={one.table: one.differs for one in differences})
    return generation
