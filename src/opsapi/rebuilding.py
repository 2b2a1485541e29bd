"""`drumbeat projections`: see read models in their generations, make them anew, compare, switch, go back."""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from typing import Annotated, Any, Protocol

import typer

from drumbeat.eventstore.connections import NO_DATABASE
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.projections.models import installed
from drumbeat.projections.rebuild.comparing import TableDifference
from drumbeat.projections.rebuild.generations import Held, State
from drumbeat.projections.rebuild.pace import Pace
from drumbeat.projections.rebuild.rebuild import Expected, Progress, Rebuild

_LOOK_SECONDS = 2.0


class Rebuilds(Protocol):
    """What the command line lends to these commands; it stands in the context's `obj`."""

    def rebuild(self, *, workers: int = 1) -> AbstractContextManager[Rebuild]:
        """What rebuilds. Raises `EmbeddedServerError`, `SchemaMismatch`, `MasterKeyProblem`."""
        ...


app = typer.Typer(
    help="Make read models anew from the log, compare them, put them in place.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
Generation = Annotated[str, typer.Argument(metavar="GENERATION", help="As `drumbeat projections list` shows it.")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME…", help="Projections; those that sum their rows too.")
]
Every = Annotated[bool, typer.Option("--all", help="Every projection.")]


@app.command("list")
def list_projections(context: typer.Context, as_json: Json = False) -> None:
    """List every projection in every generation: version, state, position, rows and size."""
    with _opened(context) as rebuild:
        found = rebuild.held(sized=True)
        left = {(one.projection, one.generation) for one in found if rebuild.is_left(one)}
    for refused in installed().refused:
        typer.echo(str(refused), err=True)
    if as_json:
        documents = [_document(one, is_left=(one.projection, one.generation) in left) for one in found]
        typer.echo(json.dumps(documents, indent=2))
        return
    head = max((one.position for one in found), default=0)
    for one in found:
        note = f"  left by {one.package}: `drumbeat projections drop {one.generation}`"
        typer.echo(_line(one, head) + (note if (one.projection, one.generation) in left else ""))


def _document(one: Held, *, is_left: bool) -> dict[str, Any]:
    times = ("installed_at", "left_at", "recorded_at")
    told = {k: v.isoformat() if k in times and v is not None else v for k, v in asdict(one).items()}
    return told | {"is_left": is_left}


def _line(one: Held, head: int) -> str:
    size = f"{one.size_bytes / 2**20:,.1f} MiB"
    stage = f" ({one.stage})" if one.stage else ""
    return (
        f"{one.projection:<12} v{one.version:<3} {one.generation:<8} {one.state.value + stage:<22} "
        f"at {one.position:>12,} ({head - one.position:,} behind)  {one.rows:>12,} rows  {size:>12}"
    )


@app.command()
def rebuild(
    context: typer.Context,
    names: Names = None,
    every: Every = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that fold.")] = min(
        os.cpu_count() or 1, 4
    ),
    go_live: Annotated[bool, typer.Option(help="Put it in place when nothing differs.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and do nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Make projections anew from the log, beside those that are read; compare row by row; put them in place.

    It may be ended anywhere: the same command goes on where it was.
    """
    with _opened(context, workers) as work:
        chosen = _chosen(work, names, every=every)
        if dry_run:
            _say_expected(work.expected(chosen), as_json=as_json)
            return
        generation = work.begin(chosen)
        with _watched(work, generation):
            work.build(generation)
        differences = work.compare(generation)
        switched = None
        if go_live and not any(one.differs for one in differences):
            switched = work.go_live(generation)
        else:
            work.keep_up_to_date(generation)
    if as_json:
        told = {
            "generation": generation,
            "live": switched is not None,
            "tables": [asdict(one) for one in differences],
        }
        typer.echo(json.dumps(told, indent=2, default=str))
    else:
        _say_differences(differences)
        if switched is not None:
            typer.echo(f"{generation} is live; readers waited {switched.locked_milliseconds:.0f} ms at most")
        else:
            typer.echo(f"{generation} is whole and kept up to date: `drumbeat projections go-live {generation}`")
    if switched is None and go_live:
        raise typer.Exit(Exit.REFUSED)


def _say_expected(expected: Expected, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(expected), indent=2))
        return
    typer.echo(
        f"{', '.join(expected.projections)}: {expected.events:,} events in {expected.slices} slices by "
        f"{expected.workers} workers, about {expected.size_bytes / 2**20:,.0f} MiB and "
        f"{expected.seconds:,.0f} s; {expected.free_words}"
    )


@contextmanager
def _watched(work: Rebuild, generation: str) -> Iterator[None]:
    """Say on the error stream how far it is, at once and every other second."""
    over = threading.Event()

    def watch() -> None:
        began, before = time.monotonic(), None
        while True:
            with suppress(*NO_DATABASE):  # whoever builds says so
                for one in work.progress():
                    if one.generation == generation:
                        # What was done before, perhaps days ago, says nothing of how fast it is now.
                        before = one.events if before is None else before
                        typer.echo(progress_line(one, time.monotonic() - began, before), err=True)
            if over.wait(_LOOK_SECONDS):
                return

    thread = threading.Thread(target=watch, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def progress_line(one: Progress, seconds: float, events_before: int = 0) -> str:
    """How far a rebuild is, how fast, and how long it will take."""
    words = f"{one.generation}: {one.stage}"
    if one.stage == "slices":
        pace = Pace(one.events, one.events_expected, seconds, events_before)
        words += (
            f" {one.slices_done} of {one.slices}, {one.events:,} of {one.events_expected:,} events "
            f"({pace.share:.0%}), {pace.events_per_second or 0:,.0f} events/s"
        )
        if pace.seconds_left is not None:
            words += f", {pace.seconds_left:,.0f} s left"
    return words


@app.command()
def progress(context: typer.Context, as_json: Json = False) -> None:
    """Say how far rebuilds are."""
    with _opened(context) as work:
        found = work.progress()
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
        return
    for one in found:
        typer.echo(progress_line(one, one.seconds))
    if not found:
        typer.echo("nothing is being rebuilt")


@app.command()
def cancel(context: typer.Context, generation: Generation) -> None:
    """Give a rebuild up, and take away what there is of it."""
    with _opened(context) as work:
        work.cancel(generation)
    typer.echo(f"{generation} is cancelled")


@app.command()
def compare(
    context: typer.Context,
    generation: Generation,
    samples: Annotated[int, typer.Option(min=0, max=1_000, help="Rows to show of each table.")] = 5,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Counts as CSV: table, column, campaign, rows.")] = False,
) -> None:
    """Compare a generation with what is live, row by row, at the same position; of what is live, tell what it was
    when it was compared before it went live."""
    with _opened(context) as work:
        is_live = any(one.generation == generation and one.state is State.LIVE for one in work.held())
        before = work.compared(generation) if is_live else None
        differences = before if before is not None else work.compare(generation, samples=samples)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in differences], indent=2, default=str))
    elif as_csv:
        typer.echo("\n".join(_csv(differences)))
    else:
        _say_differences(differences, samples=samples)
    if any(one.differs for one in differences):
        raise typer.Exit(Exit.REFUSED)


def _csv(differences: Sequence[TableDifference]) -> Iterator[str]:
    yield "table,what,name,rows"
    for one in differences:
        for what in ("same", "changed", "appeared", "gone"):
            yield f"{one.table},{what},,{getattr(one, what)}"
        for what, counted in (("column", one.columns), ("campaign", one.campaigns)):
            for name, count in _most_first(counted):
                yield f"{one.table},{what},{name},{count}"


def _most_first(counted: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _say_differences(differences: Sequence[TableDifference], *, samples: int = 3) -> None:
    if not differences:
        typer.echo("none of it was read before: there is nothing to compare")
    for one in differences:
        typer.echo(f"{one.table:<22} {one.rows:>12,} rows, {one.differs:,} differ")
        if one.columns_added or one.columns_removed:
            typer.echo(f"  columns new {list(one.columns_added)}, gone {list(one.columns_removed)}")
        if one.differs:
            typer.echo(f"  {one.changed:,} changed, {one.appeared:,} new, {one.gone:,} gone")
            for name, count in _most_first(one.columns):
                typer.echo(f"  {name}: {count:,} rows")
            for sample in one.samples[:samples]:
                typer.echo(
                    f"  {json.dumps(sample.key)}: {json.dumps(sample.before)} -> {json.dumps(sample.after)}"
                )


@app.command("go-live")
def put_live(context: typer.Context, generation: Generation) -> None:
    """Let readers see a generation that is whole; what they saw is kept."""
    with _opened(context) as work:
        switched = work.go_live(generation)
    typer.echo(f"{generation} is live; readers waited {switched.locked_milliseconds:.0f} ms at most")


@app.command()
def rollback(context: typer.Context, names: Names = None, every: Every = False) -> None:
    """Let readers see again what they saw before the last switch."""
    with _opened(context) as work:
        generation, switched = work.roll_back(_chosen(work, names, every=every))
    typer.echo(f"{generation} is live again; readers waited {switched.locked_milliseconds:.0f} ms at most")


@app.command()
def drop(context: typer.Context, generation: Generation) -> None:
    """Take away what a generation holds that is not live."""
    with _opened(context) as work:
        work.drop(generation)
    typer.echo(f"what was not live of {generation} is gone")


def _chosen(work: Rebuild, names: Sequence[str] | None, *, every: bool) -> Sequence[str]:
    if bool(names) is every:
        raise Failed(Exit.WRONG_USE, "name projections, or --all")
    return names or work.names


@contextmanager
def _opened(context: typer.Context, workers: int = 1) -> Iterator[Rebuild]:
    lends: Rebuilds = context.obj
    with lends.rebuild(workers=workers) as work:
        yield work


def verify(
    context: typer.Context,
    names: Names = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that fold.")] = 1,
    samples: Annotated[int, typer.Option(min=0, max=1_000, help="Differences to name of each table.")] = 10,
    as_json: Json = False,
) -> None:
    """Check every row and counter that people read against a fresh fold of the log, beside a running system.

    It rests while the read models are behind, and leaves nothing behind.
    """
    with _opened(context, workers) as work:
        differences = work.verify(names or work.names, samples=samples)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in differences], indent=2, default=str))
    else:
        _say_differences(differences, samples=samples)
    if any(one.differs for one in differences):
        raise typer.Exit(Exit.REFUSED)
