"""`drumbeat dead-letters`: look at what could not be applied, have it tried again, keep a copy of it."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Protocol, TextIO
from uuid import UUID

import structlog
import typer

from drumbeat.opsapi import dead_letter_words as words
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.projections.dead_letters import Choice, DeadLetters, Marked, Parked, dead_letters
from drumbeat.projections.engine.bookkeeping import Kind

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.1


class ReadsModels(Protocol):
    """What the command line lends to these commands; it stands in the context's `obj`."""

    @property
    def actor(self) -> str:
        """Who is at the keyboard."""
        ...

    def read_models(self) -> AbstractContextManager[str]:
        """The URL of the read models' database. Raises `EmbeddedServerError`."""
        ...


app = typer.Typer(help="Look after events that could not be applied.", no_args_is_help=True, rich_markup_mode=None)

Id = Annotated[int, typer.Argument(metavar="ID", help="As `drumbeat dead-letters list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
OfProjection = Annotated[str | None, typer.Option(help="Only of this projection; '*': records of nobody's.")]
OfStream = Annotated[UUID | None, typer.Option(help="Only of this stream.")]
OfKind = Annotated[Kind | None, typer.Option(help="Only what is held up so.")]


@app.command("list")
def list_parked(
    context: typer.Context,
    projection: OfProjection = None,
    stream: OfStream = None,
    kind: OfKind = None,
    as_json: Json = False,
) -> None:
    """List what holds each parked stream up, and every record that is no event of ours."""
    with _opened(context) as letters:
        found = letters.streams(Choice(projection=projection, stream_id=stream, kind=kind))
    if as_json:
        typer.echo(json.dumps([words.document(one) for one in found], indent=2))
        return
    for one in found:
        typer.echo(words.line(one))


@app.command()
def show(context: typer.Context, parked: Id, as_json: Json = False) -> None:
    """Show one with all its bytes, personal values too."""
    with _opened(context) as letters:
        one = _found(letters, parked)
    typer.echo(json.dumps(words.whole(one), indent=2) if as_json else "\n".join(words.lines(one)))


@app.command()
def retry(
    context: typer.Context,
    stream: Annotated[UUID | None, typer.Option(help="Try this stream again.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Try every parked stream again.")] = False,
    wait: Annotated[float, typer.Option(min=0, max=3_600, help="Seconds to wait for the projector.")] = 10.0,
    as_json: Json = False,
) -> None:
    """Ask the projector to apply parked events in order, and tell what became of each stream."""
    if (stream is None) is not every:
        raise Failed(Exit.WRONG_USE, "name what to try again: --stream ID, or --all")
    with _opened(context) as letters:
        marked = letters.mark(stream)
        if stream is not None and not marked.stream_ids:
            raise Failed(Exit.REFUSED, f"nothing of stream {stream} is parked")
        outcomes = _watched(letters, marked, wait)
    typer.echo(
        json.dumps([one.document() for one in outcomes], indent=2)
        if as_json
        else "\n".join(one.line() for one in outcomes) or "nothing is parked that can be tried again"
    )
    raise typer.Exit(_exit_of(outcomes))


def _watched(letters: DeadLetters, marked: Marked, wait_seconds: float) -> list[words.Outcome]:
    deadline = time.monotonic() + wait_seconds
    while (left := letters.not_tried(marked)) and time.monotonic() < deadline:
        time.sleep(min(_LOOK_SECONDS, max(0.0, deadline - time.monotonic())))
    parked = letters.still_parked(marked.stream_ids)
    return [
        words.Outcome(stream_id, stream_id not in left, tuple(one for one in parked if one.stream_id == stream_id))
        for stream_id in marked.stream_ids
    ]


def _exit_of(outcomes: Sequence[words.Outcome]) -> Exit:
    if any(not one.tried for one in outcomes):
        return Exit.UNAVAILABLE
    return Exit.REFUSED if any(one.parked for one in outcomes) else Exit.DONE


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where to write; default: standard output.")] = None,
    projection: OfProjection = None,
    stream: OfStream = None,
    kind: OfKind = None,
) -> None:
    """Write everything that is parked as JSON lines, whole."""
    choice = Choice(projection=projection, stream_id=stream, kind=kind)
    written = 0
    with _opened(context) as letters, _target(file) as target:
        for one in letters.everything(choice):
            target.write(json.dumps(words.exported(one)) + "\n")
            written += 1
    if file is not None:
        typer.echo(f"{written} written to {file}", err=True)


@contextmanager
def _target(file: Path | None) -> Iterator[TextIO]:
    if file is None:
        yield typer.get_text_stream("stdout")
        return
    try:
        # What was exported before must not be lost to a slip of the keyboard.
        opened = file.open("x", encoding="utf-8")
    except OSError as error:
        raise Failed(Exit.WRONG_USE, f"{file} cannot be written: {error.strerror}") from error
    with opened:
        yield opened


@app.command()
def dismiss(
    context: typer.Context, parked: Id, reason: Annotated[str, typer.Option(help="Why; it is logged.")]
) -> None:
    """Take out a record that is no event of ours; whatever belongs to a stream is refused."""
    reader: ReadsModels = context.obj
    with _opened(context) as letters:
        one = _found(letters, parked)
        if not letters.dismiss(parked):
            raise Failed(
                Exit.REFUSED,
                f"{parked} is an event ({one.kind}, stream {one.stream_id}): without it the read models would be "
                "wrong. Only what is foreign can be dismissed",
            )
    log.warning("dead_letter_dismissed", who=reader.actor, why=reason, **words.named(one))
    typer.echo(f"{parked} dismissed")


def _found(letters: DeadLetters, parked: int) -> Parked:
    one = letters.one(parked)
    if one is None:
        raise Failed(Exit.REFUSED, f"nothing is parked under {parked}")
    return one


@contextmanager
def _opened(context: typer.Context) -> Iterator[DeadLetters]:
    reader: ReadsModels = context.obj
    with reader.read_models() as url, dead_letters(url) as letters:
        yield letters
