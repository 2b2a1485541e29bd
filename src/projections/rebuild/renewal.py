"""Read models whose definition has changed in the code, or is new in a package: made while all others go on.

What changed is made anew while its old rows are read; what is new is shown when it is whole.
"""

from collections.abc import Callable, Sequence

import structlog

from drumbeat.projections.rebuild.families import names_of
from drumbeat.projections.rebuild.feeds import outdated, unbuilt
from drumbeat.projections.rebuild.rebuild import Rebuild

log = structlog.get_logger(__name__)


def renew(work: Rebuild, *, do: bool, is_over: Callable[[], bool] = lambda: False) -> str | None:
    """Say which live read models of Drumbeat this code cannot go on with; with `do`, make them anew and show them.

    What the change of definition changed is compared on the way and kept: `drumbeat projections compare` tells it.
    The generation, None when there was nothing to do. Raises `RebuildRefused`, and what building raises.
    """
    old = outdated(work.held(), [one for one in work.projections if one.package is None])
    return _made(work, sorted(names_of(old)), "read_models_outdated", do=do, is_over=is_over)


def packages(work: Rebuild) -> tuple[str, ...]:
    """The packages that `work` has projections of."""
    return tuple(dict.fromkeys(one.package for one in work.projections if one.package is not None))


def renew_package(
    work: Rebuild, package: str, *, do: bool, is_over: Callable[[], bool] = lambda: False
) -> str | None:
    """The same for a package, of which more may be new. Its projections are in a generation of their own, so that
    they are fed by a projector of their own, and what is wrong with them holds up nobody else."""
    found, own = work.held(), [one for one in work.projections if one.package == package]
    due = names_of(outdated(found, own)) | names_of(unbuilt(found, own))
    return _made(work, sorted(due), "package_projections_due", do=do, is_over=is_over)


def _made(work: Rebuild, names: Sequence[str], event: str, *, do: bool, is_over: Callable[[], bool]) -> str | None:
    if not names:
        return None
    log.warning(
        event,
        projections=names,
        then="made now" if do else f"waiting for `drumbeat projections rebuild {' '.join(names)}`",
    )
    if not do:
        return None
    generation = work.begin(names)
    work.build(generation)
    differences = work.compare(generation)
    if is_over():
        return None
    work.go_live(generation)
    log.info("read_models_renewed", generation=generation, rows={one.table: one.differs for one in differences})
    return generation
